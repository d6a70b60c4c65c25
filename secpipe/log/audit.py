"""The whole log, read once: every entry, every tile, every file that lies among them, against one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from secpipe.core.errors import InputError, TrustError
from secpipe.core.text import printable
from secpipe.log import journal, merkle, tiles
from secpipe.log.checkpoint import Checkpoint
from secpipe.log.reader import Reader
from secpipe.log.tiles import ENTRIES, WIDTH
from secpipe.system import files


@dataclass(frozen=True, slots=True)
class Audited:
    """What was read: entries under the checkpoint, and files of the tree."""

    entries: int
    files: int


def audit(folder: Path, head: Checkpoint) -> Audited:
    """Read everything that belongs to `head`; raises TrustError, InputError at the first thing that does not agree."""
    tree = Reader(folder, head)
    for number in range((head.size + WIDTH - 1) // WIDTH):
        tree.bundle(number)
    for level, count in tree.counts.items():
        for number in range((count + WIDTH - 1) // WIDTH):
            tree.tile(level, number)
    found = 0
    for place in published(folder):
        _check(tree, place)
        found += 1
    return Audited(head.size, found)


def published(folder: Path) -> Iterator[str]:
    """Yield the path of every file below `tile/`, relative to the log."""
    return _files(folder, "tile")


def _check(tree: Reader, place: str) -> None:
    """One file below `tile/` is what its path says, under this checkpoint or as the log was before it."""
    level, number, width = _meaning(place)
    have = tree.head.size if level == ENTRIES else tree.counts.get(int(level), 0)
    if number * WIDTH + width > have:
        if _ahead(tree.folder, tree.head.size):
            return
        raise TrustError(f"{printable(place, 200)} lies beyond the checkpoint")
    if level == ENTRIES:
        rows = tree.bundle(number)[:width]
        data = files.read_bytes(tree.folder / place, WIDTH * (tiles.LONGEST + 2), follow=False)
        good = data == tiles.pack(rows)
    else:
        data = files.read_bytes(tree.folder / place, WIDTH * merkle.SIZE, follow=False)
        good = data == tree.tile(int(level), number)[0][: width * merkle.SIZE]
    if not good:
        raise TrustError(f"{place} is not what the checkpoint stands on")


def _meaning(place: str) -> tuple[str, int, int]:
    """Return level, number and width of a path below the log; raises TrustError for one that no log has."""
    _, level, *rest = place.split("/")
    width = WIDTH
    if len(rest) > 1 and rest[-2].endswith(".p"):
        width = int(rest[-1]) if rest[-1].isascii() and rest[-1].isdecimal() else 0
        rest = [*rest[:-2], rest[-2][:-2]]
    digits = "".join(part.removeprefix("x") for part in rest)
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 21 else 0
    if (level != ENTRIES and not level.isdecimal()) or not width >= 1 or tiles.path(level, number, width) != place:
        raise TrustError(f"{printable(place, 200)} is no part of a log")
    return level, number, width


def _ahead(folder: Path, size: int) -> bool:
    """Whether the journal says that the tiles are ahead of the checkpoint: folded, and not signed yet."""
    path = folder / journal.NAME
    return path.is_file() and journal.start_of(path) > size


def _files(folder: Path, place: str) -> Iterator[str]:
    here = folder / place
    if not here.is_dir() or here.is_symlink():
        return
    try:
        # a write that a crash ended left a hidden name, which no reader of a log asks for
        yield from (f"{place}/{name}" for name in files.names(here) if not (name[0] == "." and name.endswith(".tmp")))
        for name in files.folders(here):
            yield from _files(folder, f"{place}/{name}")
    except RecursionError:
        raise InputError(f"{printable(place, 80)} is nested too deeply") from None
