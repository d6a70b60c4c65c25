"""The files of a tiled log (C2SP tlog-tiles): which tile holds which hashes or entries, and under which path."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from secpipe.core.errors import InputError

WIDTH = 256  # hashes, or entries, of a full tile
ENTRIES = "entries"
#: The longest entry: its length stands before it in two bytes.
LONGEST = 0xFFFF


def path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Return the path of tile `number` of a level (or of `entries`), relative to the log."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.append(f"x{number % 1000:03}")
    place = f"tile/{level}/{'/'.join(reversed(parts))}"
    return place if width == WIDTH else f"{place}.p/{width}"


def widths(size: int) -> Iterator[tuple[int, int]]:
    """Yield (level, hashes) of a tree of `size` leaves, from the leaves up, while a level has any."""
    level = 0
    while size:
        yield level, size
        level, size = level + 1, size // WIDTH


def width_of(number: int, count: int) -> int:
    """Return how wide tile `number` is on a level with `count` hashes."""
    return min(WIDTH, count - number * WIDTH)


def pack(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle; raises InputError for an entry that is too long."""
    for entry in entries:
        if len(entry) > LONGEST:
            raise InputError(f"a log entry may have {LONGEST:,} bytes, this one has {len(entry):,}")
    return b"".join(part for entry in entries for part in (struct.pack(">H", len(entry)), entry))


def unpack(bundle: bytes, count: int, what: str) -> list[bytes]:
    """Return exactly `count` entries of a bundle; raises InputError."""
    entries, at = [], 0
    for _ in range(count):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if at + 2 > len(bundle) or end > len(bundle):
            raise InputError(f"{what} ends within an entry")
        entries.append(bundle[at + 2 : end])
        at = end
    if at != len(bundle):
        raise InputError(f"{what} holds more than {count} entries")
    return entries
