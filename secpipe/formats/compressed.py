"""Compressed streams as forward readers with a bound: zlib, deflate, gzip, bzip2, xz, lzma, lz4, zstd."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, MIB, Limits
from secpipe.formats.lz4 import Lz4Decoder
from secpipe.formats.stream import Readable
from secpipe.formats.zstd import ZstdDecoder

_CHUNK: Final = 1 << 16
_FREE: Final = 256 * MIB  # what any ratio may expand to: an array of zeros is honest


def _xz(memory: int) -> Any:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory)


def _alone(memory: int) -> Any:
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory)


class _ZipLzma:
    """LZMA as ZIP has it (APPNOTE 5.8): a version, the properties, then a stream that may lack its end mark."""

    def __init__(self) -> None:
        self._decoder = _alone(_MEMORY)
        self._head = b""
        self._begun = False
        self.unused_data = b""
        self.eof = False

    @property
    def needs_input(self) -> bool:
        return not self._begun or bool(self._decoder.needs_input)

    def decompress(self, data: bytes, count: int) -> bytes:
        """Return up to `count` bytes."""
        if not self._begun:
            self._head += data
            if len(self._head) < 9:
                return b""
            data, self._begun = self._head[4:9] + b"\xff" * 8 + self._head[9:], True
        result: bytes = self._decoder.decompress(data, count)
        self.eof, self.unused_data = self._decoder.eof, self._decoder.unused_data
        return result


_MEMORY: Final = 128 * MIB  # dictionary of an LZMA decoder
#: format -> a new decoder; those after the first member of a stream are made again.
_DECODERS: Final[dict[str, Callable[[], Any]]] = {
    "zlib": lambda: zlib.decompressobj(15),
    "deflate": lambda: zlib.decompressobj(-15),
    "gzip": lambda: zlib.decompressobj(31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: _xz(_MEMORY),
    "lzma": lambda: _alone(_MEMORY),
    "zip-lzma": _ZipLzma,
    "lz4": Lz4Decoder,
    "zstd": ZstdDecoder,
}
_SEVERAL: Final = frozenset({"gzip", "bzip2", "xz", "zstd"})
_PADDED: Final = _SEVERAL - {"zstd"}  # zeros may follow the last member
_SMALL: Final = 4096  # bytes, packed and unpacked, that many members must have on average


class Expander:
    """The decompressed bytes of a stream, forward only.

    `read` raises UnsafeInput when the stream expands beyond `archive_bytes`, far beyond `archive_ratio`, or where
    `spend`, told how many bytes it gives, says no; InputError when it is broken.
    `rest` is what follows the compressed data, as far as it was read. Memory: two chunks.
    """

    def __init__(
        self, stream: Readable, kind: str, limits: Limits = DEFAULT, spend: Callable[[int], bool] = lambda count: True
    ) -> None:
        if kind not in _DECODERS:
            raise InputError(f"{kind} is not a compression that is read")
        self._stream, self._kind, self._limits, self._spend = stream, kind, limits, spend
        self._decoder = _DECODERS[kind]()
        self._pending = b""
        self._taken = self._given = self._members = 0
        self._done = False
        self.rest = b""

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes, none only at the end."""
        while not self._done and count > 0:
            data = self._step(count)
            if data:
                self._given += len(data)
                self._check(len(data))
                return data
        return b""

    def _step(self, count: int) -> bytes:
        if not self._pending and self._hungry():
            self._pending = self._stream.read(_CHUNK)
            self._taken += len(self._pending)
            if not self._pending:
                self._done = True
                if self._kind == "zip-lzma":
                    return b""
                raise InputError(f"the {self._kind} stream ends early")
        try:
            data: bytes = self._decoder.decompress(self._pending, count)
        except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError, MemoryError) as error:
            self._done = True
            raise InputError(f"the {self._kind} stream is broken: {type(error).__name__}") from None
        self._pending = getattr(self._decoder, "unconsumed_tail", b"")
        if self._decoder.eof:
            self._next(self._decoder.unused_data)
        return data

    def _hungry(self) -> bool:
        return bool(getattr(self._decoder, "needs_input", True))

    def _next(self, unused: bytes) -> None:
        more = unused or self._stream.read(_CHUNK)
        self._taken += 0 if unused else len(more)
        if self._kind in _SEVERAL and (more.strip(b"\0") if self._kind in _PADDED else more):
            self._members += 1
            if self._members > self._limits.archive_members and self._taken + self._given < self._members * _SMALL:
                raise UnsafeInput(f"the {self._kind} stream has more than {self._limits.archive_members:,} parts")
            self._decoder, self._pending = _DECODERS[self._kind](), more
        else:
            self.rest, self._done = more, True

    def _check(self, given: int) -> None:
        limits = self._limits
        if not self._spend(given):
            raise UnsafeInput(f"the {self._kind} stream expands further than the work for its file allows")
        if self._given > limits.archive_bytes:
            raise UnsafeInput(f"the {self._kind} stream expands beyond {limits.archive_bytes:,} bytes")
        if self._given > _FREE and self._given > self._taken * limits.archive_ratio * 6:
            raise UnsafeInput(f"the {self._kind} stream expands more than {limits.archive_ratio * 6} times")
