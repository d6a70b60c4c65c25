"""What a reader is given of one lock file or manifest, and what it says: packages, edges, and what it left out."""

from __future__ import annotations

import codecs
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable

from secpipe.core.inventory import Component, Relation, RelationKind, declared
from secpipe.core.limits import DEFAULT, Limits

#: Packages of one name that an edge without a version leads to: more are no lock file of anybody's.
MANY = 32


def _nothing(path: str) -> bytes | None:
    return None


class Lock:
    """One file: `path` relative to its tree, `data`, and what was read of it so far.

    `near` gives the bytes of another file of the same tree, or None: some formats are completed by their neighbour.
    `components` and `relations` are in the order read; a package named twice stands there twice. `named` are packages
    that the project itself asks for; `includes` other files to be read in the same way; `skips` what was not
    understood; `problem` why the reading ended early, or "".
    """

    def __init__(
        self, path: str, data: bytes, near: Callable[[str], bytes | None] = _nothing, limits: Limits = DEFAULT
    ) -> None:
        self.path = path
        self.name = path.rpartition("/")[2]
        self._data = data.removeprefix(codecs.BOM_UTF8)  # editors write one, and every tool reads over it
        self.asked = False  # whether the reader has taken the data
        self.near = near
        self.limits = limits
        self.components: list[Component] = []
        self.relations: set[Relation] = set()
        self.named: set[str] = set()
        self.includes: list[str] = []
        self.skips: list[str] = []
        self.problem = ""

    @property
    def data(self) -> bytes:
        """The content of the file."""
        self.asked = True
        return self._data

    def add(self, component: Component) -> str:
        """Add a package or the project itself; return its ref."""
        self.components.append(component)
        return component.ref

    def relate(self, source: str, kind: RelationKind, *targets: str) -> None:
        """Add edges."""
        self.relations.update(Relation(source, kind, target) for target in targets if target and target != source)

    def skip(self, reason: str) -> None:
        """Record what was not understood."""
        self.skips.append(reason)

    def only_for(self, group: str, needed: Iterable[str], extra: Iterable[str]) -> None:
        """Mark as optional, of `group`, what is reached from the refs `extra` and from none of `needed`."""
        below: dict[str, list[str]] = defaultdict(list)
        for edge in self.relations:
            below[edge.source].append(edge.target)
        kept, rest = _reached(needed, below), _reached(extra, below)
        marks = declared(self.path, {"scope": "optional", "group": group})
        self.components = [
            dataclasses.replace(item, facts={**marks, **item.facts}) if item.ref in rest - kept else item
            for item in self.components
        ]


def _reached(starts: Iterable[str], below: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    pending = list(starts)
    while pending:
        if (ref := pending.pop()) not in seen:
            seen.add(ref)
            pending += below[ref]
    return seen
