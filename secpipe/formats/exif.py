"""Exif: the texts in the tags of an image (TIFF 6.0, CIPA DC-008), within bounds; pointers never leave the block."""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: tag -> the name that readers of generators look for.
TAGS = {0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x9286: "UserComment"}
_MORE = 0x8769  # the pointer to the second table
_ENTRIES, _TABLES = 512, 4
_KINDS = (1, 2, 7)  # bytes, ASCII, undefined: one byte a piece


def texts(data: bytes) -> dict[str, str]:
    """Return the texts of a block that begins with a TIFF header, by the tag's name; what is damaged is left out."""
    data = data.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return {}
    found: dict[str, str] = {}
    pending, seen = [struct.unpack_from(order + "I", data, 4)[0]], set[int]()
    while pending and len(seen) < _TABLES:
        offset = pending.pop()
        if offset in seen:
            continue
        seen.add(offset)
        for tag, kind, count, place in _entries(data, offset, order):
            if tag == _MORE and kind == 4:
                pending.append(struct.unpack_from(order + "I", data, place)[0])
            elif tag in TAGS and kind in _KINDS:
                start = place if count <= 4 else struct.unpack_from(order + "I", data, place)[0]
                if count and start + count <= len(data):
                    found.setdefault(TAGS[tag], _text(data[start : start + count], order, comment=tag == 0x9286))
    return {name: text for name, text in found.items() if text}


def _entries(data: bytes, offset: int, order: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield tag, type, count and the place of the value of each entry."""
    if offset + 2 > len(data):
        return
    (count,) = struct.unpack_from(order + "H", data, offset)
    for nth in range(min(count, _ENTRIES)):
        place = offset + 2 + 12 * nth
        if place + 12 > len(data):
            return
        tag, kind, size = struct.unpack_from(order + "HHI", data, place)
        yield tag, kind, size, place + 8


def _text(value: bytes, order: str, *, comment: bool) -> str:
    """Return a value as text; a comment says its encoding in its first eight bytes."""
    if not comment:
        return value.split(b"\0")[0].decode("utf-8", "replace")
    kind, value = value[:8], value[8:]
    if kind == b"UNICODE\0":
        # Exif leaves the order of bytes open: a generator's text is mostly ASCII, whose zeros show it.
        big = value[::2].count(0) >= value[1::2].count(0)
        return value.decode("utf-16-be" if big else "utf-16-le", "replace").rstrip("\0")
    if kind in (b"ASCII\0\0\0", b"\0" * 8):
        return value.decode("utf-8", "replace").rstrip("\0")
    return ""
