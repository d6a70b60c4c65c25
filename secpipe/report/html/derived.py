"""What was made from what, as a picture: inputs on the left, outputs on the right, each line with its grade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secpipe.core.text import plural
from secpipe.report.document import Derived
from secpipe.report.text import clip, markup

_ROWS = 40  # inputs that are drawn; what is more is counted below
_STEP, _HIGH = 34, 26  # pixels from box to box, and of a box
_LEFT, _RIGHT, _WIDE = 10, 620, 330
_BEND = (_LEFT + _WIDE + _RIGHT) // 2
_STYLES = {
    "contradicted": ' class="deny"', "claimed": ' stroke-dasharray="2 4"', "witnessed": ' stroke-dasharray="8 3"',
    "bounded": ' stroke-dasharray="12 2"',
}  # fmt: skip
#: docs/spec/derivation.md
_GRADES = (
    "Re-derived: the bytes were made again and are the same. Bounded: as near as the step allows, which proves nothing "
    "more. Witnessed: secpipe saw the step. Claimed: somebody says so. Contradicted: the bytes say no."
)


def of_lineage(derived: Sequence[Derived], untold: int = 0) -> Iterator[str]:
    """Yield a heading, the picture and what is wrong, or nothing where no record is there."""
    if not derived:
        return
    lines = [(one, name, role, grade) for one in derived for name, role, grade in one.inputs]
    drawn = lines[:_ROWS]
    outputs = list(dict.fromkeys(one.output for one, *_ in drawn))
    yield "<section><h2 id='lineage'>What it was made from</h2>"
    if drawn:
        high = 40 + _STEP * max(len(drawn), len(outputs))
        yield (
            f'<svg viewBox="0 0 960 {high}" width="100%" role="img" font-size="13" font-family="sans-serif" '
            'aria-label="Lines lead from each input to the output, with the grade of what is known.">'
        )
        yield f'<text x="{_LEFT}" y="18" fill="currentColor">made from</text>'
        yield f'<text x="{_RIGHT}" y="18" fill="currentColor">output</text>'
        for row, (one, name, role, grade) in enumerate(drawn):
            yield _line(row, outputs.index(one.output), grade)
            yield _box(_LEFT, row, f"{role}: {name}", grade == "contradicted")
        for row, output in enumerate(outputs):
            yield _box(_RIGHT, row, output, False)
        yield "</svg>"
    yield from _told(derived, untold + len(lines) - len(drawn))
    yield "</section>"


def _told(derived: Sequence[Derived], left: int) -> Iterator[str]:
    yield "<ul>"
    for one in derived[:_ROWS]:
        who = f"signed by {one.signed}" if one.signed else "not signed, so claimed at most"
        problem = f" <b class='deny'>{markup(one.problem)}</b>" if one.problem else ""
        yield f"<li><code>{markup(one.output)}</code> {markup(one.operation)}, {markup(who)}{problem}"
    yield f"</ul><p>{_GRADES}"
    if left > 0:
        yield f"<p>{plural(left, 'further entry', 'further entries')} did not fit here: the records tell all.</p>"


def _line(start: int, end: int, grade: str) -> str:
    first, last = (30 + row * _STEP + _HIGH // 2 for row in (start, end))
    path = f"M{_LEFT + _WIDE} {first} C{_BEND} {first} {_BEND} {last} {_RIGHT} {last}"
    style = _STYLES.get(grade, "")
    return (
        f'<path d="{path}" fill="none" stroke="currentColor"{style}/>'
        f'<text x="{_LEFT + _WIDE + 8}" y="{first - 3}" font-size="11" fill="currentColor">{markup(grade)}</text>'
    )


def _box(left: int, row: int, name: str, alarm: bool) -> str:
    top, css = 30 + row * _STEP, ' class="deny"' if alarm else ""
    return (
        f'<g{css}><title>{markup(name)}</title><rect x="{left}" y="{top}" width="{_WIDE}" height="{_HIGH}" rx="5" '
        f'fill="none" stroke="currentColor"/><text x="{left + 8}" y="{top + 18}" fill="currentColor">'
        f"{markup(clip(name, 44))}</text></g>"
    )
