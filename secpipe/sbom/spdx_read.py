"""Reading SPDX JSON (2.2, 2.3, 3.0) as far as a comparison with a tree needs it: files, packages, digests, purls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.sbom.bom import Document

_PACKAGES = frozenset({"software_Package", "ai_AIPackage", "dataset_DatasetPackage"})
_TYPES = {"ai_AIPackage": "machine-learning-model", "dataset_DatasetPackage": "data"}


def as_components(document: Mapping[str, Any]) -> Document:
    """Return an SPDX document in the shape of CycloneDX `components`; any other document as it is."""
    if isinstance(document.get("@graph"), list):
        return {"components": list(_spdx3(document["@graph"]))}
    if isinstance(document.get("spdxVersion"), str):
        return {"components": list(_spdx2(document))}
    return dict(document)


def _spdx3(graph: list[Any]) -> Iterator[dict[str, Any]]:
    for item in _tables(graph):
        kind, name = item.get("type"), item.get("name")
        hashes = [
            {"alg": "SHA-256", "content": row.get("hashValue")}
            for row in _tables(item.get("verifiedUsing"))
            if row.get("algorithm") == "sha256"
        ]
        rows = [row for part in _tables(item.get("extension")) for row in _tables(part.get("extension_cdxProperty"))]
        properties = [
            {"name": row.get("extension_cdxPropName"), "value": row.get("extension_cdxPropValue", "")} for row in rows
        ]
        made: dict[str, Any] = {"name": name, "hashes": hashes, "properties": properties}
        if kind == "software_File":
            yield made | {"type": "file"}
        elif kind in _PACKAGES:
            purl = item.get("software_packageUrl")
            others = [row.get("identifier") for row in _tables(item.get("externalIdentifier"))]
            named = next((text for text in (purl, *others) if isinstance(text, str) and text.startswith("pkg:")), "")
            library = "library" if named else "application"
            yield made | {"type": _TYPES.get(str(kind), library), **({"purl": named} if named else {})}


def _spdx2(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in _tables(document.get("packages")):
        rows = [row for row in _tables(item.get("externalRefs")) if row.get("referenceType") == "purl"]
        purl = next((row["referenceLocator"] for row in rows if isinstance(row.get("referenceLocator"), str)), "")
        if purl:
            yield {"type": "library", "name": item.get("name"), "purl": purl}
    for item in _tables(document.get("files")):
        name = item.get("fileName")
        if isinstance(name, str):
            yield {"type": "file", "name": name.removeprefix("./"), "hashes": list(_checksums(item))}


def _checksums(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in _tables(item.get("checksums")):
        if row.get("algorithm") == "SHA256":
            yield {"alg": "SHA-256", "content": row.get("checksumValue")}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
