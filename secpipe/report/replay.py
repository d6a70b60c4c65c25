"""`secpipe.replay/1` as text: which verdicts another policy would change, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.core.shape import Table
from secpipe.report.text import COLUMNS, hanging, painter, wrap

_BOLD, _RED, _GREEN, _YELLOW = "1", "31", "32", "33"
_TINT = {"pass": _GREEN, "warn": _YELLOW, "deny": _RED, "undecided": _YELLOW}
_ROWS = 50  # verdicts in full
_REASONS = 8  # of one verdict


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as text of at most 100 columns where words allow. Raises InputError for a malformed one."""
    table = Table(document)

    paint = painter(color)

    lines = [paint(line, _BOLD) for line in wrap(table.text("sentence"), COLUMNS)]
    verdicts = list(table.tables("verdicts"))
    changed = [row for row in verdicts if row.flag("changed")]
    for row in changed[:_ROWS]:
        then, now = (paint(row.text(key), _TINT.get(row.text(key), "")) for key in ("then", "now"))
        about = f"{row.table('subject').text('name')} for {row.text('environment')}, {row.text('at')}"
        lines += ["", f"{then} -> {now}  {paint(about, _BOLD)}"]
        lines += [*_reasons(row, "new"), *_reasons(row, "gone")]
    if len(changed) > _ROWS:
        lines += ["", f"and {len(changed) - _ROWS:,} more: -f json lists them"]
    odd = [f"{row.text('entry')}: {row.text('mismatch')}" for row in verdicts if row.text("mismatch", optional=True)]
    bad = [f"{row.text('entry')}: {row.text('reason')}" for row in table.tables("not_replayed")]
    for heading, rows in (("No longer as stored", odd), ("Not replayed", bad)):
        if rows:
            lines += ["", paint(heading, _BOLD), *(line for row in rows for line in hanging("  - ", row))]
    counts = table.table("changes")
    rows = [f"{name}: {counts.number(name):,}" for name in counts.values]
    against = table.table("against", optional=True)
    rows.append(f"policy: {_policy(table.table('policy'))}")
    rows.append(f"against: {_policy(against) if against.values else 'what was stored'}")
    lines += ["", paint("In short", _BOLD), *(f"  {row}" for row in rows)]
    return "\n".join(lines) + "\n"


def _reasons(row: Table, key: str) -> list[str]:
    lead = {"new": "  new:  ", "gone": "  gone: "}[key]
    rows = [f"{reason.text('what')} ({reason.text('rule')})" for reason in row.tables(key)]
    lines = [line for text in rows[:_REASONS] for line in hanging(lead, text)]
    return lines + [f"{lead}and {len(rows) - _REASONS:,} more"] * (len(rows) > _REASONS)


def _policy(table: Table) -> str:
    digest = table.table("digest").text("sha256", limit=80)[:16]
    return f"{table.text('name', optional=True) or table.text('source')}, sha256:{digest}…"
