"""A tree in which a link lends its name to what it leads to: the layout of the Hugging Face cache, or code by a name.

Links are never followed on disk: one that leads to files of the same tree gives these, with the digests they have,
another name. Whoever reads by name then reads them by every name that they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import BinaryIO

from secpipe.core.artifact import FileEntry, LinkEntry, Skip
from secpipe.core.bounds import Bound
from secpipe.core.limits import DEFAULT
from secpipe.core.protocols import Tree
from secpipe.system.listing import Listing


class AliasedTree(Listing):
    """A `Tree` over another one; a file that links lead to stands under their names, too, or `instead` of its own."""

    def __init__(self, tree: Tree, *, instead: bool = False) -> None:
        self._tree = tree
        self._cut: list[Skip] = []
        bound = Bound(DEFAULT.tree_files, "names lent by links", lambda words: self._cut.append(Skip("", words)))
        lent = list(bound.first(_lent(tree)))
        named = {entry.via for entry in lent} if instead else frozenset()
        kept = [entry for entry in tree.files if entry.path not in named]
        super().__init__(tuple(sorted([*kept, *lent], key=lambda entry: entry.path)))

    @property
    def links(self) -> tuple[LinkEntry, ...]:
        """As the tree has them."""
        return self._tree.links

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """As the tree has them, and the names that were too many."""
        return (*self._tree.skipped, *self._cut)

    @property
    def left_out(self) -> tuple[Skip, ...]:
        """As the tree has them."""
        return self._tree.left_out

    def read(self, entry: FileEntry, limit: int) -> bytes:
        """Read the file behind a name."""
        return self._tree.read(entry, limit)

    def open(self, entry: FileEntry) -> AbstractContextManager[BinaryIO]:
        """Open the file behind a name."""
        return self._tree.open(entry)


def aliased(tree: Tree, *, instead: bool = False) -> Tree:
    """Return `tree`, or a view of it where it holds links that lead to files of it."""
    return AliasedTree(tree, instead=instead) if any(link.place for link in tree.links) else tree


def _lent(tree: Tree) -> Iterator[FileEntry]:
    """Yield the files that links lead to, under the links' names; of a linked folder, the files in it."""
    for link in tree.links:
        if not link.place:
            continue
        if (entry := tree.find(link.place)) is not None:
            yield replace(entry, path=link.path, via=entry.path)
        elif not f"{link.path}/".startswith(f"{link.place}/") and link.place != ".":  # a folder in itself has no end
            for entry in tree.below(link.place):
                yield replace(entry, path=f"{link.path}{entry.path[len(link.place) :]}", via=entry.path)
