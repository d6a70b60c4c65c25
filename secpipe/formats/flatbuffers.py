"""FlatBuffers, walked: tables, vectors and strings of a buffer, every offset checked before it is followed."""

from __future__ import annotations

import struct
from typing import BinaryIO

from secpipe.core.errors import InputError
from secpipe.formats.stream import at


class Buffer:
    """A seekable file of `size` bytes as a flatbuffer."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def number(self, offset: int, width: int = 4, signed: bool = False) -> int:
        """Return the little-endian integer at `offset`; raises InputError outside the buffer."""
        data = at(self._file, offset, width) if 0 <= offset <= self._size - width else b""
        if len(data) < width:
            raise InputError("an offset leads outside the buffer")
        return int.from_bytes(data, "little", signed=signed)

    def root(self) -> int:
        """Return the offset of the root table; raises InputError where it has no layout, as among zeros."""
        table = self.number(0)
        if self.number(table - self.number(table, signed=True), 2) < 4:
            raise InputError("the root table has no layout")
        return table

    def field(self, table: int, index: int) -> int:
        """Return the offset of a table's field, 0 where it is absent."""
        layout = table - self.number(table, signed=True)
        slot = 4 + 2 * index
        if slot + 2 > self.number(layout, 2):
            return 0
        shift = self.number(layout + slot, 2)
        return table + shift if shift else 0

    def follow(self, offset: int) -> int:
        """Return what the reference at `offset` points at."""
        return offset + self.number(offset)

    def vector(self, table: int, index: int, most: int = 100_000) -> list[int]:
        """Return the offsets of the tables in a vector field; raises InputError for a count that cannot be."""
        field = self.field(table, index)
        if not field:
            return []
        start = self.follow(field)
        count = self.number(start)
        if count > most or start + 4 + 4 * count > self._size:
            raise InputError("a vector is longer than the buffer")
        data = at(self._file, start + 4, 4 * count)
        return [start + 4 + 4 * i + value for i, (value,) in enumerate(struct.iter_unpack("<I", data))]

    def text(self, table: int, index: int, most: int = 4096) -> str:
        """Return a string field, cut at `most` bytes; "" where it is absent."""
        field = self.field(table, index)
        if not field:
            return ""
        start = self.follow(field)
        count = self.number(start)
        if start + 4 + count > self._size:
            raise InputError("a string is longer than the buffer")
        return at(self._file, start + 4, min(count, most)).decode("utf-8", "replace")
