"""Layers of a container image put over each other: what a container sees, and what later layers hide. Pure.

Source: image-spec 1.1, "Image Layer Filesystem Changeset". Links are resolved inside the image, as a runtime does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.text import printable

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_HOPS: Final = 40  # links on the way to one file (Linux: MAXSYMLINKS)


@dataclass(frozen=True, slots=True)
class Placed:
    """A file or link of the image: where it stands, the layer that brought it, and its content.

    `token` names the content of a file; `target` is where a symbolic link leads.
    """

    path: str
    layer: int
    token: int = -1
    target: str = ""


@dataclass(slots=True)
class _Node:
    """A folder (`children`), or a file or link (`placed`)."""

    layer: int
    placed: Placed | None = None
    children: dict[str, _Node] = field(default_factory=dict)


class Overlay:
    """The layers so far, lowest first."""

    def __init__(self) -> None:
        self._root = _Node(0)
        self.layer = 0
        self.hidden: list[Placed] = []

    def begin(self, layer: int) -> None:
        """Go on with the next layer."""
        self.layer = layer

    def whiteout(self, path: str) -> bool:
        """Apply `path` if it is a whiteout, and tell whether it was one."""
        folder, _, name = path.rpartition("/")
        if not name.startswith(_WHITEOUT):
            return False
        node = self._folder(folder, make=False)
        if node is None:
            return True
        if name == _OPAQUE:
            for one in [*node.children]:
                self._hide_lower(node, one)
        elif gone := node.children.pop(name.removeprefix(_WHITEOUT), None):
            self._hide(gone)
        return True

    def folder(self, path: str) -> None:
        """Add a folder; one that stands already stays, anything else in its place is hidden."""
        above, _, name = path.rpartition("/")
        parent = self._folder(above, make=True) if name else None
        if parent is None:
            return
        there = parent.children.get(name)
        if there is None or there.placed is not None:
            if there is not None:
                self._hide(there)
            parent.children[name] = _Node(self.layer)

    def put(self, placed: Placed) -> None:
        """Add a file or a symbolic link; what stood in its place is hidden from now on."""
        folder, _, name = placed.path.rpartition("/")
        node = self._folder(folder, make=True)
        if node is None:
            raise InputError(f"{printable(placed.path, 100)} leads round in a circle")
        if old := node.children.pop(name, None):
            self._hide(old)
        node.children[name] = _Node(self.layer, placed)

    def find(self, path: str) -> Placed | None:
        """Return the file at `path`, for a hard link to it."""
        folder, _, name = path.rpartition("/")
        node = self._folder(folder, make=False)
        there = node.children.get(name) if node else None
        return there.placed if there else None

    def files(self) -> Iterator[Placed]:
        """Yield what a container sees, by path: each file and link under the path where it stands."""
        yield from self._below(self._root, "")

    def leads(self, link: Placed) -> str | None:
        """Return the path of the image that a link leads to, or None where nothing stands there."""
        folder = link.path.rpartition("/")[0]
        start = link.target if link.target.startswith("/") else f"{folder}/{link.target}"
        found = self._resolve(start.split("/"), make=False)
        return None if found is None else "/".join(found[1])

    def _folder(self, path: str, *, make: bool) -> _Node | None:
        found = self._resolve(path.split("/"), make=make)
        return found[0] if found is not None and self._opens(found[0], make) else None

    def _resolve(self, parts: list[str], *, make: bool) -> tuple[_Node, list[str]] | None:
        """Return the node at a path, and its path without links; with `make`, missing folders are made."""
        trail: list[tuple[str, _Node]] = []
        pending, hops = parts[::-1], 0
        while pending:
            part = pending.pop()
            node = trail[-1][1] if trail else self._root
            if part in ("", ".", ".."):
                if part == ".." and trail:
                    trail.pop()
                continue
            if not self._opens(node, make):
                return None
            child = node.children.get(part)
            if child is None:
                if not make:
                    return None
                child = node.children[part] = _Node(self.layer)
            if child.placed is None or child.placed.token >= 0:
                trail.append((part, child))
                continue
            hops += 1
            if hops > _HOPS:
                return None
            if child.placed.target.startswith("/"):
                trail.clear()
            pending += child.placed.target.split("/")[::-1]
        return (trail[-1][1] if trail else self._root), [name for name, _ in trail]

    def _opens(self, node: _Node, make: bool) -> bool:
        """Tell whether a node is a folder; with `make`, a file where a folder comes is hidden and becomes one."""
        if node.placed is not None and make:
            self.hidden.append(node.placed)
            node.placed, node.layer = None, self.layer
        return node.placed is None

    def _hide_lower(self, folder: _Node, name: str) -> None:
        """Hide what lower layers brought below `folder`, and keep what this one did."""
        node = folder.children[name]
        if node.placed is not None:
            if node.layer != self.layer:
                self._hide(folder.children.pop(name))
            return
        for one in [*node.children]:
            self._hide_lower(node, one)
        if not node.children and node.layer != self.layer:
            del folder.children[name]

    def _hide(self, node: _Node) -> None:
        pending = [node]
        while pending:
            one = pending.pop()
            if one.placed is not None:
                self.hidden.append(one.placed)
            pending += one.children.values()

    def _below(self, node: _Node, path: str) -> Iterator[Placed]:
        pending = [(node, path)]
        while pending:
            one, place = pending.pop()
            if one.placed is not None:
                yield _at(one.placed, place)
            pending += [(child, f"{place}/{name}" if place else name) for name, child in one.children.items()]


def _at(placed: Placed, path: str) -> Placed:
    if placed.path == path:
        return placed
    return Placed(path, placed.layer, placed.token, placed.target)


def inside(name: str, limit: int = 128) -> str:
    """Return a member's name as a path of the image; raises InputError where it leaves it."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InputError(f"{printable(name, 100)} leaves the image")
    if len(parts) > limit:
        raise UnsafeInput(f"folders nested deeper than {limit}")
    return "/".join(parts)
