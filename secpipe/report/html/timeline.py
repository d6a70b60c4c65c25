"""What ends when: the verdict, its policy, waivers and acceptances as a picture (inline SVG) and as words in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from secpipe.core import times
from secpipe.report.document import Report
from secpipe.report.text import clip, markup

_ROWS = 24
_WIDTH, _LEFT, _RIGHT, _ROW = 960, 330, 120, 26


def timeline(report: Report) -> Iterator[str]:
    """Yield a line a dated thing, earliest first; nothing where the verdict alone has a date."""
    begun = times.maybe_instant(report.at)
    dated = sorted((end, name) for name, end in _ends(report))[:_ROWS]
    if begun is None or len(dated) < 2:
        return
    last = max(dated[-1][0], begun)
    span = max((last - begun).total_seconds(), 1.0)
    height = _ROW * (len(dated) + 1)
    yield "<section><h2 id='ends'>What ends when</h2>"
    yield f"<svg role='img' aria-labelledby='ends' viewBox='0 0 {_WIDTH} {height}' width='{_WIDTH}' height='{height}'>"
    yield f"<line class='axis' x1='{_LEFT}' y1='8' x2='{_LEFT}' y2='{height - 8}'/>"
    for row, (end, name) in enumerate(dated):
        y = _ROW * row + 20
        share = max((end - begun).total_seconds(), 0.0) / span
        x = _LEFT + round(share * (_WIDTH - _LEFT - _RIGHT))
        css = "late" if end <= begun else "mark"
        yield f"<text x='{_LEFT - 10}' y='{y + 4}' text-anchor='end'>{markup(clip(name, 44))}</text>"
        yield f"<line class='axis' x1='{_LEFT}' y1='{y}' x2='{x}' y2='{y}'/>"
        yield f"<circle class='{css}' cx='{x}' cy='{y}' r='5'/>"
        yield f"<text x='{x + 10}' y='{y + 4}'>{_told(end, begun)}</text>"
    yield "</svg></section>"


def _ends(report: Report) -> Iterator[tuple[str, datetime]]:
    found = [("this verdict", times.maybe_instant(report.valid_until)), ("the policy", _day(report.policy_expires))]
    found += [(f"waiver {item.id} ({item.owner})", _day(item.expires)) for item in report.waivers]
    found += [(name, _day(end)) for name, end in report.accepted_until]
    yield from ((name, end) for name, end in found if end is not None)


def _day(text: str) -> datetime | None:
    found = times.maybe_day(text)
    return datetime(found.year, found.month, found.day, tzinfo=UTC) if found else None


def _told(end: datetime, begun: datetime) -> str:
    days = (end - begun).days
    when = "ended" if end <= begun else f"{days:,} d" if days else f"{(end - begun).seconds // 3600} h"
    return f"{end.date()} ({when})"
