"""`secpipe hook`: judge what a push or commit would publish, before it does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import clock_of, emit, say, warn_until_option
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED, ConfigError, InputError
from secpipe.core.text import printable

if TYPE_CHECKING:
    from datetime import date

#: How long a new hook only warns, where nobody says otherwise: the first push is no place to learn what must change.
GRACE = timedelta(days=30)
_KIND = click.argument("kind", default="pre-push", metavar="[pre-push|pre-commit]")
_WHERE = click.option(
    "-C", "--repository", "where", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    metavar="FOLDER", help="The repository, if you do not stand in it.",
)  # fmt: skip


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


@hook.command(short_help="Install the hook beside one that may be there.")
@_KIND
@_WHERE
@_check_options
@warn_until_option
def install(kind: str, where: Path, warn_until: date | None, mode: str, **options: str) -> int:
    """Install the hook in this repository, beside the one that may be there already.

    Unless --mode or --warn-until says otherwise it only warns for the first 30 days; the day stands in the hook's own
    line, which nothing that is pushed can change.
    """
    from secpipe.cli.next_step import Step, secpipe
    from secpipe.gate import hook as room

    if mode not in ("", "warn", "enforce"):
        raise ConfigError(
            f'"{printable(mode, 60)}" is no mode', hint="--mode warn, --mode enforce, or --warn-until DAY"
        )
    if mode and warn_until:
        raise ConfigError("--mode and --warn-until both say the mode", hint="leave one of them out")
    until = None if mode else warn_until or clock_of(None).now().date() + GRACE
    words = _words(options)
    place = room.install(where, kind, (*words, *(("--warn-until", str(until)) if until else ("--mode", mode))))
    say(f"installed {place}")
    if room.within(where, place):
        say("it lies in the project (core.hooksPath): whoever changes the project can change it")
    if until and until >= clock_of(None).now().date():
        say(f"it only warns through {until}; from the next day on it stops what must not go out")
        here = [] if str(where) == "." else ["-C", str(where)]
        name = [kind] if kind != room.KINDS[0] else []
        secpipe("hook", "install", *name, *here, *words, "--mode", "enforce", lead="to stop it from today on").show()
    Step(room.push(where, kind)).show()
    return EXIT_PASS


def _words(options: dict[str, str]) -> list[str]:
    """Return the options as the hook's line has them: it runs elsewhere, so paths are absolute."""
    words = []
    for name, value in options.items():
        if value and (name, value) != ("environment", "prod"):
            flag = "--env" if name == "environment" else f"--{name.replace('_', '-')}"
            path = name == "trust" or (name == "policy" and not value.startswith("builtin:"))
            words += [flag, str(Path(value).resolve()) if path else value]
    return words


@hook.command(short_help="Remove the hook and restore what was there before.")
@_KIND
@_WHERE
def uninstall(kind: str, where: Path) -> int:
    """Remove the hook and restore what was there before, byte for byte."""
    from secpipe.gate import hook as room

    say(f"removed {room.uninstall(where, kind)}")
    return EXIT_PASS


@hook.command(short_help="Judge what git is about to publish; git starts this.")
@_KIND
@click.argument("remote", nargs=-1)
@_check_options
@warn_until_option
def run(
    kind: str, remote: tuple[str, ...], environment: str, mode: str, warn_until: date | None, **options: str
) -> int:
    """Judge what git is about to publish; git starts this, and a verdict other than a pass stops it.

    Everything is read from git's object store: nothing of the tree runs, no filter and no work-tree file is used.
    """
    from secpipe.cli.next_step import after_hook_run
    from secpipe.gate import published as room
    from secpipe.gate.pipeline import check as judge
    from secpipe.gate.projects import parts_of
    from secpipe.gate.request import Request

    here = Path.cwd()
    trees = room.pushed(here, sys.stdin.read()) if kind == "pre-push" else room.staged(here)
    worst = EXIT_PASS
    for published in trees:
        if options["trust_pin"] and not options["trust"] and not (published.folder / "keys" / "root").is_dir():
            raise InputError(
                f"{published.name} holds no keys/root, and the hook is pinned to a trust root",
                hint="git add keys && git commit -m 'The trust root', or secpipe hook install without --trust-pin",
            )
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
            warn_until=warn_until,
            cache=False,
            parts=True,
            memory="read",  # what is pushed is not deployed yet
        )
        for part in parts_of(request):
            document = judge(part.request, rules=part.rules).document
            emit(document, ("terminal",), None)
            if step := after_hook_run(document, part.request):
                step.show()
            worst = _worse(worst, int(document["exit_code"]))
    return worst


def _worse(one: int, other: int) -> int:
    return max((one, other), key=(EXIT_PASS, EXIT_UNDECIDED, EXIT_DENY).index)
