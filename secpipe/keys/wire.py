"""The JSON of trust metadata: read strictly, written canonically (OLPC canonical JSON, as TUF signs it)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits

#: Names of identities and holders: they become file names, so nothing that a file system could read otherwise.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")
HEX256 = re.compile(r"[0-9a-f]{64}\Z")
_MAX_DIGITS = 15


def canonical(value: object) -> bytes:
    """Return OLPC canonical JSON in UTF-8: sorted keys, no space, only quote and backslash escaped.

    Takes str, int, bool, None, list, tuple and dict with str keys; raises InputError for anything else.
    """
    try:
        return _canonical(value).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("the document holds text that is not Unicode") from None
    except TypeError:
        raise InputError("an object with keys that are no text cannot be signed") from None


def _canonical(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join([_text(item) if type(item) is str else _canonical(item) for item in value]) + "]"
    if isinstance(value, dict):  # most values are text: no call for each
        parts = [
            f"{_text(key)}:{_text(item) if type(item) is str else _canonical(item)}"
            for key, item in [(key, value[key]) for key in sorted(value)]
        ]
        return "{" + ",".join(parts) + "}"
    raise InputError(f"a {type(value).__name__} cannot be signed")


def _text(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def pretty(value: object) -> bytes:
    """Return the JSON that lies in files: sorted, one space of indent, a final newline."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")


def read(data: bytes, what: str, limits: Limits = DEFAULT) -> dict[str, Any]:
    """Return the JSON object in `data`, refusing duplicate keys, fractions, huge numbers, deep nesting and bad Unicode.

    `what` names the document in errors. Raises InputError, UnsafeInput over a bound.
    """
    if len(data) > limits.document_bytes:
        raise UnsafeInput(f"{what} is larger than {limits.document_bytes:,} bytes")

    def refuse(text: str) -> object:
        raise InputError(f"{what} holds a number that is not a small integer")

    def integer(text: str) -> int:
        if len(text.lstrip("-")) > _MAX_DIGITS:
            raise InputError(f"{what} holds a number that is not a small integer")
        return int(text)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise InputError(f"{what} holds a key twice")
        return table

    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=unique, parse_float=refuse, parse_int=integer, parse_constant=refuse
        )
        brackets = data.count(b"{") + data.count(b"[")  # few of them cannot nest deep
        if brackets > limits.json_depth and _depth(value, limits.json_depth) < 0:
            raise UnsafeInput(f"{what} is nested deeper than {limits.json_depth}")
        if b"\\u" in data:  # an escape can smuggle in a lone surrogate
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise UnsafeInput(f"{what} is nested deeper than {limits.json_depth}") from None
    except ValueError:  # JSONDecodeError, UnicodeDecodeError, UnicodeEncodeError (a lone surrogate)
        raise InputError(f"{what} is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise InputError(f"{what} is not a JSON object")
    return value


def _depth(value: object, left: int) -> int:
    """Return the levels left after the deepest value; negative when there is one too many."""
    if left < 0 or not isinstance(value, dict | list):
        return left
    items = value.values() if isinstance(value, dict) else value
    return min((_depth(item, left - 1) for item in items), default=left)


def b64(data: bytes) -> str:
    """Return standard base64 in one line."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: object, what: str) -> bytes:
    """Return the bytes of canonical base64; raises InputError."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data or b64(data) != text:
        raise InputError(f"{what} is not base64")
    return data
