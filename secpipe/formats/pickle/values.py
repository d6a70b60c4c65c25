"""What stands on the stack of a pickle that is read and not run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

from secpipe.core.text import printable

#: A value is None (a number or other datum nobody asks for), int, str, bytes, tuple, or one of the classes below.
Value = Any

KEPT: Final = 256  # items remembered of one container


@dataclass(slots=True)
class Global:
    """An imported name."""

    module: Value  # a str, unless the pickle computes it
    name: Value
    offset: int
    extension: bool = False  # named by a number of the copyreg registry

    @property
    def path(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Call:
    """The result of a call or construction. `how` is the opcode: REDUCE, NEWOBJ, NEWOBJ_EX, INST, OBJ."""

    function: Value
    arguments: Value
    how: str
    offset: int
    keywords: Value = None
    state: Value = None  # what BUILD gave it
    lent: bool = False  # something has called it: what it calls may not change any more


class Items(list[Value]):
    """The first items of a container; of those beyond `KEPT` only dunder strings and imports."""

    __slots__ = ()
    brackets: ClassVar[str] = "[{}]"

    def add(self, values: list[Value]) -> None:
        """Take in `values`, up to the bound."""
        room = max(KEPT - len(self), 0)
        self.extend(values[:room])
        if len(self) < 2 * KEPT and len(values) > room:
            hidden = [v for v in values[room:] if type(v) is Global or (type(v) is str and v.startswith("__"))]
            self.extend(hidden[:KEPT])


class ListItems(Items):
    """A list."""

    __slots__ = ()


class SetItems(Items):
    """A set or frozenset."""

    __slots__ = ()
    brackets = "{{{}}}"


class DictItems(Items):
    """A dict: keys and values alternate."""

    __slots__ = ()
    brackets = "{{{}}}"

    def value(self, key: str) -> Value:
        """Return the last value under a string key, or None."""
        for index in range(len(self) - 2, -1, -2):
            if self[index] == key:
                return self[index + 1]
        return None


@dataclass(frozen=True, slots=True)
class Long:
    """A string or bytes too long to hold: where its content stands in the stream, and how it begins."""

    start: int
    length: int
    head: bytes


class Listener(Protocol):
    """What a walk tells its consumer. A returned value other than None replaces the one on the stack."""

    def imported(self, value: Global) -> None: ...

    def called(self, call: Call) -> Value: ...

    def built(self, target: Value, state: Value, offset: int) -> None: ...

    def altered(self, target: Value, values: list[Value], offset: int) -> None:
        """APPEND, SETITEM and the like on something that is no container."""

    def content(self, value: str | bytes | Long, offset: int) -> None:
        """A string or bytes long enough to hold something else."""

    def persistent(self, value: Value, offset: int) -> Value: ...

    def noted(self, fault: str, offset: int) -> None:
        """The structure departs from what any pickler writes."""


def render(value: Value, depth: int = 3, limit: int = 200) -> str:
    """Return `value` as a plain piece of Python-like text, escaped and at most `limit` characters."""
    text = _text(value, depth)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(value: Value, depth: int) -> str:
    match value:
        case str():
            return "'" + printable(value, 120) + "'"
        case bytes():
            return repr(value[:60]) if len(value) <= 60 else repr(value[:60]) + "…"
        case int():
            return str(value) if -(10**40) < value < 10**40 else "…"
        case Global():
            return printable(f"{value.module}.{value.name}", 120)
        case _ if depth <= 0:
            return "…"
        case tuple():
            return f"({_several(value, depth)})"
        case Call():
            arguments = value.arguments if isinstance(value.arguments, tuple) else (value.arguments,)
            return f"{_text(value.function, depth - 1)}({_several(arguments, depth)})"
        case Items():
            return value.brackets.format(_several(value[:7], depth))
        case _:
            return "…"


def _several(values: Iterable[Value], depth: int) -> str:
    shown = list(values)[:7]
    return ", ".join([*(_text(value, depth - 1) for value in shown[:6]), *(["…"] if len(shown) > 6 else [])])
