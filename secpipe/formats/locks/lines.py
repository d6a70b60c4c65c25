"""Line numbers for values that a parser does not give: where a JSON key stands, by its indentation."""

from __future__ import annotations

import json
import re


def key_lines(data: bytes, indent: int) -> dict[str, int]:
    """Return key -> 1-based line of every JSON key that stands alone at `indent` spaces; first one wins."""
    pattern = re.compile(rb'^ {%d}("(?:[^"\\]|\\.)*")\s*:' % indent)
    lines: dict[str, int] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if match := pattern.match(line):
            try:
                lines.setdefault(json.loads(match[1]), number)
            except ValueError:
                continue
    return lines


def value_lines(data: bytes, key: str, indent: int) -> dict[str, int]:
    """Return text value -> 1-based line of every `"key": "value"` at `indent` spaces; first one wins."""
    pattern = re.compile(rb'^ {%d}"%s": ("(?:[^"\\]|\\.)*")' % (indent, key.encode()))
    lines: dict[str, int] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if match := pattern.match(line):
            try:
                lines.setdefault(json.loads(match[1]), number)
            except ValueError:
                continue
    return lines
