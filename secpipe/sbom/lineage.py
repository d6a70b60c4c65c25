"""Lineage: what a model is derived from and trained on, resolved to components; a model is never its own ancestor."""

from __future__ import annotations

import dataclasses
from functools import partial

from secpipe.core.bounds import Bound
from secpipe.core.finding import Finding, Severity
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, Inventory, RelationKind, content_ref
from secpipe.core.paths import join
from secpipe.core.text import printable
from secpipe.sbom.collector import Collector

_MOST = 1000  # names of one model: each is looked for among all components
_NOWHERE = {"", "none", "null", "unknown", "n/a", "."}


def link(found: Collector) -> None:
    """Turn the facts `base-model` and `datasets` into relations.

    A name that is a component of the tree leads there; any other becomes a component that is only *referenced*: it has
    no digest, no purl, and a fact that says so.
    """
    models, datasets = _Here(found, ComponentKind.MODEL), _Here(found, ComponentKind.DATASET)
    for component in found.of_kind(ComponentKind.MODEL):
        _resolve(found, component, "base-model", models, RelationKind.DERIVED_FROM)
        _resolve(found, component, "datasets", datasets, RelationKind.TRAINED_ON)


class _Here:
    """The components of one kind that the tree itself holds, by path and by name."""

    def __init__(self, found: Collector, kind: ComponentKind) -> None:
        self.kind = kind
        self.by_path: dict[str, Component] = {}
        self.by_name: dict[str, list[Component]] = {}
        for item in found.of_kind(kind):
            if "referenced" not in item.facts:
                self.by_path.setdefault(item.path, item)
                self.by_name.setdefault(item.name.lower(), []).append(item)


def _resolve(found: Collector, component: Component, fact: str, here: _Here, edge: RelationKind) -> None:
    named = component.facts.get(fact)
    bound = Bound(_MOST, f"names under {fact}", partial(found.skip, component.path))
    for name in bound.first(named.value.split("\n")) if named else ():
        if name.strip().lower() in _NOWHERE:
            continue
        target = _local(found, component, name.strip(), here)
        if target is not None and target.ref == component.ref:
            facts = {**component.facts, "self-ancestor": Fact(name, Grade.DECLARED, component.facts[fact].source)}
            found.replace(dataclasses.replace(found.get(component.ref) or component, facts=facts))
            continue
        ref = (
            target.ref if target is not None else found.add(_referenced(here.kind, name.strip(), component.facts[fact]))
        )
        found.relate(component.ref, edge, ref)


def _local(found: Collector, component: Component, name: str, here: _Here) -> Component | None:
    """Return the component of the tree that `name` means: a path, or a name that is the same but for the owner."""
    folder = component.path if found.tree.find(component.path) is None else component.path.rpartition("/")[0]
    for path in (join(folder, name), join("", name)):
        if path and path in here.by_path:
            return here.by_path[path]
    if exact := here.by_name.get(name.lower(), []):
        return next((item for item in exact if item.ref != component.ref), exact[0])
    same = here.by_name.get(name.rpartition("/")[2].lower(), [])[:3]  # of more than one, none is meant
    near = [item for item in same if item.ref != component.ref]
    return near[0] if len(near) == 1 else None


def _referenced(kind: ComponentKind, name: str, why: Fact) -> Component:
    facts = {"referenced": Fact("named, not part of this release", Grade.DECLARED, why.source)}
    ref = content_ref(kind, "referenced", name)
    return Component(ref, kind, name, path=why.source, direct=False, facts=facts)


def ancestors(inventory: Inventory, ref: str) -> list[list[str]]:
    """Return the refs above `ref`, nearest first, one list a generation; a cycle ends where it closes."""
    parents: dict[str, list[str]] = {}
    for relation in inventory.relations:
        if relation.kind is RelationKind.DERIVED_FROM:
            parents.setdefault(relation.source, []).append(relation.target)
    seen, level, generations = {ref}, [ref], []
    while level := [parent for item in level for parent in parents.get(item, []) if parent not in seen]:
        level = sorted(set(level))
        seen.update(level)
        generations.append(level)
    return generations


def findings(inventory: Inventory) -> tuple[Finding, ...]:
    """Return a finding for every model that claims itself as ancestor, and for every cycle of derivation."""
    by_ref = {component.ref: component for component in inventory.components}
    found = []
    for component in inventory.of_kind(ComponentKind.MODEL):
        if fact := component.facts.get("self-ancestor"):
            message = f"{printable(component.name, 100)} names itself ({printable(fact.value, 100)}) as its base model"
            found.append(_finding(component, message))
    for ref in _on_cycle(inventory):
        component = by_ref[ref]
        found.append(_finding(component, f"{printable(component.name, 100)} is its own ancestor"))
    return tuple(found)


def _finding(component: Component, message: str) -> Finding:
    fix = "correct base_model in the model card or adapter_config.json"
    return Finding("sbom/lineage-cycle", message, Severity.MEDIUM, path=component.path, subject=component.ref, fix=fix)


def _on_cycle(inventory: Inventory) -> list[str]:
    """Return the refs that lead back to themselves: the strongly connected parts of more than one (Tarjan, 1972)."""
    edges: dict[str, list[str]] = {}
    for relation in inventory.relations:
        if relation.kind is RelationKind.DERIVED_FROM:
            edges.setdefault(relation.source, []).append(relation.target)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    open_: set[str] = set()
    found: list[str] = []
    for start in edges:
        pending = [(start, iter(edges[start]))] if start not in index else []
        while pending:
            node, targets = pending[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                open_.add(node)
            target = next(targets, None)
            if target is None:
                pending.pop()
                if pending:
                    low[pending[-1][0]] = min(low[pending[-1][0]], low[node])
                if low[node] == index[node]:
                    part = _unwound(stack, open_, node)
                    found += part if len(part) > 1 or node in edges.get(node, ()) else []
            elif target not in index:
                pending.append((target, iter(edges.get(target, ()))))
            elif target in open_:
                low[node] = min(low[node], index[target])
    return sorted(found)


def _unwound(stack: list[str], opened: set[str], node: str) -> list[str]:
    """Take a strongly connected part off the stack: all above `node` and itself."""
    part: list[str] = []
    while not part or part[-1] != node:
        part.append(stack.pop())
        opened.discard(part[-1])
    return part
