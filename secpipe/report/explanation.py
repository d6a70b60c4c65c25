"""The field `explanation` of a verdict: read as hostile as the rest, and shown as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from secpipe.core.do import Do
from secpipe.core.shape import Table
from secpipe.core.text import plural
from secpipe.report.doing import todo

_WORDS = {"deny": "BLOCKED", "undecided": "UNDECIDED", "warn": "warning"}


@dataclass(frozen=True, slots=True)
class Why:
    """One reason: what it is, then (word, text) for each step behind it."""

    what: str
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was asked for with --explain and --explain-min; `least` is a heading, then its lines, "" where not asked."""

    reasons: tuple[Why, ...] = ()
    least: str = ""
    changes: tuple[tuple[str, Do | None], ...] = ()
    remaining: tuple[tuple[str, Do | None], ...] = ()


def read(table: Table) -> Explanation:
    """Return the checked form; raises InputError. Unknown fields are left aside."""
    found = table.table("least", optional=True)
    return Explanation(
        reasons=tuple(_why(part) for part in table.tables("reasons", optional=True)),
        least=_heading(found) if found.values else "",
        changes=tuple((part.text("what"), todo(part)) for part in found.tables("changes", optional=True)),
        remaining=tuple((part.text("what"), todo(part)) for part in found.tables("remaining", optional=True)),
    )


def _heading(found: Table) -> str:
    count = sum(1 for _ in found.tables("changes", optional=True))
    if not count:
        return "Nothing has to change for a pass" if found.flag("passes") else "For a pass, no finding has to go"
    smallest = "no smaller set is enough" if found.flag("smallest", optional=True) else "none of them can be left out"
    return f"For a pass, {plural(count, 'thing')} must change ({smallest})"


def _why(table: Table) -> Why:
    effect = table.word("effect", tuple(_WORDS))
    return Why(f"{_WORDS[effect]}: {table.text('what')}", tuple(_steps(table)))


def _steps(table: Table) -> Iterator[tuple[str, str]]:
    yield "rule", table.text("rule", limit=200)
    for part in table.tables("demanded", optional=True):
        key, value, source = part.text("key", optional=True), part.text("value"), part.text("from", optional=True)
        yield "demanded", f"{key} = {value} ({source})" if key else f"{value} ({source})"
    evidence = table.table("evidence", optional=True)
    if evidence.values:
        producer, reason = evidence.text("producer", optional=True), evidence.text("reason", optional=True)
        said = f"{evidence.text('check')}: {evidence.text('state')}" + (f", by {producer}" if producer else "")
        yield "evidence", said + (f"; {reason}" if reason and evidence.text("state") != "ok" else "")
    for part in table.tables("findings", optional=True):
        path, line = part.text("path", optional=True), part.number("line", optional=True)
        place = f"{path}:{line}" if path and line else path
        message = part.text("message")
        yield "found", message if not path or path in message else f"{place}: {message}"
    if more := table.number("more", optional=True):
        yield "found", f"and {more:,} more"
