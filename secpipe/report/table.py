"""A reader of hostile JSON values by name and type; what is wrong is said with its place in the document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
