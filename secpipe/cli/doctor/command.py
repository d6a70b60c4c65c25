"""`secpipe doctor`: what works on this machine and what does not, and why; it says, and never fixes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import at_option, clock_of, form_option, use_color, write_json, write_result
from secpipe.core import times
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from secpipe.cli.doctor.item import Item

_WORDS = {"ok": ("ok", "32"), "absent": ("-", "2"), "attention": ("look", "33"), "broken": ("BROKEN", "31")}


@click.command(
    epilog="""\b
Examples:
  secpipe doctor
  secpipe doctor --trust /etc/secpipe/keys --at 2027-01-01"""
)
@click.option(
    "--trust",
    default="keys",
    show_default=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The trust root.",
)
@form_option
@at_option
def doctor(trust: Path, form: str, at: str | None) -> int:
    """Say what works on this machine and what does not, and why. Nothing is changed, and no network is used.

    Ends with 3 when something is broken. What is optional and not there is no fault.
    """
    from secpipe.core.version import __version__

    now = clock_of(at).now()
    found = _look(trust, now)
    if form == "json":
        head = {"schema": "secpipe.doctor/1", "tool": {"name": "secpipe", "version": __version__}}
        when = {"at": times.rfc3339(now), "simulated": bool(at)}
        write_json(head | when | {"items": [asdict(item) for item in found]})
    else:
        write_result(_page(found, "SIMULATED. " if at else "", use_color()), color=use_color())
    return EXIT_UNDECIDED if any(item.state == "broken" for item in found) else EXIT_PASS


def _look(trust: Path, now: datetime) -> list[Item]:
    from secpipe.cli.doctor import machine as doctor_machine
    from secpipe.cli.doctor import state as doctor_state

    groups: dict[str, Callable[[], Iterator[Item]]] = {
        "installation": doctor_machine.installation,
        "algorithms": doctor_machine.algorithms,
        "engines": doctor_machine.engines,
        "your folders": doctor_state.folders,
        "trust": lambda: doctor_state.trusted(trust, now),
        "advisories": lambda: doctor_state.advisories(now),
    }
    return [item for group, check in groups.items() for item in _guarded(group, check)]


def _guarded(group: str, check: Callable[[], Iterator[Item]]) -> Iterator[Item]:
    """Yield what a check says; one that breaks is itself something to say."""
    from secpipe.cli.doctor.item import Item
    from secpipe.core.errors import SecpipeError
    from secpipe.core.text import printable

    try:
        yield from check()
    except SecpipeError as error:
        yield Item(group, group, "broken", error.message, error.hint)
    except Exception as error:  # doctor is for machines on which things break
        yield Item(group, group, "broken", f"{type(error).__name__}: {printable(str(error), 200)}")


def _page(items: list[Item], lead: str, color: bool) -> str:
    from secpipe.core.text import plural
    from secpipe.report.text import pad, painter, width

    broken = [item for item in items if item.state == "broken"]
    look = sum(item.state == "attention" for item in items)
    first = f"{plural(len(broken), 'thing is', 'things are')} broken" if broken else "Nothing is broken"
    lines = [f"{lead}{first}" + (f", {plural(look, 'thing deserves', 'things deserve')} a look." if look else ".")]
    column, paint = max(width(item.name) for item in items), painter(color)
    group = ""
    for item in items:
        if item.group != group:
            group = item.group
            lines += ["", group.capitalize()]
        word, code = _WORDS[item.state]
        shown = paint(word, code)
        lines.append(f"  {shown}{' ' * (6 - len(word))}  {pad(item.name, column)}  {item.said}")
        if item.hint and item.state != "ok":
            lines.append(f"{' ' * (column + 10)}  hint: {item.hint}")
    return "\n".join(lines) + "\n"
