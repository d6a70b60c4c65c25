"""Universal Binary JSON (draft 12), walked and not built: does a file hold one object? XGBoost keeps models so."""

from __future__ import annotations

from typing import Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.stream import Readable, take

#: marker -> bytes of the value behind it.
_FIXED: Final = {
    b"Z": 0, b"T": 0, b"F": 0, b"i": 1, b"U": 1, b"C": 1, b"I": 2, b"l": 4, b"d": 4, b"L": 8, b"D": 8,
}  # fmt: skip
_INTEGERS: Final = frozenset(b"iUIlL")
_NAME: Final = 4096  # bytes of the longest key


def check(stream: Readable, limits: Limits = DEFAULT) -> tuple[str, ...]:
    """Walk the one object of a stream and return its own keys.

    Raises InputError where it is no such object or something follows it, UnsafeInput where it is too large.
    """
    if take(stream, 1, "the file") != b"{":
        raise InputError("the file is no object")
    walk = _Walk(stream, limits)
    walk.container(b"{")
    while walk.open:
        walk.step()
    if stream.read(1):
        raise InputError("bytes follow the object")
    return tuple(walk.keys)


class _Walk:
    """Open containers: [marker, type of the values or b"", values left or -1 up to the closing mark]."""

    def __init__(self, stream: Readable, limits: Limits) -> None:
        self.stream, self.limits = stream, limits
        self.open: list[tuple[bytes, bytes, int]] = []
        self.keys: list[str] = []
        self.walked = 0

    def step(self) -> None:
        """Go over one value of the innermost container, or close it."""
        self.walked += 1
        if self.walked > self.limits.walked_items or len(self.open) > self.limits.json_depth:
            raise UnsafeInput("more values, or deeper ones, than are followed")
        kind, type_, left = self.open[-1]
        if not left:
            self.open.pop()
            return
        self.open[-1] = (kind, type_, left - 1 if left > 0 else left)
        marker = self.take(1) if left < 0 or kind == b"{" else b""
        if left < 0 and marker == (b"}" if kind == b"{" else b"]"):
            self.open.pop()
            return
        if kind == b"{":
            key = self.take(self.count(marker, _NAME))
            if len(self.open) == 1:
                self.keys.append(key.decode("utf-8", "replace"))
            marker = b""
        self.value(type_ or marker or self.take(1))

    def value(self, marker: bytes) -> None:
        """Go over a value of the type that its marker says."""
        if marker in _FIXED:
            self.skip(_FIXED[marker])
        elif marker in {b"S", b"H"}:
            self.skip(self.count(self.take(1)))
        elif marker in {b"{", b"["}:
            self.container(marker)
        elif marker != b"N":
            raise InputError("a byte that begins no value")

    def container(self, kind: bytes) -> None:
        """Open a container: its type and number of values, where they are told; numbers of one type are skipped."""
        first = self.take(1)
        if first == b"$":
            type_ = self.take(1)
            if self.take(1) != b"#":
                raise InputError("a type without a number of values")
            count = self.count(self.take(1))
            if kind == b"[" and type_ in _FIXED:
                self.skip(count * _FIXED[type_])
            else:
                self.open.append((kind, type_, count))
        elif first == b"#":
            self.open.append((kind, b"", self.count(self.take(1))))
        elif first != (b"}" if kind == b"{" else b"]"):
            self.open.append((kind, b"", -1))
            self.first(kind, first)

    def first(self, kind: bytes, marker: bytes) -> None:
        """Go over the first value of a container whose marker was read to see that it tells no type."""
        if kind == b"{":
            key = self.take(self.count(marker, _NAME))
            if len(self.open) == 1:
                self.keys.append(key.decode("utf-8", "replace"))
            marker = self.take(1)
        self.value(marker)

    def count(self, marker: bytes, most: int = 1 << 62) -> int:
        """Return a length or number of values."""
        if marker[0] not in _INTEGERS:
            raise InputError("a length that is no integer")
        number = int.from_bytes(self.take(_FIXED[marker]), "big", signed=marker != b"U")
        if not 0 <= number <= most:
            raise InputError("a length that cannot be")
        return number

    def take(self, count: int) -> bytes:
        return take(self.stream, count, "the file")

    def skip(self, count: int) -> None:
        while count > 0:
            count -= len(self.take(min(count, 1 << 20)))
