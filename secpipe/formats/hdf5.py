"""HDF5: the messages that refer to other files (HDF5 File Format Specification 3.0, IV.A.2.g, h and i).

External links, external storage and virtual datasets make a reader open a file that the author names. The messages are
found by their own bytes, wherever object headers stand, and believed only where what they point to is what it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from secpipe.formats.stream import at

_CHUNK: Final = 4 << 20
_LONGEST: Final = 1 << 17  # of a message, which says its length in two bytes
#: Link message, version 1, with a type, which is that of an external link.
_LINK: Final = re.compile(rb"\x01[\x08-\x1f]\x40", re.DOTALL)
#: External file list, version 1; data layout, version 4, virtual: behind the head of a message of either version.
_STORAGE: Final = re.compile(rb"\x07(?:\0..[^\xff]\0\0\0|..[^\xff](?:..)?)\x01\0\0\0(....)(.{8})", re.DOTALL)
_VIRTUAL: Final = re.compile(rb"\x08(?:\0..[^\xff]\0\0\0|..[^\xff](?:..)?)\x04\x03(.{8})", re.DOTALL)
_MOST: Final = 100
_WIDTHS: Final = {2, 4, 8, 16, 32}  # of an address or a length, in bytes


def outside(file: BinaryIO, size: int) -> Iterator[tuple[str, str]]:
    """Yield what refers to another file (`an external link`, ...) and the file's name, at most a hundred of them."""
    found: dict[tuple[str, str], None] = {}
    base = max(begin(file, size), 0)
    start = 0
    while start < size and len(found) < _MOST:
        data = at(file, start, _CHUNK + _LONGEST)
        for match in _LINK.finditer(data, 0, _CHUNK + 3):
            if name := _link(data, match.start()):
                found["an external link", name] = None
        for match in _STORAGE.finditer(data, 0, min(len(data), _CHUNK + 64)):
            slots = int.from_bytes(match[1][2:4], "little")
            heap = int.from_bytes(match[2], "little")
            if 0 < slots <= int.from_bytes(match[1][:2], "little") and at(file, base + heap, 4) == b"HEAP":
                content = at(file, base + int.from_bytes(at(file, base + heap + 24, 8), "little"), _LONGEST)
                names = [name for name in content.split(b"\0") if name.isascii() and name.decode("ascii").isprintable()]
                found["external storage", b" ".join(filter(None, names[:4])).decode("ascii")] = None
        for match in _VIRTUAL.finditer(data, 0, min(len(data), _CHUNK + 64)):
            if at(file, base + int.from_bytes(match[1], "little"), 4) == b"GCOL":
                found["a virtual dataset", "other datasets"] = None
        start += _CHUNK
    yield from found


def begin(file: BinaryIO, size: int) -> int:
    """Return where an HDF5 file begins, behind a user block of any size or none (II.A); -1 where it does not."""
    return next((start for start in _user_blocks(size) if at(file, start, 8) == b"\x89HDF\r\n\x1a\n"), -1)


def is_whole(file: BinaryIO, size: int) -> bool:
    """Tell whether a superblock follows the signature that a library would open (II.A): its version, its widths."""
    start = max(begin(file, size), 0)
    block = at(file, start + 8, 8)
    widths = block[5:7] if block[:1] in {b"\0", b"\1"} else block[1:3] if block[:1] in {b"\2", b"\3"} else b""
    return len(widths) == 2 and set(widths) <= _WIDTHS


def _user_blocks(size: int) -> Iterator[int]:
    start = 0
    while start < size:
        yield start
        start = start * 2 or 512


def _link(data: bytes, start: int) -> str:
    """Return the file that an external link message names, "" where the bytes are none."""
    flags, place = data[start + 1], start + 3
    place += 8 * bool(flags & 4) + bool(flags & 16)
    width = 1 << (flags & 3)
    length = int.from_bytes(data[place : place + width], "little")
    place += width + length
    if not 0 < length < 1 << 16:
        return ""
    told = int.from_bytes(data[place : place + 2], "little")
    value = data[place + 2 : place + 2 + told]
    parts = value[1:].split(b"\0")
    if len(value) != told or value[:1] != b"\0" or len(parts) != 3 or parts[2] or not parts[0] or not parts[1]:
        return ""
    return parts[0].decode("utf-8", "replace")
