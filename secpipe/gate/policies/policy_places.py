"""Where each key of a policy stands in its TOML text: line and column, for errors and for `policy show --resolved`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secpipe.core.errors import ConfigError

#: A path of keys; an element of an array of tables is its number, from 0.
Path = tuple[str | int, ...]

_KEY = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGNED = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_PART = re.compile(_KEY)
#: What opens or closes something in a value: strings first, so that nothing inside them counts.
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\[\]{}]|#")
_CLOSE = {'"""': re.compile(r'(?:[^\\"]|\\.|"(?!""))*"{3,5}'), "'''": re.compile(r"(?:[^']|'(?!''))*'{3,5}")}


class Places:
    """The places of one document, which has been parsed: what is no TOML never gets here."""

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        self._text = data.decode("utf-8", "replace")
        self._found: dict[Path, tuple[int, int]] | None = None

    def error(self, path: Path, message: str, *, hint: str = "") -> ConfigError:
        """Return the error about the key at `path`, led by where it stands."""
        line, column = self.find(path)
        place = f"{self.source}:{line}:{column}" if line else self.source
        return ConfigError(f"{place}: {message}", hint=hint)

    def find(self, path: Path) -> tuple[int, int]:
        """Return line and column, from 1, of the longest part of `path` that stands in the text, or (0, 0)."""
        if self._found is None:
            self._found = {}
            for found, line, column in _scan(self._text):
                self._found.setdefault(found, (line, column))
        for length in range(len(path), 0, -1):
            if place := self._found.get(path[:length]):
                return place
        return 0, 0

    def has(self, path: Path) -> bool:
        """Whether the text itself names `path`."""
        return self.find(path) != (0, 0) and path in (self._found or {})


def dotted(path: Path) -> str:
    """Return the keys of `path` as people write them, without the numbers of array elements."""
    return ".".join(part for part in path if isinstance(part, str))


def _scan(text: str) -> Iterator[tuple[Path, int, int]]:
    """Yield (path, line, column) of every table header and every assignment, in order."""
    table: Path = ()
    counts: dict[Path, int] = {}
    depth, quote = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        start = 0
        if not quote and not depth:
            if header := _HEADER.match(line):
                table = _enter(_parts(header[2]), header[1] == "[[", counts)
                if isinstance(table[-1], int):
                    yield table[:-1], number, header.start(1) + 1
                yield table, number, header.start(1) + 1
                continue
            assigned = _ASSIGNED.match(line)
            if assigned is None:
                continue
            yield (*table, *_parts(assigned[1])), number, assigned.start(1) + 1
            start = assigned.end()
        depth, quote = _skip(line, start, depth, quote)


def _enter(path: Path, array: bool, counts: dict[Path, int]) -> Path:
    """Return the path of a header with the numbers of the array elements it stands in."""
    whole: Path = ()
    for index, part in enumerate(path):
        whole = (*whole, part)
        if array and index == len(path) - 1:
            counts[whole] = counts.get(whole, -1) + 1
        if whole in counts:
            whole = (*whole, counts[whole])
    return whole


def _skip(line: str, start: int, depth: int, quote: str) -> tuple[int, str]:
    """Return (open brackets, open multi-line quote) after the rest of a line."""
    while True:
        if quote:
            closed = _CLOSE[quote].match(line, start)
            if closed is None:
                return depth, quote
            start, quote = closed.end(), ""
        token = _TOKEN.search(line, start)
        if token is None or token[0] == "#":
            return depth, ""
        start = token.end()
        if token[0] in _CLOSE:
            quote = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(text))
