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
    for component in found.of_kind(ComponentKind.MODEL):
        _resolve(found, component, "base-model", ComponentKind.MODEL, RelationKind.DERIVED_FROM)
        _resolve(found, component, "datasets", ComponentKind.DATASET, RelationKind.TRAINED_ON)


def _resolve(found: Collector, component: Component, fact: str, kind: ComponentKind, edge: RelationKind) -> None:
    named = component.facts.get(fact)
    bound = Bound(_MOST, f"names under {fact}", partial(found.skip, component.path))
    for name in bound.first(named.value.split("\n")) if named else ():
        if name.strip().lower() in _NOWHERE:
            continue
        target = _local(found, component, name.strip(), kind)
        if target is not None and target.ref == component.ref:
            facts = {**component.facts, "self-ancestor": Fact(name, Grade.DECLARED, component.facts[fact].source)}
            found.replace(dataclasses.replace(found.get(component.ref) or component, facts=facts))
            continue
        ref = target.ref if target is not None else found.add(_referenced(kind, name.strip(), component.facts[fact]))
        found.relate(component.ref, edge, ref)


def _local(found: Collector, component: Component, name: str, kind: ComponentKind) -> Component | None:
    """Return the component of the tree that `name` means: a path, or a name that is the same but for the owner."""
    others = [item for item in found.of_kind(kind) if "referenced" not in item.facts]
    here = component.path if found.tree.find(component.path) is None else component.path.rpartition("/")[0]
    for path in (join(here, name), join("", name)):
        for other in others:
            if path and other.path == path:
                return other
    exact = [item for item in others if item.name.lower() == name.lower()]
    if exact:
        return next((item for item in exact if item.ref != component.ref), exact[0])
    tail = name.rpartition("/")[2].lower()
    near = [item for item in others if item.name.lower() == tail and item.ref != component.ref]
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
    edges: dict[str, set[str]] = {}
    for relation in inventory.relations:
        if relation.kind is RelationKind.DERIVED_FROM:
            edges.setdefault(relation.source, set()).add(relation.target)
    on_cycle = []
    for start in sorted(edges):
        seen: set[str] = set()
        pending = list(edges[start])
        while pending:
            node = pending.pop()
            if node == start:
                on_cycle.append(start)
                break
            if node not in seen:
                seen.add(node)
                pending += edges.get(node, ())
    return on_cycle
