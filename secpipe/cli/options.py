"""Options that mean the same in every command, and where results go."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from secpipe.core.errors import ConfigError
from secpipe.core.foreign import Sink
from secpipe.core.protocols import Clock
from secpipe.core.registry import load
from secpipe.report import SINKS, WRITERS

if TYPE_CHECKING:
    from datetime import date

    from secpipe.cli.progress import Watch

_COLOR = "secpipe.color"
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def at_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--at TIME`: judge as of that time; simulation only (design law 4)."""
    return click.option("--at", metavar="TIME", help="Simulate: judge as of this time (RFC 3339 or a date).")(function)


def max_ring_age_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--max-ring-age DAYS`: a machine without memory does not take an old keyring for the newest."""
    return click.option(
        "--max-ring-age", metavar="DAYS", type=click.IntRange(min=1, max=36_500),
        callback=lambda _context, _option, value: value or 0,
        help="The keyring must be stated to be the newest within so many days (secpipe keys snapshot).",
    )(function)  # fmt: skip


def warn_until_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--warn-until DAY`: the dated warn mode of one caller, where nothing that is judged can reach it."""
    return click.option(
        "--warn-until",
        metavar="DAY",
        callback=_day,
        help="Only warn through this day (UTC), whatever the policy says; from the next one on, enforce.",
    )(function)


def _day(_context: click.Context, _option: click.Parameter, value: str | None) -> date | None:
    from secpipe.system.clock import parse_day

    return None if value is None else parse_day(value)


def color_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--color WHEN`: kept for `use_color`, no argument of the command."""

    def keep(context: click.Context, _option: click.Parameter, value: str) -> None:
        context.meta[_COLOR] = value

    return click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", expose_value=False, callback=keep,
        help="Colours on stdout; auto: on a terminal, or as NO_COLOR and FORCE_COLOR say.",
    )(function)  # fmt: skip


def output_options(*default: str) -> Decorator:
    """`-f/--format FORMAT[=FILE]` (repeatable) and `-o/--output FILE`."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        function = click.option(
            "-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write the result to FILE."
        )(color_option(function))
        return click.option(
            "-f",
            "--format",
            "formats",
            multiple=True,
            metavar="FORMAT[=FILE]",
            default=default or ("terminal",),
            help=f"Repeatable. One of {', '.join(WRITERS)}.",
        )(function)

    return wrap


def form_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-f/--format`, where the result is read by a person or by a program, as `form`."""
    return click.option(
        "-f", "--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True,
        help="How the result is written.",
    )(function)  # fmt: skip


def plain_format(function: Callable[..., Any]) -> Callable[..., Any]:
    """`form_option` and `-o FILE`: how the result is read, and where it goes, as `form` and `output`."""
    out = click.option("-o", "--output", default="-", metavar="FILE", help="Write the result to FILE.")
    return form_option(out(function))


def passphrase_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--passphrase-file REF`: how to open a private key without a prompt; the value itself never stands on argv."""
    return click.option(
        "--passphrase-file",
        metavar="FILE",
        help="File holding the passphrase, or env:NAME, or exec:COMMAND.",
    )(function)


def clock_of(at: str | None) -> Clock:
    """Return the system clock, or the fixed one that `--at` names."""
    from secpipe.system.clock import FixedClock, SystemClock, parse_time

    return FixedClock(parse_time(at)) if at else SystemClock()


def emit(
    document: Mapping[str, Any],
    formats: Sequence[str],
    output: str | None,
    writers: Mapping[str, str] = WRITERS,
) -> None:
    """Render `document` in every asked format: to its file (atomically), to `--output`, or to stdout.

    Raises ConfigError for an unknown format or two results for one place, before anything is written.
    """
    planned: dict[str, str] = {}
    for item in formats:
        name, equals, file = item.partition("=")
        if equals and not file.strip():
            raise ConfigError(f"--format {name}= names no file", hint=f"-f {name}=FILE, or -f {name} for stdout")
        place = file or output or "-"
        if place in planned:
            raise ConfigError(
                f"both {planned[place]} and {name} would go to {'stdout' if place == '-' else place}",
                hint=f"-f {name}=FILE",
            )
        load(writers, name, "format")
        planned[place] = name
    if output and output not in planned:
        raise ConfigError("--output has nothing to hold: every format names its own file")
    from secpipe.api.rendering import rendered
    from secpipe.system import outputs, redaction

    outputs.check(*planned)
    clean = redaction.redact_values(document)  # before a writer escapes what a shape is known by
    painted = {place: place == "-" and use_color() for place in planned}
    made = {place: rendered(clean, name, color=painted[place], writers=writers) for place, name in planned.items()}
    for place, text in made.items():
        outputs.write(place, text, SINKS[planned[place]], color=painted[place])


def emit_for_ci(document: Mapping[str, Any]) -> None:
    """Give a CI job what its platform shows people: annotations and a summary, or a code-quality report."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        emit(document, ("github",), None)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            from secpipe.system import outputs, redaction

            page = load(WRITERS, "markdown", "format")(redaction.redact_values(document))
            outputs.append(summary, page, SINKS["markdown"])
    elif os.environ.get("GITLAB_CI") == "true":
        emit(document, ("gitlab=gl-code-quality-report.json",), None)


def write_result(
    result: str | bytes, place: str = "-", sink: Sink = Sink.TEXT, *, color: bool = False, private: bool = False
) -> None:
    """Write to stdout (`-`) or to whatever `place` names, through the one door of `system.outputs`."""
    from secpipe.system.outputs import write

    write(place, result, sink, color=color, private=private)


def write_json(document: object, place: str = "-", *, private: bool = False) -> None:
    """Write a document as JSON, as `write_result` does."""
    import json

    write_result(json.dumps(document, indent=2, ensure_ascii=False) + "\n", place, Sink.JSON, private=private)


def say(text: str) -> None:
    """Write one line for a person to stdout, line ends in it escaped."""
    from secpipe.system import outputs

    outputs.say(text)


def tell(text: str) -> None:
    """Write a line of progress or complaint to stderr."""
    from secpipe.system import outputs

    outputs.tell(text)


@contextlib.contextmanager
def watching(label: str = "", *, quiet: bool = False, verbose: bool = False) -> Iterator[Watch | None]:
    """Give what tells a person of the work, None where nobody is told: in CI, without a terminal, or asked to be quiet.

    `label` is the first step; with `verbose` every step is a line of its own, for anyone.
    """
    draw = not quiet and sys.stderr.isatty() and not os.environ.get("CI")
    if not (draw or verbose):
        yield None
        return
    from secpipe.cli.progress import Watch

    with Watch(draw=draw, lines=verbose) as watch:
        if label:
            watch.begin(label)
        yield watch


def use_color() -> bool:
    """Colour only on a terminal; `--color` wins over NO_COLOR, that over FORCE_COLOR (no-color.org)."""
    context = click.get_current_context(silent=True)
    if context and (asked := context.meta.get(_COLOR, "auto")) != "auto":
        return bool(asked == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
