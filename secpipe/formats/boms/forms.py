"""CycloneDX in XML and SPDX 2 as tag-value, turned into the shape of their JSON: what an audit needs, bounded."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.documents import text_of
from secpipe.core.errors import InputError
from secpipe.core.limits import Limits
from secpipe.formats import xmltree
from secpipe.formats.coding import as_utf8

_TAG = re.compile(r"([A-Za-z]+):\s*(.*)")


def from_xml(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    """Return a CycloneDX XML document in the shape of its JSON; raises InputError where it is none."""
    bom = xmltree.parse(data, what, limits)
    if bom.name != "bom":
        raise InputError(f"{what} is no CycloneDX document")
    metadata: dict[str, Any] = {}
    for part in bom.all("metadata"):
        for item in part.all("component"):
            metadata["component"] = _component(item)
        metadata |= {"properties": rows} if (rows := _properties(part)) else {}
    version = re.search(rb"http://cyclonedx\.org/schema/bom/(1\.[0-9])[\"']", as_utf8(data[:8192]))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": version[1].decode() if version else "",
        "version": int(bom.attributes.get("version") or 1) if bom.attributes.get("version", "1").isdecimal() else 1,
        "metadata": metadata,
        "components": [_component(item) for item in bom.all("components", "component")],
        **({"services": services} if (services := list(map(_service, bom.all("services", "service")))) else {}),
        "dependencies": [
            {
                "ref": edge.attributes.get("ref", ""),
                "dependsOn": [target.attributes.get("ref", "") for target in edge.all("dependency")],
            }
            for part in bom.all("dependencies")
            for edge in part.all("dependency")
        ],
    }


def _component(item: xmltree.Element) -> dict[str, Any]:
    made = {
        "type": item.attributes.get("type", "library"),
        "bom-ref": item.attributes.get("bom-ref", ""),
        "components": [_component(child) for part in item.all("components") for child in part.all("component")],
        "hashes": [
            {"alg": child.attributes.get("alg", ""), "content": "".join(child.text).strip()}
            for part in item.all("hashes")
            for child in part.all("hash")
        ],
        "licenses": [
            {"license": {key: one.word(key) for key in ("id", "name", "url") if one.word(key)}}
            for part in item.all("licenses")
            for one in part.all("license")
        ]
        + [
            {"expression": "".join(one.text).strip()} for part in item.all("licenses") for one in part.all("expression")
        ],
        "properties": _properties(item),
        "pedigree": {"ancestors": ancestors} if (ancestors := _ancestors(item)) else {},
        "supplier": next(({"name": one.word("name")} for one in item.all("supplier") if one.word("name")), {}),
        "externalReferences": [
            {"type": one.attributes.get("type", ""), "url": one.word("url")}
            for one in item.all("externalReferences", "reference")
        ],
        **{name: item.word(name) for name in ("name", "version", "group", "purl", "description", "scope", "cpe")},
    }
    return {key: value for key, value in made.items() if value}


def _ancestors(item: xmltree.Element) -> list[dict[str, Any]]:
    return [_component(one) for one in item.all("pedigree", "ancestors", "component")]


def _properties(item: xmltree.Element) -> list[dict[str, str]]:
    return [
        {"name": one.attributes.get("name", ""), "value": "".join(one.text).strip()}
        for one in item.all("properties", "property")
    ]


def _service(item: xmltree.Element) -> dict[str, Any]:
    made: dict[str, Any] = {
        "bom-ref": item.attributes.get("bom-ref", ""),
        "provider": next(({"name": one.word("name")} for one in item.all("provider") if one.word("name")), {}),
        "endpoints": ["".join(one.text).strip() for one in item.all("endpoints", "endpoint")],
        "properties": _properties(item),
        "services": [_service(child) for child in item.all("services", "service")],
        **{name: item.word(name) for name in ("name", "version", "group", "description")},
    }
    if boundary := item.word("x-trust-boundary"):
        made["x-trust-boundary"] = boundary == "true"
    return {key: value for key, value in made.items() if value or key == "x-trust-boundary"}


def from_tags(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    """Return an SPDX 2 tag-value document in the shape of its JSON; raises InputError where it is none."""
    text = text_of(data, what, limits)
    head: dict[str, Any] = {}
    packages: list[dict[str, Any]] = []
    relationships = []
    at: dict[str, Any] = head
    for line in _without_prose(text).splitlines():
        match = _TAG.fullmatch(line.strip())
        if match is None:
            continue
        tag, value = match[1], match[2].strip()
        if tag == "PackageName":
            at = {"name": value, "externalRefs": []}
            packages.append(at)
        elif tag in {"FileName", "SnippetSPDXID"}:
            at = {}  # what follows is about a file
        elif tag == "ExternalRef" and "externalRefs" in at and len(value.split()) == 3:
            at["externalRefs"].append({"referenceType": value.split()[1], "referenceLocator": value.split()[2]})
        elif tag == "Relationship" and len(value.split()) == 3:
            left, kind, right = value.split()
            relationships.append({"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right})
        elif tag in {"SPDXID", "PackageVersion", "SPDXVersion"}:
            at[{"PackageVersion": "versionInfo", "SPDXVersion": "spdxVersion"}.get(tag, tag)] = value
    if "spdxVersion" not in head:
        raise InputError(f"{what} is no SPDX document")
    return {**head, "packages": packages, "relationships": relationships}


def _without_prose(text: str) -> str:
    """Return the text without its `<text>` blocks, which may hold lines that look like tags."""
    parts = text.split("<text>")
    return parts[0] + "".join(part.partition("</text>")[2] for part in parts[1:])
