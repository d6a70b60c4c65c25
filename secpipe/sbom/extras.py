"""What CycloneDX has and its Python library lacks: model cards, data, compositions; and our namespaced properties.

Properties are `secpipe:<grade>:<fact>`: whoever reads the BOM sees which value was proven against bytes and which is
somebody's word (docs/spec/sbom-properties.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.inventory import Component, ComponentKind, Inventory, RelationKind
from secpipe.core.text import printable
from secpipe.formats.packages import ecosystems
from secpipe.sbom.cbom import properties_of
from secpipe.sbom.collector import place
from secpipe.sbom.textforms import is_iri_reference

#: Facts that have a field of their own in CycloneDX.
_ELSEWHERE = frozenset(
    {"license", "supplier", "description", "hashes", "scope", "occurrences", "endpoint", "artifact-url", "metrics",
     "intended-use", "limitations", "license-link", "folder"}
)  # fmt: skip
_FILES = frozenset({ComponentKind.MODEL, ComponentKind.DATASET, ComponentKind.PROMPT, ComponentKind.FILE})
_RELATIONS = (RelationKind.DERIVED_FROM, RelationKind.TRAINED_ON, RelationKind.USES)


def properties(item: Component, edges: Mapping[RelationKind, Mapping[str, list[str]]]) -> Iterator[tuple[str, str]]:
    """Yield the namespaced properties of a component: its kind where CycloneDX has no type, facts, lineage."""
    if item.kind is ComponentKind.PROMPT and "item" not in item.facts:
        yield "secpipe:kind", "prompt"
    elif "item" in item.facts:
        yield "secpipe:kind", item.facts["item"].value.partition(":")[0]
    for path in contents(item):
        yield "secpipe:file", printable(path)
    if "folder" in item.facts:
        yield "secpipe:path", printable(item.path)
    for name, fact in sorted(item.facts.items()):
        if name in _ELSEWHERE and not (name == "license" and item.kind is ComponentKind.MODEL):
            continue
        for value in fact.value.split("\n")[:100]:
            if value:
                yield f"secpipe:{fact.grade.value}:{name}", printable(value, 4000)
    if item.kind is ComponentKind.SERVICE and "occurrences" in item.facts:
        for where in item.facts["occurrences"].value.split("\n"):
            yield "secpipe:occurrence", printable(where)
    for kind in _RELATIONS:
        for target in sorted(edges.get(kind, {}).get(item.ref, ())):
            yield f"secpipe:{kind.value}", target


_NOT_HERE = {"folder", "chat-template-sha256", "inside", "referenced"}


def contents(item: Component) -> list[str]:
    """Return the files whose bytes the component's digest is over; none where it is of something inside a file."""
    if not item.digests or item.kind not in _FILES or _NOT_HERE & set(item.facts):
        return []
    return item.facts["occurrences"].value.split("\n") if "occurrences" in item.facts else [item.path]


def add(document: dict[str, Any], inventory: Inventory, root: str, *, spec: str, author: str, supplier: str) -> None:
    """Add to a BOM in place what the library could not write."""
    by_ref = {component.ref: component for component in inventory.components}
    edges: dict[RelationKind, dict[str, list[str]]] = {kind: {} for kind in _RELATIONS}
    for relation in inventory.relations:
        if relation.kind in edges:
            edges[relation.kind].setdefault(relation.source, []).append(relation.target)
    bases, trained = edges[RelationKind.DERIVED_FROM], edges[RelationKind.TRAINED_ON]
    parts = [
        *walk(document.get("components")),
        *walk([document["metadata"]["component"]]),
        *document.get("services", []),
    ]
    for written in parts:
        item = by_ref.get(str(written.get("bom-ref")))
        if item is None:
            continue
        if rows := [{"name": key, "value": value} for key, value in properties(item, edges)]:
            written["properties"] = rows
        if "purl" in written:
            written["purl"] = item.purl  # as it was proven; the library only judged whether it is one
        if item.kind is not ComponentKind.SERVICE and (evidence := _evidence(item)):
            written["evidence"] = evidence
        if item.kind is ComponentKind.MODEL and "referenced" not in item.facts:
            card = _card(item, sorted(trained.get(item.ref, [])))
            if card:
                written["modelCard"] = {"bom-ref": f"{item.ref}#card", **card}
        if ancestors := [_ancestor(by_ref[ref]) for ref in sorted(bases.get(item.ref, ()))]:
            written["pedigree"] = {"ancestors": ancestors}
        if item.kind is ComponentKind.CRYPTO:
            written["cryptoProperties"] = properties_of(item)
        if item.kind in {ComponentKind.DATASET, ComponentKind.PROMPT}:
            written["data"] = [_data(item)]
        if spec != "1.6" and "referenced" in item.facts and item.kind is not ComponentKind.SERVICE:
            written["isExternal"] = True
    _metadata(document, inventory, author, supplier)
    document["compositions"] = _compositions(inventory, root)
    document["$schema"] = f"http://cyclonedx.org/schema/bom-{spec}.schema.json"


