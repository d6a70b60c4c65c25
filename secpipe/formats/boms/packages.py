"""The components and edges of an SBOM as an inventory: what an audit judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from secpipe.core.artifact import Digest, Skip
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Inventory, Relation, RelationKind, declared
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.shape import tables, texts
from secpipe.core.text import plural, printable
from secpipe.formats.boms.shapes import Document, parse, walk
from secpipe.formats.locks.table import row_of
from secpipe.formats.packages import purl

_KINDS = {kind.value: kind for kind in ComponentKind}
#: The fact that a component was listed by an SBOM: whoever lists it asks for it to be judged, whatever its type.
LISTED = "listed"


def is_sbom(name: str) -> bool:
    """Whether a file named on the command line is taken for an SBOM: by its ending, unless it is a lock file."""
    return name.lower().endswith((".json", ".xml", ".spdx")) and row_of(name) is None


def read_sbom(data: bytes, path: str, limits: Limits = DEFAULT) -> Inventory:
    """Return the components and DEPENDS_ON relations of an SBOM; raises InputError where it is none.

    Libraries without a purl of a known ecosystem are listed in `skipped`: nothing can be said about them.
    """
    document = parse(data, path, limits)
    own = document.get("metadata")
    root = own.get("component") if isinstance(own, dict) else None
    components = []
    for item in walk({"components": [root]}):
        about = _component({"type": "application", **item}, path)
        components.append(replace(about, facts={}) if item is root else about)
    components += [_component(item, path) for item in walk(document)]
    relations = {
        Relation(source, RelationKind.DEPENDS_ON, target)
        for edge in tables(document.get("dependencies"))
        if isinstance(source := edge.get("ref"), str)
        for target in texts(edge.get("dependsOn"))
    }
    lost = [c for c in components if c.kind is ComponentKind.LIBRARY and not c.ecosystem and not c.purl]
    skips: tuple[Skip, ...] = ()
    if lost:
        named = ", ".join(printable(component.name, 80) for component in lost[:5])
        skips = (Skip(path, f"{plural(len(lost), 'component')} without a package URL cannot be judged ({named})"),)
    direct = _direct(components, relations)
    marked = tuple(replace(component, direct=component.ref in direct) for component in components)
    return Inventory(marked, tuple(sorted(relations)), skips)


def _component(item: Document, path: str) -> Component:
    name, version, ref, group = item.get("name"), item.get("version"), item.get("bom-ref"), item.get("group")
    claim = item.get("purl")
    named = str(claim) if purl.is_purl(claim) else ""
    package = purl.parse(named)
    text = name if isinstance(name, str) and name else (package.name if package else "")
    if not text:
        raise InputError(f"{printable(path, 200)} names a component without a name")
    if not package and isinstance(group, str) and group:
        text = f"{group}/{text}"
    return Component(
        ref=ref if isinstance(ref, str) and ref else named or f"{text}@{version}",
        kind=_KINDS.get(str(item.get("type")), ComponentKind.LIBRARY),
        name=package.name if package else text,
        version=version if isinstance(version, str) else (package.version if package else ""),
        purl=named,
        ecosystem=package.ecosystem if package else "",
        path=path,
        digests=tuple(_digests(item.get("hashes"))),
        facts=declared(path, {LISTED: "yes"}),
    )


def _digests(hashes: Any) -> Iterator[Digest]:
    for item in tables(hashes):
        name, text = item.get("alg"), item.get("content")
        if isinstance(name, str) and isinstance(text, str):
            yield Digest(name.lower().replace("-", ""), text.lower())


def _direct(components: list[Component], relations: set[Relation]) -> set[str]:
    """Return the refs that the root names; without a root or edges every component counts as direct."""
    targets = {relation.target for relation in relations}
    roots = {c.ref for c in components if c.kind is ComponentKind.APPLICATION and c.ref not in targets}
    named = {relation.target for relation in relations if relation.source in roots}
    if not named:
        return {component.ref for component in components} - (targets if relations else set())
    return named | roots
