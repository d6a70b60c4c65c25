"""The protobuf wire format, walked over a file: fields and byte spans, never a whole message in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from secpipe.core.limits import Limits
from secpipe.formats.problem import Unreadable, read_at

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_CHUNK = 1 << 15
_OPENING = 4  # values that opening a message counts for: what its reader makes of it costs more than a number


class Span(NamedTuple):
    """The bytes of a length-delimited field: offsets in the file."""

    start: int
    end: int


Field = tuple[int, int, int | Span, int]  # number, wire type, value, offset of the tag


class _Source:
    """A buffered file and what may still be spent on it; shared by all messages of one file."""

    def __init__(self, file: BinaryIO, size: int, limits: Limits) -> None:
        self.file, self.size, self.limits = file, size, limits
        self.buffer, self.start = b"", 0
        self.left = limits.walked_items
        self.cut = False  # a text was longer than is read

    def window(self, at: int) -> tuple[bytes, int]:
        """Return a buffer and where `at` stands in it, with at least 20 bytes ahead or the end of the file."""
        low = at - self.start
        if low < 0 or (low + 20 > len(self.buffer) and self.start + len(self.buffer) < self.size):
            self.start = at
            self.buffer = read_at(self.file, at, min(_CHUNK, self.size - at), "a message")
            low = 0
        return self.buffer, low


class Message:
    """One message: the bytes from `start` to `end` of a file."""

    __slots__ = ("_source", "end", "start")

    def __init__(self, source: _Source, start: int, end: int) -> None:
        self._source, self.start, self.end = source, start, end

    @classmethod
    def whole(cls, file: BinaryIO, size: int, limits: Limits) -> Message:
        """Return the file as one message."""
        return cls(_Source(file, size, limits), 0, size)

    @property
    def cut(self) -> bool:
        """Whether some text of the file was longer than is read."""
        return self._source.cut

    def inside(self, span: Span) -> Message:
        """Return the message that a field holds; raises Unreadable over `walked_items`."""
        self._source.left -= _OPENING
        if self._source.left < 0:
            raise Unreadable("header-overflow", f"more than {self._source.limits.walked_items:,} values", span.start)
        return Message(self._source, span.start, span.end)

    def fields(self) -> Iterator[Field]:
        """Yield (number, wire type, value, offset); a value is an integer, or the Span of a length-delimited field.

        Raises Unreadable on a broken field, a field beyond its message, or over `walked_items`.
        """
        at, end, source = self.start, self.end, self._source
        while at < end:
            tag_at = at
            buffer, low = source.window(at)
            tag = buffer[low]
            if tag < 0x80 and source.left > 0:  # most tags are one byte
                source.left -= 1
                at += 1
            else:
                tag, at = self._varint(at)
            number, wire = tag >> 3, tag & 7
            if number == 0 or number >= 1 << 29:
                raise Unreadable("wire-type", f"field number {number} is not valid", tag_at)
            if wire == VARINT:
                value, at = self._varint(at)
                yield number, wire, value, tag_at
            elif wire == LENGTH:
                low += 1
                if at == tag_at + 1 and at < end and low < len(buffer) and buffer[low] < 0x80 and source.left > 0:
                    source.left -= 1
                    count = buffer[low]
                    at += 1
                else:
                    count, at = self._varint(at)
                if count > self.end - at:
                    raise Unreadable("truncated", f"field {number} claims {count:,} bytes, beyond its message", tag_at)
                yield number, wire, Span(at, at + count), tag_at
                at += count
            elif wire in {FIXED32, FIXED64}:
                width = 4 if wire == FIXED32 else 8
                if width > self.end - at:
                    raise Unreadable("truncated", f"field {number} ends beyond its message", tag_at)
                source.left -= 1
                buffer, low = source.window(at)
                yield number, wire, int.from_bytes(buffer[low : low + width], "little"), tag_at
                at += width
            else:
                raise Unreadable("wire-type", f"field {number} has the wire type {wire}", tag_at)

    def children(self, wanted: int) -> Iterator[Message]:
        """Yield the messages in the fields numbered `wanted`."""
        for number, _, value, _ in self.fields():
            if number == wanted and isinstance(value, Span):
                yield self.inside(value)

    def varints(self) -> list[int]:
        """Return the integers of a packed field, at most 4096."""
        values: list[int] = []
        at = self.start
        while at < self.end and len(values) < 4096:
            value, at = self._varint(at)
            values.append(value)
        self._source.cut |= at < self.end
        return values

    def text(self, span: int | Span) -> str:
        """Return the text of a field, cut at `string_bytes`; bytes that are not UTF-8 come out escaped."""
        if not isinstance(span, Span):
            return ""
        count = min(span.end - span.start, self._source.limits.string_bytes)
        self._source.cut |= count < span.end - span.start
        buffer, low = self._source.window(span.start) if count <= 64 and count else (b"", 0)
        data = buffer[low : low + count]
        if len(data) < count:
            data = read_at(self._source.file, span.start, count, "a string")
        return data.decode("utf-8", "backslashreplace")

    def pair(self) -> tuple[str, str]:
        """Return the key and value of a StringStringEntryProto."""
        found = {1: "", 2: ""}
        for number, _, value, _ in self.fields():
            if number in found:
                found[number] = self.text(value)
        return found[1], found[2]

    def _varint(self, at: int) -> tuple[int, int]:
        source = self._source
        source.left -= 1
        if source.left < 0:
            raise Unreadable("header-overflow", f"more than {source.limits.walked_items:,} values", at)
        buffer, low = source.window(at)
        value = shift = 0
        room = min(self.end - at, 10)
        for index in range(low, min(low + room, len(buffer))):
            byte = buffer[index]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                source.left -= index - low  # a number costs its bytes: padded ones are legal and slow
                return value & 0xFFFFFFFFFFFFFFFF, at + index - low + 1
            shift += 7
        raise Unreadable("truncated", "a number does not end", at)
