"""A tree in which files linked from inside stand under their links' names: the layout of the Hugging Face cache.

Links are never followed on disk: a link whose target is a regular file of the same tree gives that file, with the
digest it has, another name.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import BinaryIO

from secpipe.core.artifact import FileEntry, LinkEntry, Skip
from secpipe.core.protocols import Tree
from secpipe.sbom.paths import folder_of, join
from secpipe.system.listing import Listing

_HOPS = 5  # a link to a link to a link


class AliasedTree(Listing):
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
        super().__init__(tuple(sorted(kept, key=lambda entry: entry.path)))

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
