"""A tree in which files linked from inside stand under their links' names: the layout of the Hugging Face cache.

Links are never followed on disk: a link whose target is a regular file of the same tree gives that file, with the
digest it has, another name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import BinaryIO

from secpipe.core.artifact import FileEntry, LinkEntry, Skip
from secpipe.core.protocols import Tree
from secpipe.sbom.paths import folder_of, join

_HOPS = 5  # a link to a link to a link


class AliasedTree:
    """A `Tree` over another one; a file that links name is seen under those names instead of its own."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._real: dict[str, FileEntry] = {}
        links = {link.path: link.target for link in tree.links if link.inside}
        for path in links:
            if (entry := _target(tree, links, path)) is not None:
                self._real[path] = entry
        named = {entry.path for entry in self._real.values()}
        kept = [entry for entry in tree.files if entry.path not in named]
        kept += [replace(entry, path=path) for path, entry in self._real.items()]
        self.files = tuple(sorted(kept, key=lambda entry: entry.path))
        self._paths = [entry.path for entry in self.files]

    @property
    def links(self) -> tuple[LinkEntry, ...]:
        """As the tree has them."""
        return self._tree.links

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """As the tree has them."""
        return self._tree.skipped

    @property
    def left_out(self) -> tuple[Skip, ...]:
        """As the tree has them."""
        return self._tree.left_out

    def find(self, path: str) -> FileEntry | None:
        """Return the file at `path`, or None."""
        index = bisect_left(self._paths, path)
        return self.files[index] if index < len(self._paths) and self._paths[index] == path else None

    def below(self, folder: str) -> Iterator[FileEntry]:
        """Yield the files under `folder`, in order."""
        prefix = f"{folder}/" if folder else ""
        for index in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[index].startswith(prefix):
                return
            yield self.files[index]

    def read(self, entry: FileEntry, limit: int) -> bytes:
        """Read the file behind a name."""
        return self._tree.read(self._real.get(entry.path, entry), limit)

    def open(self, entry: FileEntry) -> AbstractContextManager[BinaryIO]:
        """Open the file behind a name."""
        return self._tree.open(self._real.get(entry.path, entry))


def aliased(tree: Tree) -> Tree:
    """Return `tree`, or a view of it where it holds links to files inside."""
    return AliasedTree(tree) if any(link.inside for link in tree.links) else tree


def _target(tree: Tree, links: dict[str, str], path: str) -> FileEntry | None:
    for _ in range(_HOPS):
        found = join(folder_of(path), links[path])
        if found is None:
            return None
        if (entry := tree.find(found)) is not None:
            return entry
        if found not in links:
            return None
        path = found
    return None
