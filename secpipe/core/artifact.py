"""What is judged: digests, files, and the tree they stand in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A hash of bytes: `algorithm` as in-toto names it (`sha256`), `value` in lower-case hex."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that was not looked at, and why; it is never counted as clean.

    `soft` marks what could be read but not judged (a dependency without a version): a policy says whether that may be.
    """

    path: str  # relative to the tree; "" for the tree itself
    reason: str
    soft: bool = False

    def to_dict(self) -> dict[str, str]:
        return {"path": self.path, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One regular file of a tree.

    `path` is relative to the tree, with `/`; undecodable bytes are surrogate escapes (PEP 383): print it only through
    `core.text.printable`. `sha256` is 64 hex digits, or "" where the file could not be read. `head` is its first
    64 bytes. `stamp` says device, inode, size, mtime and ctime as seen while hashing: a reader refuses a file that
    changed. `via` is the path of the file itself, where `path` is a link's name for it.
    """

    path: str
    size: int
    mode: int
    sha256: str
    head: bytes = field(repr=False, default=b"")
    stamp: bytes = field(repr=False, default=b"")
    via: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The lower-case ending with its dot (`.py`), or ""."""
        stem, dot, ending = self.path.rpartition(".")
        return f".{ending.lower()}" if dot and stem and stem[-1] != "/" and "/" not in ending else ""


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A symbolic link: recorded, never followed on disk. Its name is lent to what it leads to (`system.aliases`)."""

    path: str
    target: str
    inside: bool  # the target is relative and stays inside the tree
    place: str = ""  # where it leads in the end, relative to the tree; "" outside of it


def executables(files: Iterable[FileEntry]) -> list[str]:
    """Return the paths of the files that somebody may run (any `x` bit), which no digest covers."""
    return sorted(file.path for file in files if file.mode & 0o111 and not file.via)


def dir_hash(files: Iterable[FileEntry]) -> str:
    """Return in-toto's `dirHash` of files: SHA-256, in hex, over `sha256sum` lines in byte order of the paths.

    coreutils reproduce it: `find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum`. Names with a
    line feed or carriage return make the listing ambiguous: callers that sign or identify by it refuse them first.
    """
    hasher, listed = hashlib.sha256(), list(files)
    if all(file.path.isascii() for file in listed):  # characters sort as their bytes do: no copies are needed
        listed.sort(key=lambda file: file.path)
    else:
        listed.sort(key=lambda file: file.path.encode("utf-8", "surrogateescape"))
    for file in listed:
        hasher.update(f"{file.sha256}  {file.path}\n".encode("utf-8", "surrogateescape"))
    return hasher.hexdigest()
