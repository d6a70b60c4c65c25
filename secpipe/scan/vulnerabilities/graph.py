"""How a package came into the release: the shortest path through DEPENDS_ON, from what the project names itself."""

from __future__ import annotations

from collections import deque

from secpipe.core.inventory import Inventory, RelationKind


class Graph:
    """The dependency graph of an inventory, searched once for all packages."""

    def __init__(self, inventory: Inventory) -> None:
        self._names = {component.ref: component.name for component in inventory.components}
        below: dict[str, list[str]] = {}
        targets = set()
        for relation in inventory.relations:
            if relation.kind is RelationKind.DEPENDS_ON:
                below.setdefault(relation.source, []).append(relation.target)
                targets.add(relation.target)
        roots = [component.ref for component in inventory.components if component.ref not in targets]
        starts = roots + [component.ref for component in inventory.components if component.direct]
        self._parent: dict[str, str] = dict.fromkeys(starts, "")
        pending = deque(self._parent)
        while pending:
            ref = pending.popleft()
            for target in below.get(ref, ()):
                if target not in self._parent:
                    self._parent[target] = ref
                    pending.append(target)

    def path(self, ref: str) -> list[str]:
        """Return the names from what the project names itself down to `ref`; at most 64."""
        found: list[str] = []
        while ref and len(found) < 64:
            found.append(self._names.get(ref, ref))
            ref = self._parent.get(ref, "")
        return found[::-1]