def walk(components: Any) -> Iterator[dict[str, Any]]:
    """Yield every component of a list and those nested in it."""
    pending = list(components) if isinstance(components, list) else []
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            inner = item.get("components")
            pending += inner if isinstance(inner, list) else []


def address(text: str) -> str:
    """Return `text` if it can stand as an IRI reference in a BOM, else ""."""
    return text if text and len(text) <= 2000 and is_iri_reference(text) else ""


def registry_page(item: Component) -> str:
    """Return where the artifacts of a package of a public registry are listed, or ""."""
    known = ecosystems.of(item.ecosystem)
    return known.page.format(known.normal(item.name)) if known and known.page else item.purl.partition("?")[0]


def _card(item: Component, datasets: list[str]) -> dict[str, Any]:
    def fact(name: str) -> str:
        return printable(item.facts[name].value, 2000) if name in item.facts else ""

    parameters: dict[str, Any] = {}
    for field, name in (("task", "task"), ("architectureFamily", "model-type"), ("modelArchitecture", "architecture")):
        if fact(name):
            parameters[field] = fact(name)
    if datasets:
        parameters["datasets"] = [{"ref": ref} for ref in datasets]
    for field in ("inputs", "outputs"):
        formats = fact(field) or _modality(fact("task"), field) or ("text" if fact("tokenizer") else "")
        if formats:
            parameters[field] = [{"format": formats}]
    card: dict[str, Any] = {"modelParameters": parameters} if parameters else {}
    if "metrics" in item.facts:
        rows = json.loads(item.facts["metrics"].value)
        card["quantitativeAnalysis"] = {"performanceMetrics": [_metric(row) for row in rows]}
    considerations: dict[str, Any] = {}
    if fact("intended-use"):
        considerations["useCases"] = [fact("intended-use")]
    if fact("limitations"):
        considerations["technicalLimitations"] = [fact("limitations")]
    if considerations:
        card["considerations"] = considerations
    return card


#: Hugging Face task -> (input, output): what the name of the task itself says.
_MODALITIES = {
    "text-generation": ("text", "text"), "text2text-generation": ("text", "text"), "translation": ("text", "text"),
    "summarization": ("text", "text"), "fill-mask": ("text", "text"), "text-classification": ("text", "label"),
    "token-classification": ("text", "label"), "zero-shot-classification": ("text", "label"),
    "feature-extraction": ("text", "vector"), "sentence-similarity": ("text", "score"),
    "image-classification": ("image", "label"), "object-detection": ("image", "boxes"),
    "text-to-image": ("text", "image"), "image-to-text": ("image", "text"),
    "image-text-to-text": ("image, text", "text"),
    "automatic-speech-recognition": ("audio", "text"), "text-to-speech": ("text", "audio"),
    "CAUSAL_LM": ("text", "text"), "SEQ_CLS": ("text", "label"), "SEQ_2_SEQ_LM": ("text", "text"),
}  # fmt: skip


def _modality(task: str, field: str) -> str:
    return _MODALITIES[task][field == "outputs"] if task in _MODALITIES else ""


