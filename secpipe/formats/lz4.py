"""LZ4 frames (LZ4 Frame Format 1.6), as joblib writes them: a small decoder with the shape of `bz2.BZ2Decompressor`."""

from __future__ import annotations

from typing import Final

_MAGIC: Final = b"\x04\x22\x4d\x18"
_BLOCK_SIZES: Final = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22}
_WINDOW: Final = 1 << 16


class Lz4Decoder:
    """Incremental decoder of one frame; raises ValueError for a broken one. Checksums are not compared."""

    def __init__(self) -> None:
        self.eof = False
        self.unused_data = b""
        self.needs_input = True
        self._data = b""
        self._out = b""
        self._history = b""
        self._block = 0  # largest block; 0 before the header was read
        self._linked = self._block_checksum = self._content_checksum = False

    def decompress(self, data: bytes, count: int) -> bytes:
        """Take in `data`, return up to `count` decompressed bytes."""
        self._data += data
        while not self.eof and len(self._out) < count and self._advance():
            pass
        result, self._out = self._out[:count], self._out[count:]
        self.needs_input = not self._out and not self.eof
        return result

    def _advance(self) -> bool:
        if not self._block:
            return self._header()
        if len(self._data) < 4:
            return False
        size = int.from_bytes(self._data[:4], "little")
        if size == 0:
            end = 4 + 4 * self._content_checksum
            if len(self._data) < end:
                return False
            self.eof, self.unused_data = True, self._data[end:]
            return True
        raw, size = size >> 31, size & 0x7FFFFFFF
        if size > self._block:
            raise ValueError("a block is larger than the frame allows")
        end = 4 + size + 4 * self._block_checksum
        if len(self._data) < end:
            return False
        block, self._data = self._data[4 : 4 + size], self._data[end:]
        out = block if raw else decode_block(block, self._block, self._history if self._linked else b"")
        self._out += out
        self._history = (self._history + out)[-_WINDOW:] if self._linked else b""
        return True

    def _header(self) -> bool:
        if len(self._data) < 7:
            return False
        flags, block = self._data[4], self._data[5] >> 4 & 7
        if self._data[:4] != _MAGIC or flags >> 6 != 1 or block not in _BLOCK_SIZES:
            raise ValueError("no LZ4 frame")
        end = 7 + 8 * (flags >> 3 & 1) + 4 * (flags & 1)
        if len(self._data) < end:
            return False
        self._linked = not flags >> 5 & 1
        self._block_checksum, self._content_checksum = bool(flags >> 4 & 1), bool(flags >> 2 & 1)
        self._block, self._data = _BLOCK_SIZES[block], self._data[end:]
        return True


def decode_block(block: bytes, most: int, history: bytes = b"") -> bytes:
    """Return the content of one LZ4 block, at most `most` bytes; raises ValueError for a broken one."""
    out = bytearray(history)
    start, at = len(history), 0
    try:
        while at < len(block):
            token = block[at]
            at += 1
            count, at = _length(block, at, token >> 4)
            if at + count > len(block):
                raise ValueError("literals end early")
            out += block[at : at + count]
            at += count
            if at < len(block):
                distance = block[at] | block[at + 1] << 8
                count, at = _length(block, at + 2, token & 15)
                _repeat(out, distance, count + 4)
            if len(out) - start > most:
                raise ValueError("a block expands beyond its bound")
    except IndexError:
        raise ValueError("a block ends early") from None
    return bytes(out[start:])


def _length(block: bytes, at: int, length: int) -> tuple[int, int]:
    if length == 15:
        while True:
            length += block[at]
            at += 1
            if block[at - 1] != 255:
                break
    return length, at


def _repeat(out: bytearray, distance: int, count: int) -> None:
    if not 0 < distance <= len(out):
        raise ValueError("a match begins before the data")
    if count <= distance:
        begin = len(out) - distance
        out += out[begin : begin + count]
    else:
        pattern = bytes(out[-distance:])
        out += (pattern * (count // distance + 1))[:count]
