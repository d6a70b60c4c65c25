"""Line numbers for values that a parser does not give: where a JSON key or value stands, by its indentation."""

from __future__ import annotations

import json
import re

_TEXT = rb'("(?:[^"\\]|\\.)*")'


def key_lines(data: bytes, indent: int) -> dict[str, int]:
    """Return key -> 1-based line of every JSON key that stands alone at `indent` spaces; first one wins."""
    return _lines(data, re.compile(rb"^ {%d}%s\s*:" % (indent, _TEXT)))


def value_lines(data: bytes, key: str, indent: int) -> dict[str, int]:
    """Return text value -> 1-based line of every `"key": "value"` at `indent` spaces; first one wins."""
    return _lines(data, re.compile(rb'^ {%d}"%s": %s' % (indent, key.encode(), _TEXT)))


def _lines(data: bytes, pattern: re.Pattern[bytes]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if match := pattern.match(line):
            try:
                lines.setdefault(json.loads(match[1]), number)
            except ValueError:
                continue
    return lines


def any_value_lines(data: bytes, keys: tuple[str, ...]) -> dict[str, int]:
    """Return text value -> 1-based line of every `"key" : "value"` line of one of `keys`; first one wins."""
    words = b"|".join(key.encode() for key in keys)
    return _lines(data, re.compile(rb'^[ \t]*"(?:%s)"[ \t]*:[ \t]*%s' % (words, _TEXT)))