def _metric(row: Mapping[str, str]) -> dict[str, str]:
    metric = {"type": printable(row["type"], 200), "value": printable(row["value"], 200)}
    if row["dataset"]:
        metric["slice"] = printable(row["dataset"], 200)
    return metric


def _evidence(item: Component) -> dict[str, Any]:
    """Where the component was found, and by what its identity is known: its hash, or a manifest that names its purl."""
    evidence: dict[str, Any] = {}
    if item.digests and item.kind is not ComponentKind.LIBRARY:
        evidence["identity"] = [_identity("hash", "hash-comparison", str(item.digests[0]))]
    elif item.purl:
        evidence["identity"] = [_identity("purl", "manifest-analysis", printable(item.path))]
    places = item.facts["occurrences"].value.split("\n") if "occurrences" in item.facts else [place(item)]
    for text in filter(None, places):
        path, _, line = text.rpartition(":")
        occurrence: dict[str, Any] = {"location": printable(path if path and line.isdigit() else text)}
        if path and line.isdigit():
            occurrence["line"] = int(line)
        evidence.setdefault("occurrences", []).append(occurrence)
    return evidence


def _identity(field: str, technique: str, value: str) -> dict[str, Any]:
    return {"field": field, "confidence": 1, "methods": [{"technique": technique, "confidence": 1, "value": value}]}


def _ancestor(item: Component) -> dict[str, Any]:
    ancestor: dict[str, Any] = {"type": item.kind.value, "name": printable(item.name)}
    if item.version:
        ancestor["version"] = printable(item.version)
    if item.purl:
        ancestor["purl"] = item.purl
    return ancestor


def _data(item: Component) -> dict[str, Any]:
    data: dict[str, Any] = {"type": "dataset" if item.kind is ComponentKind.DATASET else "other"}
    data["name"] = printable(item.name)
    if item.path and "referenced" not in item.facts:
        data["contents"] = {"properties": [{"name": "secpipe:path", "value": printable(item.path)}]}
    if "description" in item.facts:
        data["description"] = printable(item.facts["description"].value, 2000)
    return data


def _metadata(document: dict[str, Any], inventory: Inventory, author: str, supplier: str) -> None:
    metadata = document["metadata"]
    rows = [("secpipe:tree:sha256", inventory.tree_sha256), ("secpipe:tree:files", str(inventory.tree_files))]
    rows += [
        ("secpipe:skipped", f"{printable(skip.path)}: {printable(skip.reason)}") for skip in inventory.skipped[:1000]
    ]
    written = [{"name": key, "value": value} for key, value in rows if value]
    if inventory.tree_sha256 or inventory.skipped:
        metadata["properties"] = [*metadata.get("properties", []), *written]
    if author:
        name, _, mail = author.partition("<")
        person = {"name": printable(name.strip(), 300), "email": printable(mail.strip("> "), 300)}
        metadata["authors"] = [{key: value for key, value in person.items() if value}]
    if supplier:
        name, _, link = supplier.partition("<")
        entity: dict[str, Any] = {"name": printable(name.strip(), 300)}
        if address(link.strip("> ")):
            entity["url"] = [link.strip("> ")]
        metadata["supplier"] = entity
        metadata["component"]["supplier"] = entity


def _compositions(inventory: Inventory, root: str) -> list[dict[str, Any]]:
    """State how complete the document is: nothing is claimed that the sources did not say."""
    whole = "incomplete" if inventory.skipped else "complete"
    found: list[dict[str, Any]] = [{"aggregate": whole, "assemblies": [root]}]
    sources = {relation.source for relation in inventory.relations if relation.kind is RelationKind.DEPENDS_ON}
    resolved = {component.path for component in inventory.components if component.ref in sources}
    libraries = inventory.of_kind(ComponentKind.LIBRARY)
    known = sorted(item.ref for item in libraries if item.path in resolved)
    unknown = sorted(item.ref for item in libraries if item.path not in resolved)
    if known:
        found.append({"aggregate": whole, "dependencies": known})
    if unknown:
        found.append({"aggregate": "unknown", "dependencies": unknown})
    return found
