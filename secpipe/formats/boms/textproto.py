"""CycloneDX in the text form of protocol buffers, turned into the shape of its JSON. Linear and bounded.

Sources: the text format specification of Protocol Buffers, and bom-1.6.proto of CycloneDX for names and enumerations.
"""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.documents import text_of
from secpipe.core.errors import InputError
from secpipe.core.limits import Limits

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<mark>[{}<>\[\]:,;])|(?P<word>[^\s{}<>\[\]:,;"'\#]+)"""
)
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_DEPTH = 64
#: Fields that hold several: the format repeats the field, and does not say that it may stand more than once.
_LISTS = {
    "components", "services", "dependencies", "hashes", "licenses", "properties", "external_references",
    "vulnerabilities", "compositions", "authors", "data", "endpoints", "affects", "ratings", "cwes", "advisories",
    "tags", "assemblies",
}  # fmt: skip
_NAMES = {"bom_ref": "bom-ref", "spec_version": "specVersion", "serial_number": "serialNumber",
          "mime_type": "mime-type", "external_references": "externalReferences", "model_card": "modelCard"}  # fmt: skip
_ENUM = re.compile(r"(?:CLASSIFICATION|HASH_ALG|SCOPE|EXTERNAL_REFERENCE_TYPE|AGGREGATE)_(\w+)")


def read(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    """Return a CycloneDX textproto document in the shape of its JSON; raises InputError where it is none."""
    table = _message(_tokens(text_of(data, what, limits), what), what)
    if not {"spec_version", "components", "metadata"} & set(table):
        raise InputError(f"{what} is no CycloneDX document")
    made = _shaped(table, "")
    return {"bomFormat": "CycloneDX", **made, "dependencies": _edges(table)}


def _tokens(text: str, what: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InputError(f"{what} is no textproto: it cannot be read at character {at:,}")
        at = match.end()
        if match.lastgroup:
            found.append((match.lastgroup, match[0]))
    return found


def _message(tokens: list[tuple[str, str]], what: str) -> dict[str, list[Any]]:
    """Return field -> its values of the whole text; nested messages are such tables."""
    root: dict[str, list[Any]] = {}
    stack: list[tuple[dict[str, list[Any]], str]] = [(root, "")]
    name, listed = "", False
    for kind, word in tokens:
        table = stack[-1][0]
        if kind == "mark" and word in "{<":
            if not name or len(stack) > _DEPTH:
                raise InputError(f"{what} is no textproto: a message without a name, or too deep")
            inner: dict[str, list[Any]] = {}
            table.setdefault(name, []).append(inner)
            stack.append((inner, name if listed else ""))
            name, listed = "", False
        elif kind == "mark" and word in "}>":
            if len(stack) == 1:
                raise InputError(f"{what} is no textproto: it closes more than it opens")
            name = stack.pop()[1]
            listed = bool(name)
        elif kind == "mark":
            listed = word == "[" or (listed and word != "]")
            name = "" if word == "]" else name
        elif not name:
            name = word.strip("\"'")
        else:
            table.setdefault(name, []).append(_text(word) if kind == "text" else _word(word))
            name = name if listed else ""
    if len(stack) > 1:
        raise InputError(f"{what} is no textproto: it ends inside a message")
    return root


def _text(token: str) -> str:
    def plain(match: re.Match[str]) -> str:
        mark = match[1]
        if mark[0] == "x" or mark[0].isdigit():
            return chr(int(mark.removeprefix("x"), 16 if mark[0] == "x" else 8))
        return _PLAIN.get(mark, mark)

    return _ESCAPE.sub(plain, token[1:-1])


def _shaped(table: dict[str, list[Any]], inside: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, values in table.items():
        if name == "dependencies" and not inside:
            continue
        rows = [_shaped(value, name) if isinstance(value, dict) else value for value in values]
        key = "content" if inside == "hashes" and name == "value" else _NAMES.get(name, name)
        made[key] = rows if name in _LISTS else rows[-1]
    if inside == "components" or inside == "component":
        made.setdefault("type", "library")
    return made


def _word(value: str) -> Any:
    if match := _ENUM.fullmatch(value):
        word = match[1].replace("_", "-")
        return word.replace("MD-5", "MD5") if "HASH_ALG" in value else word.lower()
    return int(value) if value.isdecimal() and len(value) < 10 and not value.startswith("0") else value


def _edges(table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    rows = [row for row in table.get("dependencies", []) if isinstance(row, dict)]
    return [
        {
            "ref": str((row.get("ref") or [""])[-1]),
            "dependsOn": [str((part.get("ref") or [""])[-1]) if isinstance(part, dict) else str(part)
                          for key in ("dependencies", "dependsOn", "depends_on") for part in row.get(key, [])],
        }
        for row in rows
    ]  # fmt: skip
