"""Where an image, font or recording ends, by its own structure: what stands behind that is none of it.

Sources: PNG (ISO 15948), JPEG (ITU T.81 annex B), GIF89a, ICO, RIFF (WebP, WAV, AVI), Ogg (RFC 3533), OpenType, WOFF 1
and 2. Kinds that do not say where they end (TIFF, MP3, FLAC, PDF) are not here: nothing is proven of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO, Final

from secpipe.formats.stream import at

_PARTS: Final = 100_000  # of one file; one with more is not proven
_WINDOW: Final = 1 << 16
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)  # in the data of a JPEG: the next segment


def end_of(file: BinaryIO, size: int) -> int:
    """Return where the content ends that the first bytes announce; -1 where they announce none of the kinds here.

    Also -1 where its structure does not hold: nothing is said of a broken file, or of one with too many parts.
    """
    head = at(file, 0, 16)
    for offset, mark, walk in _KINDS:
        if head.startswith(mark, offset):
            try:
                end = walk(file)
            except IndexError:
                return -1
            return end if 0 < end <= size else -1
    return -1


def _number(file: BinaryIO, offset: int, count: int, order: str = "big") -> int:
    data = at(file, offset, count)
    if len(data) < count:
        raise IndexError
    return int.from_bytes(data, "little" if order == "little" else "big")


def _png(file: BinaryIO) -> int:
    position = 8
    for _ in range(_PARTS):
        name = at(file, position + 4, 4)
        if not name.isalpha():
            return -1
        position += 12 + _number(file, position, 4)
        if name == b"IEND":
            return position
    return -1


def _jpeg(file: BinaryIO) -> int:
    position = 2
    for _ in range(_PARTS):
        mark = at(file, position, 2)
        if len(mark) < 2 or mark[0] != 0xFF:
            return -1
        if mark == b"\xff\xd9":
            return position + 2
        if mark == b"\xff\xff":  # filling
            position += 1
            continue
        position += 2 + _number(file, position + 2, 2)
        if mark == b"\xff\xda":
            position = _scan(file, position)
    return -1


def _scan(file: BinaryIO, position: int) -> int:
    """Return where the entropy-coded data that begins at `position` ends."""
    while data := at(file, position, _WINDOW):
        if found := _MARKER.search(data):
            return position + found.start()
        position += max(len(data) - 1, 1)
    raise IndexError


def _gif(file: BinaryIO) -> int:
    position = 13 + _palette(_number(file, 10, 1))
    for _ in range(_PARTS):
        kind = at(file, position, 1)
        if kind == b";":
            return position + 1
        if kind == b",":
            position += 11 + _palette(_number(file, position + 9, 1))
        elif kind == b"!":
            position += 2
        else:
            return -1
        position = _blocks(file, position)
    return -1


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(file: BinaryIO, position: int) -> int:
    """Return where a chain of blocks of up to 255 bytes ends."""
    while True:
        data = at(file, position, _WINDOW)
        inside = 0
        while inside < len(data):
            length = data[inside]
            inside += 1 + length
            if not length:
                return position + inside
        if not data:
            raise IndexError
        position += inside


def _riff(file: BinaryIO) -> int:
    end = 8 + _number(file, 4, 4, "little")
    position = 12
    for _ in range(_PARTS):
        if position >= end:
            return max(position, end) if position <= end + 1 else -1
        length = _number(file, position + 4, 4, "little")
        position += 8 + length + length % 2
    return -1


def _ogg(file: BinaryIO) -> int:
    position = 0
    for _ in range(_PARTS):
        head = at(file, position, 27)
        if head[:4] != b"OggS":
            return position
        table = at(file, position + 27, head[26])
        position += 27 + len(table) + sum(table)
    return -1


def _icon(file: BinaryIO) -> int:
    count = _number(file, 4, 2, "little")
    rows = [at(file, 6 + 16 * index, 16) for index in range(min(count, _PARTS))]
    return max((int.from_bytes(row[8:12], "little") + int.from_bytes(row[12:16], "little") for row in rows), default=-1)


def _opentype(file: BinaryIO) -> int:
    rows = [at(file, 12 + 16 * index, 16) for index in range(_number(file, 4, 2))]
    ends = (int.from_bytes(row[8:12], "big") + int.from_bytes(row[12:16], "big") for row in rows)
    return -(-max(ends, default=-1) // 4) * 4


def _woff(file: BinaryIO) -> int:
    return _number(file, 8, 4)


_KINDS: Final[tuple[tuple[int, bytes, Callable[[BinaryIO], int]], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", _png),
    (0, b"\xff\xd8\xff", _jpeg),
    (0, b"GIF8", _gif),
    (0, b"\0\0\1\0", _icon),
    (0, b"RIFF", _riff),
    (0, b"OggS", _ogg),
    (0, b"OTTO", _opentype),
    (0, b"\0\1\0\0", _opentype),
    (0, b"wOFF", _woff),
    (0, b"wOF2", _woff),
)
