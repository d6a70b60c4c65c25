"""Typed access to what others wrote: what is wrong is said with its place.

`Table` reads a report that people are shown, `Fields` a document in which an unknown key is an error; `text`, `texts`,
`mapping`, `listing` and `tables` read what may be anything, and take what is of another shape for absent.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from secpipe.core import times
from secpipe.core.errors import InputError
from secpipe.core.text import LIMIT, printable

_MAX_INT = 2**53 - 1  # the largest integer every JSON reader agrees on (RFC 8259 section 6)


@dataclass(frozen=True, slots=True)
class Table:
    """One JSON object and where it stands (`findings[3]`). Every accessor raises InputError."""

    values: Mapping[str, Any]
    where: str = ""

    def refuse(self, key: str, problem: str) -> InputError:
        """Return the error that `key` has `problem`."""
        place = ".".join(filter(None, (self.where, key))) or "the document"
        return InputError(f"{printable(place, 120)} {problem}", hint="is this a file that secpipe wrote with -f json?")

    def _get(self, key: str, optional: bool) -> Any:
        value = self.values.get(key)
        if value is None and not optional:
            raise self.refuse(key, "is missing")
        return value

    def text(self, key: str, *, optional: bool = False, limit: int = LIMIT) -> str:
        """Return a string, made safe to print; "" where an optional one is absent."""
        value = self._get(key, optional)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.refuse(key, "is not a string")
        return printable(value, limit)

    def word(self, key: str, allowed: Collection[str], *, optional: bool = False) -> str:
        """Return one of the `allowed` words."""
        value = self.text(key, optional=optional)
        if value not in allowed and not (optional and not value):
            raise self.refuse(key, f'is "{printable(value, 40)}", none of {", ".join(allowed)}')
        return value

    def number(self, key: str, *, optional: bool = False) -> int:
        """Return an integer from 0 to 2^53 - 1; 0 where an optional one is absent."""
        value = self._get(key, optional)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_INT:
            raise self.refuse(key, "is not a whole number of at least 0")
        return value

    def instant(self, key: str) -> datetime:
        """Return the instant that an RFC 3339 time names."""
        moment = times.maybe_instant(self.text(key, limit=40))
        if moment is None:
            raise self.refuse(key, "is not an RFC 3339 time")
        return moment

    def flag(self, key: str, *, optional: bool = False) -> bool:
        """Return true or false; False where an optional one is absent."""
        value = self._get(key, optional)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.refuse(key, "is neither true nor false")
        return value

    def table(self, key: str, *, optional: bool = False) -> Table:
        """Return an object; an empty one where an optional one is absent or null."""
        value = self._get(key, optional)
        if value is None:
            return Table({}, self._below(key))
        if not isinstance(value, Mapping):
            raise self.refuse(key, "is not an object")
        return Table(value, self._below(key))

    def tables(self, key: str, *, optional: bool = False) -> Iterator[Table]:
        """Yield the objects of an array."""
        for index, value in enumerate(self._array(key, optional)):
            if not isinstance(value, Mapping):
                raise self.refuse(f"{key}[{index}]", "is not an object")
            yield Table(value, f"{self._below(key)}[{index}]")

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        """Return the strings of an array, made safe to print."""
        items = self._array(key, optional)
        for index, value in enumerate(items):
            if not isinstance(value, str):
                raise self.refuse(f"{key}[{index}]", "is not a string")
        return tuple(printable(value) for value in items)

    def _array(self, key: str, optional: bool) -> list[Any]:
        value = self._get(key, optional)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.refuse(key, "is not an array")
        return list(value)

    def _below(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


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

    def instant(self, key: str) -> datetime:
        """Return the instant that an RFC 3339 time names."""
        moment = times.maybe_instant(self._get(key, str))
        if moment is None:
            raise InputError(f'{self.what} has no valid "{key}": no RFC 3339 time with its time zone')
        return moment

    def time(self, key: str) -> datetime:
        """Return a UTC time, written as TUF writes it."""
        return self._time(key, self.text(key, limit=20))

    def maybe_time(self, key: str) -> datetime | None:
        """Return a UTC time, or None where the key is absent."""
        self.asked.add(key)
        return self.time(key) if key in self.table else None

    def _time(self, key: str, value: str) -> datetime:
        moment = times.maybe_instant(value)
        if moment is None or times.rfc3339(moment) != value:
            raise InputError(f'{self.what} has no valid "{key}"')
        return moment

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value: bool = self._get(key, bool)
        return value

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


T = TypeVar("T")


def exactly(kind: type[T], value: object) -> T:
    """Return the value, which is of this very type; raises TypeError."""
    if type(value) is not kind:
        raise TypeError(f"no {kind.__name__}")
    return value


def text(value: object) -> str:
    """Return a text, or ""."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> list[Any]:
    """Return what an array holds, or nothing."""
    return list(value) if isinstance(value, list | tuple) else []


def tables(value: object) -> list[dict[str, Any]]:
    """Return the objects of an array; what is none is left out."""
    return [item for item in listing(value) if isinstance(item, dict)]


def texts(value: object) -> list[str]:
    """Return the texts of an array; what is none is left out."""
    return [item for item in listing(value) if isinstance(item, str)]
