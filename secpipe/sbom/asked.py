"""A tree that keeps which of its files were opened, and by whom: a source that did not look cannot say that it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from secpipe.core.artifact import FileEntry, LinkEntry, Skip
from secpipe.core.protocols import Tree


class Asked:
    """The tree it is made of. `source` is whoever reads now; `opened` holds (source, path)."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.source = ""
        self.opened: set[tuple[str, str]] = set()

    @property
    def files(self) -> tuple[FileEntry, ...]:
        return self._tree.files

    @property
    def links(self) -> tuple[LinkEntry, ...]:
        return self._tree.links

    @property
    def skipped(self) -> tuple[Skip, ...]:
        return self._tree.skipped

    @property
    def left_out(self) -> tuple[Skip, ...]:
        return self._tree.left_out

    def find(self, path: str) -> FileEntry | None:
        return self._tree.find(path)

    def below(self, folder: str) -> Iterator[FileEntry]:
        return self._tree.below(folder)

    def read(self, entry: FileEntry, limit: int) -> bytes:
        self.opened.add((self.source, entry.path))
        return self._tree.read(entry, limit)

    def open(self, entry: FileEntry) -> AbstractContextManager[BinaryIO]:
        self.opened.add((self.source, entry.path))
        return self._tree.open(entry)
