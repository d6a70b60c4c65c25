"""Packages out of an SBOM: CycloneDX 1 (JSON, XML), SPDX 2 (JSON, tag-value), 3 (JSON); what an audit needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secpipe.core.artifact import Digest, Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Inventory, Relation, RelationKind
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import plural, printable
from secpipe.scan.vulnerabilities import purl

_KINDS = {kind.value: kind for kind in ComponentKind}


_NPM = {"package-lock.json", "npm-shrinkwrap.json", "package.json"}


def is_sbom(name: str) -> bool:
    """Whether a file named on the command line is taken for an SBOM: by its ending, unless it is a manifest of npm."""
    return name.lower().endswith((".json", ".xml", ".spdx")) and name not in _NPM


def read_sbom(data: bytes, path: str, limits: Limits = DEFAULT) -> Inventory:
    """Return the components and DEPENDS_ON relations of an SBOM; raises InputError where it is none.

    Libraries without a purl of a known ecosystem are listed in `skipped`: nothing can be said about them.
    """
    value = _parsed(data, path, limits)
    if not isinstance(value, dict):
        raise InputError(f"{printable(path, 200)} is no SBOM")
    if value.get("bomFormat") == "CycloneDX":
        components, relations = _cyclonedx(value, path)
    elif isinstance(value.get("spdxVersion"), str):
        components, relations = _spdx2(value, path)
    elif isinstance(value.get("@graph"), list):
        components, relations = _spdx3(value, path)
    else:
        raise InputError(f"{printable(path, 200)} is neither CycloneDX nor SPDX", hint="give a JSON document of either")
    lost = [c for c in components if c.kind is ComponentKind.LIBRARY and not c.ecosystem and not c.purl]
    skips: tuple[Skip, ...] = ()
    if lost:
        named = ", ".join(printable(component.name, 80) for component in lost[:5])
        skips = (Skip(path, f"{plural(len(lost), 'component')} without a package URL cannot be judged ({named})"),)
    direct = _direct(components, relations)
    marked = tuple(_marked(component, component.ref in direct) for component in components)
    return Inventory(marked, tuple(sorted(set(relations))), skips)


def _parsed(data: bytes, path: str, limits: Limits) -> Any:
    """Return the document in the shape of JSON, whichever form it has."""
    if path.lower().endswith((".xml", ".spdx")) and data.lstrip()[:1] != b"{":
        from secpipe.scan.vulnerabilities.bom_forms import from_tags, from_xml

        read = from_xml if data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<" else from_tags
        return read(data, printable(path, 200), limits)
    return parse_json(data, printable(path, 200), limits)


def _cyclonedx(value: dict[str, Any], path: str) -> tuple[list[Component], list[Relation]]:
    own = value.get("metadata")
    root = own.get("component") if isinstance(own, dict) else None
    found = []
    for item in _nested([root] if isinstance(root, dict) else []):
        found.append(_component(item, path, item.get("bom-ref"), _purl_of(item), item.get("type", "application")))
    for item in _nested(_tables(value.get("components"))):
        found.append(_component(item, path, item.get("bom-ref"), _purl_of(item), item.get("type")))
    relations = [
        Relation(source, RelationKind.DEPENDS_ON, target)
        for edge in _tables(value.get("dependencies"))
        if isinstance(source := edge.get("ref"), str)
        for target in _texts(edge.get("dependsOn"))
    ]
    return found, relations


def _nested(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    pending = items[::-1]
    while pending:
        item = pending.pop()
        yield item
        pending.extend(_tables(item.get("components"))[::-1])


def _spdx2(value: dict[str, Any], path: str) -> tuple[list[Component], list[Relation]]:
    described = set(_texts(value.get("documentDescribes")))
    relations = []
    for edge in _tables(value.get("relationships")):
        left, kind, right = edge.get("spdxElementId"), edge.get("relationshipType"), edge.get("relatedSpdxElement")
        if not (isinstance(left, str) and isinstance(right, str)):
            continue
        if kind == "DESCRIBES" and left == "SPDXRef-DOCUMENT":
            described.add(right)
        elif kind == "DEPENDS_ON":
            relations.append(Relation(left, RelationKind.DEPENDS_ON, right))
        elif kind == "DEPENDENCY_OF":
            relations.append(Relation(right, RelationKind.DEPENDS_ON, left))
    found = []
    for item in _tables(value.get("packages")):
        named = [ref.get("referenceLocator") for ref in _tables(item.get("externalRefs")) if _is_purl(ref)]
        kind = "application" if _text(item.get("SPDXID")) in described and not named else "library"
        item = {**item, "version": item.get("versionInfo"), "hashes": item.get("checksums")}
        found.append(_component(item, path, item.get("SPDXID"), str(named[0]) if named else "", kind))
    return found, relations


def _is_purl(reference: dict[str, Any]) -> bool:
    return reference.get("referenceType") == "purl" and isinstance(reference.get("referenceLocator"), str)


def _spdx3(value: dict[str, Any], path: str) -> tuple[list[Component], list[Relation]]:
    found, relations = [], []
    for item in _tables(value["@graph"]):
        kind, ref = item.get("type"), item.get("spdxId")
        if kind == "software_Package":
            others = [e.get("identifier") for e in _tables(item.get("externalIdentifier"))]
            urls = [text for text in (item.get("software_packageUrl"), *others) if isinstance(text, str)]
            named = next((text for text in urls if text.startswith("pkg:")), "")
            shaped = {**item, "version": item.get("software_packageVersion"), "hashes": item.get("verifiedUsing")}
            found.append(_component(shaped, path, ref, named, "library" if named else "application"))
        elif (
            kind == "Relationship" and item.get("relationshipType") == "dependsOn" and isinstance(item.get("from"), str)
        ):
            relations += [Relation(item["from"], RelationKind.DEPENDS_ON, to) for to in _texts(item.get("to"))]
    return found, relations


def _component(item: dict[str, Any], path: str, ref: Any, named: str, kind: Any) -> Component:
    name, version = item.get("name"), item.get("version")
    package = purl.parse(named)
    text = name if isinstance(name, str) and name else (package.name if package else "")
    if not text:
        raise InputError(f"{printable(path, 200)} names a component without a name")
    group = item.get("group")
    if not package and isinstance(group, str) and group:
        text = f"{group}/{text}"
    return Component(
        ref=ref if isinstance(ref, str) and ref else named or f"{text}@{version}",
        kind=_KINDS.get(kind, ComponentKind.LIBRARY) if isinstance(kind, str) else ComponentKind.LIBRARY,
        name=package.name if package else text,
        version=version if isinstance(version, str) else (package.version if package else ""),
        purl=named,
        ecosystem=package.ecosystem if package else "",
        path=path,
        digests=tuple(_digests(item.get("hashes"))),
    )


def _digests(hashes: Any) -> Iterator[Digest]:
    for item in _tables(hashes):
        name, text = item.get("alg") or item.get("algorithm"), item.get("content")
        text = text or item.get("checksumValue") or item.get("hashValue")
        if isinstance(name, str) and isinstance(text, str):
            yield Digest(name.lower().replace("-", "").replace("_", ""), text.lower())


def _direct(components: list[Component], relations: list[Relation]) -> set[str]:
    """Return the refs that the root names; without a root or edges every component counts as direct."""
    targets = {relation.target for relation in relations}
    roots = {c.ref for c in components if c.kind is ComponentKind.APPLICATION and c.ref not in targets}
    named = {relation.target for relation in relations if relation.source in roots}
    if not named:
        return {component.ref for component in components} - (targets if relations else set())
    return named | roots


def _marked(component: Component, direct: bool) -> Component:
    from dataclasses import replace

    return component if direct else replace(component, direct=False)


def _purl_of(item: dict[str, Any]) -> str:
    named = item.get("purl")
    return named if isinstance(named, str) and named.startswith("pkg:") else ""


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
