"""The JSON of trust metadata: read strictly, written canonically (OLPC canonical JSON, as TUF signs it)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits

#: Names of identities and holders: they become file names, so nothing that a file system could read otherwise.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")
HEX256 = re.compile(r"[0-9a-f]{64}\Z")
_MAX_DIGITS = 15
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def canonical(value: object) -> bytes:
    """Return OLPC canonical JSON in UTF-8: sorted keys, no space, only quote and backslash escaped.

    Takes str, int, bool, None, list, tuple and dict with str keys; raises InputError for anything else.
    """
    try:
        return _canonical(value).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("the document holds text that is not Unicode") from None


def _canonical(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_canonical(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_canonical(key)}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    raise InputError(f"a {type(value).__name__} cannot be signed")


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


class Fields:
    """Typed access to one JSON object; every complaint names the document. With `close`, unknown keys are errors."""

    def __init__(self, table: object, what: str) -> None:
        if not isinstance(table, dict):
            raise InputError(f"{what} is not a JSON object")
        self.table: dict[str, Any] = table
        self.what = what
        self.asked: set[str] = set()

    def _get(self, key: str, kind: type, *, optional: bool = False) -> Any:
        self.asked.add(key)
        if key not in self.table and optional:
            return None
        value = self.table.get(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise InputError(f'{self.what} has no valid "{key}"')
        return value

    def text(self, key: str, pattern: re.Pattern[str] | None = None, limit: int = 100_000) -> str:
        """Return a string of at most `limit` characters that matches `pattern`."""
        value: str = self._get(key, str)
        if len(value) > limit or (pattern is not None and not pattern.match(value)):
            raise InputError(f'{self.what} has no valid "{key}"')
        return value

    def integer(self, key: str, low: int = 1, high: int = 1_000_000) -> int:
        """Return an integer between the bounds, both included."""
        value: int = self._get(key, int)
        if not low <= value <= high:
            raise InputError(f'{self.what} has no valid "{key}"')
        return value

    def time(self, key: str) -> datetime:
        """Return a UTC time, written as TUF writes it."""
        return self._time(key, self.text(key, limit=20))

    def maybe_time(self, key: str) -> datetime | None:
        """Return a UTC time, or None where the key is absent."""
        self.asked.add(key)
        return self.time(key) if key in self.table else None

    def _time(self, key: str, value: str) -> datetime:
        try:
            instant = datetime.strptime(value, _TIME).replace(tzinfo=UTC)
        except ValueError:
            raise InputError(f'{self.what} has no valid "{key}"') from None
        if time_text(instant) != value:
            raise InputError(f'{self.what} has no valid "{key}"')
        return instant

    def listing(self, key: str, limit: int = 10_000) -> list[Any]:
        """Return a list of at most `limit` items."""
        value: list[Any] = self._get(key, list)
        if len(value) > limit:
            raise InputError(f'{self.what} has no valid "{key}"')
        return value

    def strings(self, key: str, pattern: re.Pattern[str] | None = None, limit: int = 10_000) -> tuple[str, ...]:
        """Return a list of different strings that match `pattern`."""
        items = self.listing(key, limit)
        if len(set(map(str, items))) != len(items) or not all(
            isinstance(item, str) and (pattern is None or pattern.match(item)) for item in items
        ):
            raise InputError(f'{self.what} has no valid "{key}"')
        return tuple(items)

    def texts(self, key: str, limit: int) -> tuple[str, ...]:
        """Return a list of at most `limit` strings, which may repeat."""
        items = self.listing(key, limit)
        if not all(isinstance(item, str) for item in items):
            raise InputError(f'{self.what} has no valid "{key}"')
        return tuple(items)

    def fields(self, key: str) -> Fields:
        """Return the object under `key`."""
        return Fields(self._get(key, dict), f'{self.what}, "{key}"')

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return the object under `key` as it stands."""
        value: dict[str, Any] = self._get(key, dict)
        return value

    def close(self) -> None:
        """Raise InputError if the object holds a key that nobody asked for."""
        if unknown := sorted(set(self.table) - self.asked):
            raise InputError(f'{self.what} has an unknown key "{unknown[0]}"')


def time_text(instant: datetime) -> str:
    """Return a UTC time as TUF writes it: `2026-11-21T12:00:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


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
