"""The whole log, read once: every entry, every tile, every file that lies among them, against one checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    """What was read: entries under the checkpoint, and files of the tree; `ahead` are those of a tree to come."""

    entries: int
    files: int
    ahead: frozenset[str] = frozenset()


def audit(folder: Path, head: Checkpoint) -> Audited:
    """Read everything that belongs to `head`; raises TrustError, InputError at the first thing that does not agree."""
    tree = Reader(folder, head)
    for number in range((head.size + WIDTH - 1) // WIDTH):
        tree.bundle(number)
    for level, count in tree.counts.items():
        for number in range((count + WIDTH - 1) // WIDTH):
            tree.tile(level, number)
    found, ahead = 0, set[str]()
    for place in published(folder):
        row, number, width = _meaning(place)
        if number * WIDTH + width <= _count(tree.counts, head.size, row):
            _check(tree, place, row, number, width)
            found += 1
        else:
            ahead.add(place)
    if ahead:
        _check_ahead(folder, ahead)
    return Audited(head.size, found, frozenset(ahead))


def exported(folder: Path, head: Checkpoint) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of every file that `head` stands on, or an older one did; none that is ahead of it.

    What lies there may be ahead, and a full tile then stands for the partial one that it took the place of.
    """
    ahead = audit(folder, head).ahead
    tree = Reader(folder, head)
    for place in published(folder):
        if place not in ahead:
            yield place, files.read_bytes(folder / place, 32 << 20, follow=False)
    for level, count in tree.counts.items():
        number, width = divmod(count, WIDTH)
        if width:
            yield tiles.path(level, number, width), tree.tile(level, number)[0]
            if level == 0:
                yield tiles.path(ENTRIES, number, width), tiles.pack(tree.bundle(number))


def published(folder: Path) -> Iterator[str]:
    """Yield the path of every file below `tile/`, relative to the log."""
    return _files(folder, "tile")


def _count(counts: Mapping[int, int], size: int, level: str) -> int:
    return size if level == ENTRIES else counts.get(int(level), 0)


def _check(tree: Reader, place: str, level: str, number: int, width: int) -> None:
    """One file below `tile/` is what its path says, under this checkpoint or as the log was before it."""
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


def _check_ahead(folder: Path, places: Iterable[str]) -> None:
    """Raise TrustError for a file that lies beyond the checkpoint and beyond what the journal holds or was folded from.

    A crash or a full disk ends a signing after any of its writes: the next one makes the same files again.
    """
    path = folder / journal.NAME
    end = journal.open_journal(folder, repair=False).end if path.is_file() else 0
    counts = dict(tiles.widths(end))
    for place in sorted(places):
        level, number, width = _meaning(place)
        if number * WIDTH + width > _count(counts, end, level):
            raise TrustError(f"{printable(place, 200)} lies beyond the checkpoint")


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
