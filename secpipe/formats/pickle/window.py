"""The window a pickle is walked through: one forward stream, a bounded buffer, exact offsets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, MIB, Limits
from secpipe.formats.stream import Readable

_CHUNK: Final = 1 << 17
_LINE: Final = MIB  # longest line of a text opcode
AHEAD: Final = 16  # more than any opcode with a fixed argument takes


class Broken(InputError):
    """The stream is no pickle from `offset` on."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class OverBound(UnsafeInput):
    """The stream goes over a bound at `offset`."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Window:
    """`data[at:]` is what comes next; `base` is the offset of `data[0]` in the stream.

    Whoever keeps `at` in a local variable writes it back before calling a method.
    """

    def __init__(
        self, stream: Readable, limits: Limits = DEFAULT, expired: Callable[[int], bool] = lambda count: False
    ) -> None:
        self._stream, self._expired = stream, expired
        self._budget = limits.pickle_bytes
        self.data = b""
        self.at = 0
        self.base = 0
        self.ended = False

    @property
    def position(self) -> int:
        """The offset of the next byte."""
        return self.base + self.at

    def fill(self, count: int = 0) -> None:
        """Read on, so that at least `count` bytes are ahead where the stream has them."""
        kept = self.data[self.at :]
        parts, missing = [kept], max(_CHUNK, count - len(kept))
        self._budget -= min(missing, _CHUNK)
        if self._budget < 0:
            raise OverBound("the pickle is longer than is looked at", self.position)
        while missing > 0:
            part = self._stream.read(min(missing, MIB))
            if not part:
                self.ended = True
                break
            parts.append(part)
            missing -= len(part)
        self.base += self.at
        self.data, self.at = b"".join(parts), 0
        if self._expired(len(self.data) - len(kept)):
            raise OverBound("the pickle takes longer to follow than is allowed", self.position)

    def need(self, count: int) -> int:
        """Have `count` bytes ahead if the stream has them; return how many there are."""
        while len(self.data) - self.at < count and not self.ended:
            self.fill(count)
        return len(self.data) - self.at

    def peek(self, count: int) -> bytes:
        """Return up to `count` bytes from here without moving."""
        self.need(count)
        return self.data[self.at : self.at + count]

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes; raises Broken where the stream ends before."""
        if self.need(count) < count:
            raise Broken("the pickle ends inside an opcode", self.position)
        part = self.data[self.at : self.at + count]
        self.at += count
        return part

    def number(self, width: int, signed: bool = False) -> int:
        """Return the next little-endian integer of `width` bytes."""
        return int.from_bytes(self.take(width), "little", signed=signed)

    def line(self) -> bytes:
        """Return the next line without its end; raises Broken where it does not end within 1 MiB."""
        end = self.data.find(b"\n", self.at, self.at + 256)
        wanted = 1024
        while end < 0:
            have = self.need(wanted)
            end = self.data.find(b"\n", self.at, self.at + wanted)
            if end < 0 and (have < wanted or wanted >= _LINE):
                raise Broken("a line does not end", self.position)
            wanted *= 4
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def skip(self, count: int) -> int:
        """Move `count` bytes forward, however many; return how many there were."""
        skipped = min(count, len(self.data) - self.at)
        self.at += skipped
        while skipped < count:
            part = self._stream.read(min(count - skipped, MIB))
            if not part:
                self.ended = True
                break
            self.base, self.data, self.at = self.base + len(self.data), part, len(part)
            skipped += len(part)
        return skipped
