"""What git holds or is about to publish, written out of the object store: a push, the index, a commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from secpipe.core.artifact import Skip
from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.system import git


@dataclass(frozen=True, slots=True)
class Published:
    """One tree of a repository, written out of its object store into a scratch folder."""

    name: str
    folder: Path
    not_read: tuple[Skip, ...]


@contextmanager
def _exported(repository: Path, name: str, blobs: list[git.Blob]) -> Iterator[Published]:
    with TemporaryDirectory(prefix="secpipe-hook-") as scratch:
        yield Published(name, Path(scratch), git.export(repository, blobs, Path(scratch)))


def pushed(repository: Path, lines: str) -> Iterator[Published]:
    """Yield the tree of every commit that a pre-push hook is told of on its standard input; deletions publish nothing.

    Each line is `<local ref> <local object> <remote ref> <remote object>` (githooks(5)).
    """
    done: set[str] = set()
    for line in lines.splitlines():
        words = line.split(" ")
        if len(words) != 4:
            raise InputError(f"git told the hook something unknown: {printable(line, 200)}")
        reference, commit = words[0], words[1]
        if not set(commit) - {"0"} or commit in done:
            continue
        done.add(commit)
        with _exported(repository, printable(reference, 100), git.commit_blobs(repository, commit)) as published:
            yield published


def staged(repository: Path) -> Iterator[Published]:
    """Yield the tree that the next commit would hold."""
    with _exported(repository, "the index", git.index_blobs(repository)) as published:
        yield published


@contextmanager
def committed(where: git.Enclosing, commit: str) -> Iterator[Published]:
    """Yield the tree that a commit holds at the place of the folder `where`."""
    blobs = [
        replace(blob, path=blob.path.removeprefix(where.prefix))
        for blob in git.commit_blobs(where.folder, commit)
        if blob.path.startswith(where.prefix)
    ]
    with _exported(where.folder, commit[:12], blobs) as published:
        yield published
