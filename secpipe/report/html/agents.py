"""What agents reach, as a picture: agent -> what it is given -> hosts and data; inline SVG without script or style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secpipe.core.text import plural
from secpipe.report.document import Given
from secpipe.report.text import clip, markup

_ROWS = 40  # boxes of one column; what is more is counted below
_STEP, _HIGH = 34, 26  # pixels from box to box, and of a box
_COLUMNS = ((10, 150), (250, 300), (660, 290))  # where the boxes of each column begin, and how wide they are
_SIGNS = (20, 40, 38)  # letters that a box of each column holds
_ALARM = ("shell", "secret", "auto", "content")
_SAID = {
    "shell": "any command", "auto": "acts without asking", "net:any": "any host", "secret:credentials": "credentials",
}  # fmt: skip


def of_agents(given: Sequence[Given]) -> Iterator[str]:
    """Yield a heading and the picture, or nothing where no agent is given anything."""
    if not given:
        return
    shown = sorted(set(given), key=lambda one: (one.client, one.item))[:_ROWS]
    ends = list(dict.fromkeys(word for one in shown for word in one.reaches))
    kept = sorted(ends, key=lambda word: (word.partition(":")[0] not in _ALARM, word))[:_ROWS]
    clients = list(dict.fromkeys(one.client for one in shown))
    high = 40 + _STEP * max(len(shown), len(kept), len(clients))
    yield "<h2>What agents reach</h2>"
    yield (
        f'<svg viewBox="0 0 960 {high}" width="100%" role="img" font-size="13" font-family="sans-serif" '
        'aria-label="Lines lead from each agent to what it is given, and on to what that reaches.">'
    )
    for (left, _), word in zip(_COLUMNS, ("agent", "is given", "which reaches"), strict=True):
        yield f'<text x="{left}" y="18" fill="currentColor">{word}</text>'
    yield from _lines(shown, clients, kept)
    for column, names in enumerate((clients, [one.item for one in shown], kept)):
        for row, name in enumerate(names):
            yield _box(column, row, name)
    yield "</svg>"
    if len(set(given)) > len(shown) or len(ends) > len(kept):
        yield f"<p>{plural(len(set(given)) - len(shown), 'further item')} did not fit here: the JSON lists all.</p>"


def _lines(shown: Sequence[Given], clients: list[str], kept: list[str]) -> Iterator[str]:
    place = {word: row for row, word in enumerate(kept)}
    for row, one in enumerate(shown):
        yield _line(0, clients.index(one.client), row, "")
        for word in one.reaches:
            if word in place:
                yield _line(1, row, place[word], "deny" if word.partition(":")[0] in _ALARM else "")


def _line(column: int, start: int, end: int, css: str) -> str:
    (left, wide), (right, _) = _COLUMNS[column], _COLUMNS[column + 1]
    first, last = _middle(start), _middle(end)
    bend = (left + wide + right) // 2
    path = f"M{left + wide} {first} C{bend} {first} {bend} {last} {right} {last}"
    kind = f' class="{css}"' if css else ""
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity="0.55"{kind}/>'


def _middle(row: int) -> int:
    return 30 + row * _STEP + _HIGH // 2


def _box(column: int, row: int, name: str) -> str:
    left, wide = _COLUMNS[column]
    top = 30 + row * _STEP
    word = _SAID.get(name, name.partition(":")[2] if column == 2 and name.startswith("net:") else name)
    css = ' class="deny"' if column == 2 and name.partition(":")[0] in _ALARM else ""
    return (
        f'<g{css}><title>{markup(name)}</title><rect x="{left}" y="{top}" width="{wide}" height="{_HIGH}" rx="5" '
        f'fill="none" stroke="currentColor"/><text x="{left + 8}" y="{top + 18}" fill="currentColor">'
        f"{markup(clip(word, _SIGNS[column]))}</text></g>"
    )
