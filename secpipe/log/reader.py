"""Reads a log's folder under one checkpoint: each tile and each entry is compared with its root before it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from secpipe.core.errors import InputError, TrustError
from secpipe.log import merkle, tiles
from secpipe.log.checkpoint import Checkpoint
from secpipe.log.proof import Proof
from secpipe.log.tiles import ENTRIES, WIDTH
from secpipe.system import files

_KEPT = 64  # tiles in memory
_BUNDLE = WIDTH * (tiles.LONGEST + 2)

#: A tile's hashes, then those above them two by two, as far as they are full.
_Pyramid = list[bytes]


class Reader:
    """The first `head.size` entries of the log in `folder`, as far as they are those of `head`.

    Every method raises TrustError for what is not, and InputError for what is missing or cannot be read. Who signs a
    grown tree passes `believe`: the root is what the tiles make, and it is for him to hold it against older roots.
    """

    def __init__(self, folder: Path, head: Checkpoint, *, believe: bool = False) -> None:
        self.folder, self.head = folder, head
        self.counts = dict(tiles.widths(head.size))
        self._tiles: dict[tuple[int, int], _Pyramid] = {}
        self._edge = {
            (level, count // WIDTH): _pyramid(self._raw(level, count // WIDTH, count % WIDTH))
            for level, count in self.counts.items()
            if count % WIDTH
        }
        # Where nothing is partial on a level, the tile above names its last one: the edge makes the whole root.
        made = merkle.root(self.hash, head.size)
        if believe:
            self.head = replace(head, root=made)
        elif made != head.root:
            raise TrustError("the tiles of the log do not make the root of its checkpoint")

    def hash(self, level: int, index: int) -> bytes:
        """Return the hash of `2**level` leaves."""
        above, rest = divmod(level, 8)
        number, at = divmod(index << rest, WIDTH)
        row = self.tile(above, number)[rest]
        at = (at >> rest) * merkle.SIZE
        if at + merkle.SIZE > len(row):
            raise InputError("the log does not have that many entries")
        return row[at : at + merkle.SIZE]

    def tile(self, level: int, number: int) -> _Pyramid:
        """Return the hashes of a tile and those above them."""
        if found := self._edge.get((level, number)) or self._tiles.get((level, number)):
            return found
        if number >= self.counts.get(level, 0) // WIDTH:
            raise InputError("the log does not have that many entries")
        found = _pyramid(self._raw(level, number, WIDTH))
        if found[8] != self.hash(8 * (level + 1), number):
            raise TrustError(f"{tiles.path(level, number)} is not the one that the checkpoint stands on")
        if len(self._tiles) >= _KEPT:
            self._tiles.pop(next(iter(self._tiles)))
        self._tiles[level, number] = found
        return found

    def bundle(self, number: int) -> list[bytes]:
        """Return the entries of bundle `number`."""
        width = tiles.width_of(number, self.head.size)
        entries = read_entries(self.folder, number, width)
        if b"".join(map(merkle.leaf, entries)) != self.tile(0, number)[0]:
            raise TrustError(f"{tiles.path(ENTRIES, number, width)} is not what the checkpoint stands on")
        return entries

    def entry(self, index: int) -> bytes:
        """Return one entry."""
        if not 0 <= index < self.head.size:
            raise InputError(f"the log has no entry {index:,}: its checkpoint is of {self.head.size:,}")
        return self.bundle(index // WIDTH)[index % WIDTH]

    def entries(self, *, newest_first: bool = False, holding: bytes = b"") -> Iterator[tuple[int, bytes]]:
        """Yield (index, entry), of those that hold the bytes `holding`."""
        numbers = range((self.head.size + WIDTH - 1) // WIDTH)
        for number in reversed(numbers) if newest_first else numbers:
            rows = list(enumerate(self.bundle(number), number * WIDTH))
            for index, entry in reversed(rows) if newest_first else rows:
                if holding in entry:
                    yield index, entry

    def prove(self, index: int, checkpoint: bytes, extra: bytes = b"") -> Proof:
        """Return the proof that entry `index` stands in the log; `checkpoint` is the signed form of the head."""
        if not 0 <= index < self.head.size:
            raise InputError(f"entry {index:,} is not in a checkpoint yet", hint="secpipe log checkpoint FOLDER")
        return Proof(index, tuple(merkle.inclusion(self.hash, index, self.head.size)), checkpoint, extra)

    def consistency(self, old: int) -> list[bytes]:
        """Return the proof that the first `old` entries are still what they were."""
        if old > self.head.size:
            raise TrustError(f"the log shrank: {self.head.size:,} entries now, {old:,} before")
        return merkle.consistency(self.hash, old, self.head.size)

    def root(self, size: int) -> bytes:
        """Return the root that the log had with `size` entries."""
        if size > self.head.size:
            raise TrustError(f"the log shrank: {self.head.size:,} entries now, {size:,} before")
        return merkle.root(self.hash, size)

    def _raw(self, level: int, number: int, width: int) -> bytes:
        return read_tile(self.folder, level, number, width)


def read_tile(folder: Path, level: int, number: int, width: int) -> bytes:
    """Return the first `width` hashes of a tile, out of the partial or the full file; raises InputError."""
    data, place = _either(folder, level, number, width, WIDTH * merkle.SIZE)
    if len(data) != (width if "." in place else WIDTH) * merkle.SIZE:
        raise InputError(f"{place} has {len(data):,} bytes, which no tile of its width has")
    return data[: width * merkle.SIZE]


def read_entries(folder: Path, number: int, width: int) -> list[bytes]:
    """Return the first `width` entries of a bundle; raises InputError."""
    data, place = _either(folder, ENTRIES, number, width, _BUNDLE)
    return tiles.unpack(data, width if "." in place else WIDTH, place)[:width]


def _either(folder: Path, level: int | str, number: int, width: int, limit: int) -> tuple[bytes, str]:
    """Return a file and its path: the partial one may be gone once the full one is there (C2SP tlog-tiles)."""
    for place in dict.fromkeys((tiles.path(level, number, width), tiles.path(level, number))):
        path = folder / place
        if path.is_file() or path.is_symlink():
            return files.read_bytes(path, limit, follow=False), place
    raise InputError(f"the log lacks {tiles.path(level, number, width)}", hint="secpipe log verify FOLDER")


def _pyramid(hashes: bytes) -> _Pyramid:
    rows = [hashes]
    sha256 = hashlib.sha256
    for _ in range(8):
        below = rows[-1]
        full = len(below) // 64 * 64
        rows.append(b"".join([sha256(b"\1" + below[at : at + 64]).digest() for at in range(0, full, 64)]))
    return rows
