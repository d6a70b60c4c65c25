"""Bounded views of files: a slice of a seekable file, and a forward reader that pickles and archives share."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from secpipe.core.errors import InputError

_WINDOW: Final = 1 << 20
_OVERLAP: Final = 4096


class Readable(Protocol):
    """Anything with `read(count)`: a file, a slice, a decompressor."""

    def read(self, count: int, /) -> bytes: ...


class Slice(io.RawIOBase):
    """The bytes `start` to `start + length` of a seekable file, as a file of their own."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        super().__init__()
        self._file, self._start, self._length = file, start, max(length, 0)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed's Buffer is 3.12
        count = min(len(buffer), self._length - self._at)
        if count <= 0:
            return 0
        self._file.seek(self._start + self._at)
        data = self._file.read(count)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def view(file: BinaryIO, start: int, length: int) -> BinaryIO:
    """Return a buffered, seekable view of `length` bytes of `file` from `start`."""
    return io.BufferedReader(Slice(file, start, length), 1 << 13)


class Prefixed:
    """A forward stream with bytes put back in front."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head, self._stream, self.begun = head, stream, False

    def read(self, count: int = -1, /) -> bytes:
        """Return up to `count` bytes."""
        self.begun = True
        if self._head:
            part, self._head = self._head[:count], self._head[count:]
            return part
        return self._stream.read(count)


def take(stream: Readable, count: int, what: str) -> bytes:
    """Return exactly `count` bytes of `stream`; raise InputError where it ends before."""
    data = upto(stream, count)
    if len(data) < count:
        raise InputError(f"{what} ends early")
    return data


def upto(stream: Readable, count: int) -> bytes:
    """Return `count` bytes of `stream`, fewer only at its end."""
    whole = stream.read(min(count, 1 << 20)) if count > 0 else b""
    if len(whole) == count or not whole:
        return whole  # nearly always
    parts = [whole]
    count -= len(whole)
    while count > 0 and (part := stream.read(min(count, 1 << 20))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def skip(stream: Readable, count: int) -> bool:
    """Pass over `count` bytes; return whether there were as many. A stream that can seek is not read."""
    if isinstance(stream, io.IOBase) and stream.seekable():
        begin = stream.tell()
        end = stream.seek(0, io.SEEK_END)
        stream.seek(min(begin + count, end))
        return begin + count <= end
    while count > 0 and (piece := stream.read(min(count, 1 << 20))):
        count -= len(piece)
    return count <= 0


def at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return up to `count` bytes at `offset`; fewer only at the end of the file."""
    file.seek(offset)
    return upto(file, count)


def anywhere(file: BinaryIO, start: int, size: int, found: Callable[[bytes], object]) -> bool:
    """Tell whether `found` sees what it looks for, of at most 4 KiB, in a text of any size, behind `start`.

    NUL bytes are left out, so that UTF-16 and UTF-32 are searched as well.
    """
    rest = b""
    while start < size:
        rest = rest[-_OVERLAP:] + at(file, start, _WINDOW).replace(b"\0", b"")
        start += _WINDOW
        if found(rest):
            return True
    return False


def length(file: BinaryIO) -> int:
    """Return the size of a seekable file in bytes."""
    return file.seek(0, io.SEEK_END)
