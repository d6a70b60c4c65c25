"""From entries to tiles: the files of a grown tree, made one after another in flat memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from secpipe.log import merkle, reader, tiles
from secpipe.log.tiles import ENTRIES, WIDTH

_FULL = WIDTH * merkle.SIZE


def grown(folder: Path, size: int, entries: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of every tile and bundle that `entries` behind the first `size` make or change.

    The same entries give the same files: after a crash it is done again. Raises InputError where a tile is missing.
    """
    rows: dict[int, bytearray] = {}
    counts = dict(tiles.widths(size))
    for level, count in counts.items():
        number, width = divmod(count, WIDTH)
        rows[level] = bytearray(reader.read_tile(folder, level, number, width) if width else b"")
    number, width = divmod(size, WIDTH)
    bundle = reader.read_entries(folder, number, width) if width else []
    for entry in entries:
        bundle.append(entry)
        carried, level = merkle.leaf(entry), 0
        if len(bundle) == WIDTH:
            yield tiles.path(ENTRIES, counts.get(0, 0) // WIDTH), tiles.pack(bundle)
            bundle = []
        while carried:
            row = rows.setdefault(level, bytearray())
            row += carried
            counts[level] = counts.get(level, 0) + 1
            carried = b""
            if len(row) == _FULL:
                yield tiles.path(level, counts[level] // WIDTH - 1), bytes(row)
                carried, level = merkle.perfect(bytes(row)), level + 1
                row.clear()
    if bundle:
        yield tiles.path(ENTRIES, counts[0] // WIDTH, len(bundle)), tiles.pack(bundle)
    for level, row in rows.items():
        if row:
            yield tiles.path(level, counts[level] // WIDTH, len(row) // merkle.SIZE), bytes(row)


def superseded(old: int, new: int) -> Iterator[str]:
    """Yield the folders of partial tiles that are full in the larger tree: the full tile answers for them."""
    after = dict(tiles.widths(new))
    for level, count in tiles.widths(old):
        number, width = divmod(count, WIDTH)
        if width and after[level] // WIDTH > number:
            yield f"{tiles.path(level, number)}.p"
            if level == 0:
                yield f"{tiles.path(ENTRIES, number)}.p"
