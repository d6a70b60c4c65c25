"""Settings as their assistants read them: JSON with comments, TOML, YAML; what a later key hides is read as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from secpipe.core.documents import check_shape, parse_toml
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.jsonc import plain_json
from secpipe.formats.lenient import decode_json, parse_json
from secpipe.formats.yaml import parse_tagged

_KEY = re.compile(
    r""""([^"\n]{1,200})"\s*:|^\s*(?:-\s+)?["']?([\w.@/ -]{1,200}?)["']?\s*[:=]|\.["']?([\w-]{1,200})["']?\s*\]""",
    re.MULTILINE,
)


_VARIABLE = re.compile(r"(?m)^\s*(?:export\s+)?([A-Za-z_]\w{1,100})\s*=\s*[\"']?([^\"'\n]{0,4000})")


@dataclass(slots=True)
class Document:
    """The values of a file, as many as it holds, with its text and the first line of each key."""

    values: list[Any]
    text: str
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, key: str) -> int:
        """Return the line on which a key first stands, or 1."""
        if not self.lines:
            at, line = 0, 1
            for match in _KEY.finditer(self.text):
                line += self.text.count("\n", at, match.start(match.lastindex or 0))
                at = match.start(match.lastindex or 0)
                self.lines.setdefault(match[1] or match[2] or match[3], line)
        return self.lines.get(key, 1)


def parse(data: bytes, path: str, limits: Limits = DEFAULT) -> Document:
    """Return what a file of settings says; raises InputError where it cannot be read, UnsafeInput over a bound."""
    lower = path.lower()
    if lower.endswith(".toml"):
        text = data.decode("utf-8-sig", "replace")
        return Document([parse_toml(data.removeprefix(b"\xef\xbb\xbf"), "the file", limits)], text)
    if lower.endswith((".yaml", ".yml")):
        values, _ = parse_tagged(data, "the file", limits)
        check_shape(values, "the file", limits)
        return Document(values, data.decode("utf-8-sig", "replace"))
    text = decode_json(data)
    if lower.endswith(".env"):
        return Document([{"env": dict(_VARIABLE.findall(text))}], text)
    read = parse_json(plain_json(text), "the file")
    values = [read.value, *read.hidden]
    check_shape(values, "the file", limits)
    return Document(values, text)


def front_matter(text: str) -> tuple[dict[str, Any], str, int]:
    """Return (the front matter of a Markdown text, what follows it, the line it begins at); none is an empty table.

    Raises InputError where there is one that cannot be read.
    """
    plain = text.removeprefix("\ufeff")
    match = re.match(r"---[ \t]*\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", plain)
    if match is None:
        return {}, plain, 1
    body = plain[match.end() :]
    line = plain.count("\n", 0, match.end()) + 1
    try:
        values, _ = parse_tagged(match[1].encode("utf-8", "surrogatepass"), "the front matter")
        check_shape(values, "the front matter")
    except InputError:
        # Assistants take `key: value` line by line where YAML does not hold (a colon in a description, a glob).
        return dict(re.findall(r"(?m)^([\w-]{1,60}):[ \t]*(.{0,4000})$", match[1])), body, line
    return (values[0] if values and isinstance(values[0], dict) else {}), body, line


def strings(value: Any) -> list[str]:
    """Return every text in a value, at any depth, in order."""
    found: list[str] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            pending += [*reversed(list(item.values()))]
        elif isinstance(item, list):
            pending += reversed(item)
    return found


def walked(values: list[Any]) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Yield (key, value, keys above) of every table in parsed documents."""
    pending: list[tuple[Any, tuple[str, ...]]] = [(value, ()) for value in values]
    while pending:
        item, inside = pending.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                yield str(key), value, inside
                if isinstance(value, dict | list):
                    pending.append((value, (*inside[-6:], str(key))))
        elif isinstance(item, list):
            pending += [(one, inside) for one in item]
