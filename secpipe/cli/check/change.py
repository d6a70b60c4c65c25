"""`secpipe check --diff` and `--baseline`: only what a change adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from secpipe.gate.outcome import Outcome
    from secpipe.gate.pipeline import Progress
    from secpipe.gate.request import Request

_KEEPS = {
    "store": "--store",
    "sign": "--sign",
    "emit_input": "--emit-input",
    "explain": "--explain",
    "explain_min": "--explain-min",
}


def change_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--diff`, `--baseline` and its pin."""
    for option in reversed(
        (
            click.option(
                "--diff", metavar="BASE", help="Only what this tree adds to a branch or commit blocks; never a pass."
            ),
            click.option(
                "--baseline",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Only what this tree adds to an earlier verdict (JSON) blocks; never a pass.",
            ),
            click.option("--baseline-ref", metavar="PIN", help="sha256:HEX that the file of --baseline must have."),
        )
    ):
        function = option(function)
    return function


def refuse(options: Mapping[str, Any]) -> None:
    """Raise ConfigError for what a change cannot be asked for: it is no verdict on a release."""
    if options["baseline_ref"] and not options["baseline"]:
        raise ConfigError("--baseline-ref pins a file, and none was given", hint="--baseline FILE --baseline-ref PIN")
    if options["diff"] and options["baseline"]:
        raise ConfigError("--diff and --baseline both say what is old", hint="leave one of them out")
    asked = options["diff"] or options["baseline"]
    for name, flag in _KEEPS.items():
        if asked and options.get(name):
            raise ConfigError(
                f"{flag} is for a release, and --diff judges only what a change adds", hint="leave one out"
            )


def only_new(options: Mapping[str, Any], request: Request, outcome: Outcome, progress: Progress) -> dict[str, Any]:
    """Return the document of the change where one was asked for, else the verdict's own."""
    if not (options["diff"] or options["baseline"]):
        return outcome.document
    from secpipe.gate.change import base, compare

    if options["diff"]:
        name, before = options["diff"], base.of_commit(request, outcome, options["diff"], progress)
    else:
        name, before = options["baseline"].name, base.of_file(options["baseline"], options["baseline_ref"] or "")
    return compare.compare(outcome.document, before, name)
