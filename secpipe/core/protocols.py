"""The Protocols by which rooms of one floor meet; wired together by `cli` and `gate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import BinaryIO, Protocol

from secpipe.core.artifact import FileEntry, LinkEntry, Skip


class Clock(Protocol):
    """The time, in UTC. Injected by tests, simulated by `--at`."""

    def now(self) -> datetime: ...


class Signer(Protocol):
    """The private half of one key version under one algorithm, wherever it lives."""

    @property
    def algorithm(self) -> str:
        """The scheme's id (`ecdsa-p256`, `ml-dsa-65`)."""

    @property
    def keyid(self) -> str:
        """Hex SHA-256 of the public key's PEM text."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`; raises SecpipeError."""


class Watch(Protocol):
    """Is told how far a long piece of work is; several threads may tell it."""

    def expect(self, total: int) -> None:
        """Say how many bytes are going to be hashed."""

    def read(self, count: int) -> None:
        """Count bytes that were just hashed."""

    def opened(self, path: str, size: int) -> None:
        """Name a file, and its size in bytes, that is being looked into."""


class Tree(Protocol):
    """A folder as it was walked and hashed, once, for everybody.

    `files` and `links` are sorted by path. Reads are bounded and refuse a file that changed since it was hashed.
    """

    @property
    def files(self) -> tuple[FileEntry, ...]: ...

    @property
    def links(self) -> tuple[LinkEntry, ...]: ...

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """What could not be read: the tree is not known whole."""

    @property
    def left_out(self) -> tuple[Skip, ...]:
        """What is knowingly no part of it: git's own store, paths excluded by the user or a pinned policy."""

    def find(self, path: str) -> FileEntry | None:
        """Return the file at `path`, or None."""

    def below(self, folder: str) -> Iterator[FileEntry]:
        """Yield the files under `folder` ("" is the tree itself), in order."""

    def read(self, entry: FileEntry, limit: int) -> bytes:
        """Return the whole content; raises UnsafeInput above `limit` bytes, InputError when unreadable or changed."""

    def open(self, entry: FileEntry) -> AbstractContextManager[BinaryIO]:
        """Open for streaming, seekable; raises InputError when unreadable or changed."""
