"""The newest tree that was signed, on the disk before the signature exists: two trees of one size are never signed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.core.shape import Fields
from secpipe.keys.wire import HEX256, pretty, read
from secpipe.log import note
from secpipe.log.checkpoint import Checkpoint, number
from secpipe.system import files, locks


@dataclass(frozen=True, slots=True)
class Ratchet:
    """Where one signer (`who`: a log or a witness) remembers what it signed of the log `origin`."""

    folder: Path
    who: str
    origin: str

    @property
    def path(self) -> Path:
        name = hashlib.sha256(f"{self.who}\n{self.origin}".encode()).hexdigest()
        return self.folder / f"log-{name}.json"

    @contextlib.contextmanager
    def held(self) -> Iterator[Remembered]:
        """Hold the ratchet alone, and yield what it remembers; raises InputError where that is damaged."""
        files.make_folder(self.folder, mode=0o700)
        with locks.lock(self.path.with_suffix(".lock")):
            size, root, signed = self._recall()
            yield Remembered(self, size, root, signed)

    def _recall(self) -> tuple[int, bytes, bytes]:
        if not self.path.is_file():
            return 0, b"", b""
        what = "the memory of what was signed"
        fields = Fields(read(files.read_bytes(self.path, 4 * note.LIMIT, follow=False), what), what)
        size = number(fields.text("size", limit=20), what)
        root = bytes.fromhex(fields.text("root", HEX256))
        if (fields.text("who"), fields.text("origin")) != (self.who, self.origin):
            raise InputError(f"{what} is about another log")
        return size, root, fields.text("checkpoint", limit=note.LIMIT).encode("utf-8")


@dataclass(slots=True)
class Remembered:
    """A ratchet that is held: the size and root it stands at, and the checkpoint that came of it, if one did."""

    ratchet: Ratchet
    size: int
    root: bytes
    checkpoint: bytes

    def advance(self, head: Checkpoint, checkpoint: bytes = b"") -> None:
        """Remember `head`, durably, before (or, with its lines, after) it is signed. Raises SecpipeError."""
        if head.size < self.size or (head.size == self.size and self.root and head.root != self.root):
            raise InputError("a ratchet does not turn back")
        document = {
            "who": self.ratchet.who,
            "origin": self.ratchet.origin,
            "size": str(head.size),  # any size below 2^63: more than a number of JSON holds
            "root": head.root.hex(),
            "checkpoint": checkpoint.decode("utf-8"),
        }
        files.write_atomic(self.ratchet.path, pretty(document), mode=0o600)
        self.size, self.root, self.checkpoint = head.size, head.root, checkpoint
