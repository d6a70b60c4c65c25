"""A log in a local folder: several processes append, one holder of the key signs what was appended."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import InputError, TrustError
from secpipe.core.text import printable
from secpipe.log import checkpoint, fold, journal, merkle, note
from secpipe.log.checkpoint import Checkpoint, NoteSigner
from secpipe.log.journal import Journal
from secpipe.log.note import Line
from secpipe.log.ratchet import Ratchet
from secpipe.log.reader import Reader
from secpipe.system import durable, files, locks

CHECKPOINT = "checkpoint"
_FOLD = 8 << 20  # bytes of journal that are folded into tiles without waiting for a signature


@dataclass(frozen=True, slots=True)
class Appended:
    """What was acknowledged: it is on the disk. `torn` says what was repaired when the log was opened."""

    first: int
    count: int
    torn: str = ""


class Log:
    """The log in `folder`. Nothing is signed and nothing is believed here without being asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: tuple[Journal, tuple[bytes, int]] | None = None

    def append(self, entries: Sequence[bytes]) -> Appended:
        """Put entries behind the others and return when the disk has them; raises SecpipeError.

        They are in a tree, and can be proven, once `sign` has made the next checkpoint.
        """
        if not entries:
            raise InputError("there is nothing to append")
        with self._locked() as before:
            after = before.append(entries)
            if after.length > _FOLD:
                after = self._fold(after)
            self._keep(after)
        return Appended(before.end, len(entries), before.torn)

    def checkpoint(self) -> bytes:
        """Return the published checkpoint as it stands; raises InputError where there is no log."""
        path = self.folder / CHECKPOINT
        if not path.is_file():
            raise InputError(f"there is no log in {printable(str(self.folder))}", hint="secpipe log init FOLDER")
        return files.read_bytes(path, note.LIMIT, follow=False)

    def sign(self, signers: Sequence[NoteSigner], ratchet: Ratchet, now: datetime, *, forgotten: bool = False) -> bytes:
        """Sign all that was appended and return the published checkpoint; it stays as it is where nothing was.

        The tree is on the disk before the ratchet, and that before the signature. Raises TrustError where this folder
        is not what was signed before: an older copy, or one that somebody changed; and where this machine does not
        remember what it signed, unless `forgotten` takes what is published here for the newest.
        """
        with self._locked() as before, ratchet.held() as held:
            after = self._fold(before) if before.count else before
            self._keep(after)
            old, found = checkpoint.read(self.checkpoint())
            if old.origin != ratchet.origin:
                raise TrustError(f"the log is {printable(old.origin, 80)}, the keys are of {printable(ratchet.origin)}")
            if not held.root and not forgotten:
                raise TrustError(
                    f"this machine does not remember what it signed of {printable(old.origin, 80)}: nothing is signed",
                    hint="put $SECPIPE_HOME/seen back; where no newer copy of the log is, --forgotten",
                )
            tree = Reader(self.folder, Checkpoint(old.origin, after.start, b""), believe=True)
            head = tree.head
            for size, known, what in (
                (old.size, old.root, "the published checkpoint"),
                (held.size, held.root, "what this machine signed"),
            ):
                if known and tree.root(size) != known:
                    raise TrustError(f"the tree contradicts {what} of {size:,} entries: nothing is signed")
            mine = {(signer.key.name, signer.key.id) for signer in signers}
            if head == old and mine <= {(line.name, line.id) for line in found.lines}:
                return found.encode()
            held.advance(head)
            lines = tuple(signer.sign(head, now) for signer in signers)
            data = note.Note(head.text(), lines).encode()
            files.write_atomic(self.folder / CHECKPOINT, data)
            return data

    def cosign(self, head: Checkpoint, lines: Sequence[Line]) -> bytes:
        """Put the verified lines of witnesses on `head` below the checkpoint, in place of older ones; returns it all.

        A copy of a log takes them as well. Raises InputError where the checkpoint is another one by now.
        """
        with locks.lock(self.folder / ".lock"):
            old, found = checkpoint.read(self.checkpoint())
            if old != head:
                raise InputError("the witness saw another checkpoint than the one that is published now")
            new = {(line.name, line.id) for line in lines}
            kept = [line for line in found.lines if (line.name, line.id) not in new]
            data = note.Note(found.text, (*kept, *lines)).encode()
            files.write_atomic(self.folder / CHECKPOINT, data)
            return data

    def waiting(self) -> tuple[Journal, list[bytes]]:
        """Return the journal and the entries in it: acknowledged, and not in a tree yet."""
        with locks.lock(self.folder / ".lock"):
            found = journal.open_journal(self.folder, repair=False)
            return found, list(itertools.chain.from_iterable(found.batches()))

    def _fold(self, found: Journal) -> Journal:
        """Make tiles of the journal's entries and begin a new one; a crash in between does no harm."""
        entries = itertools.chain.from_iterable(found.batches())
        durable.write_all(self.folder, fold.grown(self.folder, found.start, entries))
        after = journal.begin(self.folder, found.end)
        for place in fold.superseded(found.start, found.end):
            durable.drop(self.folder / place)
        return after

    @contextlib.contextmanager
    def _locked(self) -> Iterator[Journal]:
        if not self.folder.is_dir():
            raise InputError(f"there is no log in {printable(str(self.folder))}", hint="secpipe log init FOLDER")
        with locks.lock(self.folder / ".lock"):
            if self._open is not None and self._open[1] == _stamp(self._open[0].path):
                yield self._open[0]
            else:
                found = journal.open_journal(self.folder)
                self._keep(found)
                yield found

    def _keep(self, found: Journal) -> None:
        self._open = found.settled(), _stamp(found.path)


def create(folder: Path, origin: str, signers: Sequence[NoteSigner], ratchet: Ratchet, now: datetime) -> Log:
    """Make an empty log with a signed checkpoint; raises InputError where something stands already."""
    note.check_name(origin)
    refuse_taken(folder)
    files.make_folder(folder)
    head = Checkpoint(origin, 0, merkle.EMPTY)
    with ratchet.held() as held:
        if held.size:
            raise TrustError(
                f"this machine signed {held.size:,} entries of {printable(origin, 80)}: it does not begin anew"
            )
        held.advance(head)
        journal.begin(folder, 0)
        lines = tuple(signer.sign(head, now) for signer in signers)
        files.write_atomic(folder / CHECKPOINT, note.Note(head.text(), lines).encode())
    return Log(folder)


def refuse_taken(folder: Path) -> None:
    """Raise InputError where a log stands already."""
    if (folder / CHECKPOINT).exists() or (folder / journal.NAME).exists():
        raise InputError(f"there is a log in {printable(str(folder))} already", hint="secpipe log show FOLDER")


def _stamp(path: Path) -> tuple[bytes, int]:
    """Return what tells a journal from any other: where it begins, and its length; it only grows."""
    with files.open_regular(path, follow=False) as file:
        return files.read_upto(file, journal.FIRST), os.fstat(file.fileno()).st_size
