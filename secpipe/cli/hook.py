"""`secpipe hook`: judge what a push or commit would publish, before it does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from secpipe.cli.options import clock_of, emit, say
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED

_KIND = click.argument("kind", default="pre-push", metavar="[pre-push|pre-commit]")


@click.group()
def hook() -> None:
    """Install, remove and run the git hook."""


def _check_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for names, words in (
        (("--policy",), "Policy file, or builtin:NAME."),
        (("--policy-ref",), "sha256:HEX the policy must have, git:REF[:PATH], or signed[:WHO]."),
        (("--trust",), "Trust root (default: keys/ in the pushed tree, self-judged)."),
        (("--trust-pin",), "sha256:HEX of a root in its chain."),
        (("--env", "environment"), "Environment to judge for."),
        (("--mode",), "warn or enforce, whatever the policy says."),
    ):
        default = "prod" if names[0] == "--env" else ""
        function = click.option(*names, default=default, metavar="VALUE", help=words)(function)
    return function


@hook.command()
@_KIND
@_check_options
def install(kind: str, **options: str) -> int:
    """Install the hook in this repository, beside the one that may be there already."""
    from secpipe.gate import hook as room

    words = []
    for name, value in options.items():
        if value:
            flag = "--env" if name == "environment" else f"--{name.replace('_', '-')}"
            path = name == "trust" or (name == "policy" and not value.startswith("builtin:"))
            words += [flag, str(Path(value).resolve()) if path else value]
    say(f"installed {room.install(Path.cwd(), kind, tuple(words))}")
    return EXIT_PASS


@hook.command()
@_KIND
def uninstall(kind: str) -> int:
    """Remove the hook and restore what was there before, byte for byte."""
    from secpipe.gate import hook as room

    say(f"removed {room.uninstall(Path.cwd(), kind)}")
    return EXIT_PASS


@hook.command()
@_KIND
@click.argument("remote", nargs=-1)
@_check_options
def run(kind: str, remote: tuple[str, ...], environment: str, mode: str, **options: str) -> int:
    """Judge what git is about to publish; git starts this, and a verdict other than a pass stops it.

    Everything is read from git's object store: nothing of the tree runs, no filter and no work-tree file is used.
    """
    from secpipe.gate import hook as room
    from secpipe.gate.pipeline import check as judge
    from secpipe.gate.request import Request

    here = Path.cwd()
    trees = room.pushed(here, sys.stdin.read()) if kind == "pre-push" else room.staged(here)
    worst = EXIT_PASS
    for published in trees:
        request = Request(
            path=published.folder,
            now=clock_of(None).now(),
            environment=environment,
            policy=options["policy"],
            policy_ref=options["policy_ref"],
            repository=here,
            trust=Path(options["trust"]) if options["trust"] else None,
            trust_pin=options["trust_pin"],
            name=published.name,
            not_read=published.not_read,
            mode=mode,
            cache=False,
            parts=True,
            memory="read",  # what is pushed is not deployed yet
        )
        document = judge(request).document
        emit(document, ("terminal",), None)
        worst = _worse(worst, int(document["exit_code"]))
    return worst


def _worse(one: int, other: int) -> int:
    return max((one, other), key=(EXIT_PASS, EXIT_UNDECIDED, EXIT_DENY).index)
