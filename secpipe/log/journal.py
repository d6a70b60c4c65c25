r"""The journal of a log: entries that were acknowledged and are not in a tree yet, in one file that only grows.

    secpipe.log-journal/1 <index of the first entry>\n
    then batches: "SPLJ", entries (4 bytes), length (4 bytes), SHA-256 of the body, 8 bytes of the SHA-256 of all that;
    body: entries as in an entry bundle

A batch is on the disk before its append returns. A process or a machine that dies while it writes leaves a last batch
with something missing: nobody was told that it is logged, so it is cut off when the log is opened next, kept beside,
and said. Anything else that does not hold was changed by somebody, and is never cut.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.core.text import plural
from secpipe.log import checkpoint, tiles
from secpipe.system import durable, files

NAME, TORN = "journal", "journal.torn-"
LIMIT = 64 << 20  # bytes; it is folded into tiles long before
_START = b"secpipe.log-journal/1 "
FIRST = len(_START) + 20  # bytes in which the first line ends
_MAGIC = b"SPLJ"
_HEAD = struct.Struct(">4sII32s")
_CHECK = 8
_BATCH = _HEAD.size + _CHECK  # bytes before the body
_SECTOR = 512  # a disk writes these whole or not at all


@dataclass(frozen=True, slots=True)
class Journal:
    """What the journal of a log holds: entries from index `start` on, in `length` good bytes.

    `torn` says what was cut off when it was opened, "" where nothing was.
    """

    path: Path
    start: int
    count: int
    length: int
    torn: str = ""

    @property
    def end(self) -> int:
        """The index of the next entry."""
        return self.start + self.count

    def settled(self) -> Journal:
        """Return the journal with its repair told once."""
        return replace(self, torn="")

    def append(self, entries: Sequence[bytes]) -> Journal:
        """Add one batch and return the journal after it; the disk has it then. Raises InputError, SecpipeError."""
        body = tiles.pack(entries)
        head = _HEAD.pack(_MAGIC, len(entries), len(body), hashlib.sha256(body).digest())
        batch = head + hashlib.sha256(head).digest()[:_CHECK] + body
        if self.length + len(batch) > LIMIT:
            raise InputError(f"a batch may have {LIMIT:,} bytes at most")
        durable.append_at(self.path, batch, self.length)
        return Journal(self.path, self.start, self.count + len(entries), self.length + len(batch))

    def batches(self) -> Iterator[list[bytes]]:
        """Yield the entries, batch by batch."""
        data = files.read_bytes(self.path, LIMIT, follow=False)[: self.length]
        at = data.index(b"\n") + 1
        while found := _batch(data, at):
            count, body = found
            at += _BATCH + len(body)
            yield tiles.unpack(body, count, "the journal")


def begin(folder: Path, start: int) -> Journal:
    """Put an empty journal into `folder`, in one step; raises SecpipeError."""
    head = _START + str(start).encode("ascii") + b"\n"
    files.write_atomic(folder / NAME, head)
    return Journal(folder / NAME, start, 0, len(head))


def open_journal(folder: Path, *, repair: bool = True) -> Journal:
    """Return the journal of the log in `folder`, its torn end cut off. The caller holds the log's lock.

    Without `repair`, for who only reads, a torn end stays where it is and is not looked at.

    Raises InputError where there is none, or where a batch before the last one does not hold.
    """
    path = folder / NAME
    if not path.is_file():
        raise InputError(
            "the log has no journal: this is a copy, to read and not to write", hint="append where secpipe log init ran"
        )
    data = files.read_bytes(path, LIMIT, follow=False)
    start = _start(data)
    count, good = 0, data.index(b"\n") + 1
    while found := _batch(data, good):
        count, good = count + found[0], good + _BATCH + len(found[1])
    if good == len(data):
        return Journal(path, start, count, good)
    if not _torn(data, good):
        raise InputError(
            f"the log's journal was changed behind byte {good}: a batch that was acknowledged does not hold",
            hint="restore the file; nothing of it was cut",
        )
    if not repair:
        return Journal(path, start, count, good)
    beside = f"{TORN}{start + count}"
    files.write_atomic(folder / beside, data[good:])
    durable.cut(path, good)
    said = f"{plural(len(data) - good, 'byte')} of an append that never ended were cut off and kept in {beside}"
    return Journal(path, start, count, good, said)


def _start(data: bytes) -> int:
    first, newline, _ = data[:FIRST].partition(b"\n")
    if not newline or not first.startswith(_START):
        raise InputError("the log's journal has no first line of ours")
    return checkpoint.number(first[len(_START) :].decode("ascii", "replace"), "the journal")


def _batch(data: bytes, at: int) -> tuple[int, bytes] | None:
    """Return entries and body of the batch at `at`, or None where none holds."""
    size = _size(data, at)
    if size is None:
        return None
    _, count, _, digest = _HEAD.unpack_from(data, at)
    body = data[at + _BATCH : at + _BATCH + size]
    return (count, body) if len(body) == size and hashlib.sha256(body).digest() == digest else None


def _size(data: bytes, at: int) -> int | None:
    """Return how long the batch at `at` says it is, or None where what it says does not hold."""
    head = data[at : at + _HEAD.size]
    check = data[at + _HEAD.size : at + _BATCH]
    if len(check) != _CHECK or hashlib.sha256(head).digest()[:_CHECK] != check:
        return None
    magic, count, size, _ = _HEAD.unpack(head)
    return size if magic == _MAGIC and count else None


def _torn(data: bytes, at: int) -> bool:
    """Whether what stands from `at` on can be left of one append that never ended: its end or a sector is missing."""
    size = _size(data, at)
    end = len(data) if size is None else at + _BATCH + size
    if end < len(data):
        return False
    later = data.find(_MAGIC, at + 1)
    while later >= 0:
        if _batch(data, later):  # a batch is only written behind one that holds
            return False
        later = data.find(_MAGIC, later + 1)
    if len(data) - at < _BATCH or len(data) < end:
        return True
    edges = [at, *range(at + _SECTOR - at % _SECTOR, len(data), _SECTOR), len(data)]
    return any(not data[low:high].strip(b"\0") for low, high in itertools.pairwise(edges))
