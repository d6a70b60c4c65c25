"""What the TOML lock files share: `[[package]]` tables with their lines, and edges by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import InputError
from secpipe.core.inventory import RelationKind
from secpipe.core.text import opening
from secpipe.formats.locks.lock import MANY, Lock
from secpipe.formats.packages import names

_TABLE = re.compile(rb"^\[\[packages?\]\][ \t\r]*(?:#.*)?$")


def packages(found: Lock, key: str = "package") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the document of a lock file and its packages, each with its 1-based line under `"\\0line"`."""
    data = found.data
    document = parse_toml(data, found.name, found.limits)
    items = document.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InputError(f"{found.name} holds no list of packages")
    lines = [number for number, line in enumerate(data.split(b"\n"), 1) if _TABLE.match(line)]
    if len(lines) != len(items):
        lines = [0] * len(items)
    return document, [{**item, "\0line": line} for item, line in zip(items, lines, strict=True)]


class Names:
    """Packages of one lock file by name and version, to resolve its edges."""

    def __init__(self) -> None:
        self._refs: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        self._edges: list[tuple[str, str, str]] = []

    def put(self, name: str, version: str, ref: str) -> None:
        """Remember that the package is the component `ref`."""
        name = names.pep503(name)
        self._refs[name, ""][ref] = None
        self._refs[name, version][ref] = None

    def need(self, source: str, name: str, version: str = "") -> None:
        """Remember an edge; without a version it leads to every package of that name."""
        self._edges.append((source, name, version))

    def find(self, name: str, version: str = "") -> Iterator[str]:
        """Yield the refs of a package, at most `MANY`."""
        return islice(self._refs.get((names.pep503(name), version), ()), MANY)

    def relate(self, found: Lock) -> None:
        """Write the edges; which of very many packages of one name is meant is said not to be known."""
        for source, name, version in self._edges:
            found.relate(source, RelationKind.DEPENDS_ON, *self.find(name, version))
        for (name, version), refs in self._refs.items():
            if len(refs) > MANY and not version:
                found.skip(f"{len(refs):,} packages are called {opening(name)}: not all that need them are told")
