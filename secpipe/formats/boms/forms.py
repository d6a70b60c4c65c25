"""CycloneDX in XML and SPDX 2 as tag-value, turned into the shape of their JSON: what an audit needs, bounded."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.documents import text_of
from secpipe.core.errors import InputError
from secpipe.core.limits import Limits
from secpipe.formats import xmltree

_TAG = re.compile(r"([A-Za-z]+):\s*(.*)")


def from_xml(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    """Return a CycloneDX XML document in the shape of its JSON; raises InputError where it is none."""
    bom = xmltree.parse(data, what, limits)
    if bom.name != "bom":
        raise InputError(f"{what} is no CycloneDX document")
    metadata = [_component(item) for part in bom.all("metadata") for item in part.all("component")]
    version = re.search(rb"http://cyclonedx\.org/schema/bom/(1\.[0-9])[\"']", data[:4096])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": version[1].decode() if version else "",
        "version": int(bom.attributes.get("version") or 1) if bom.attributes.get("version", "1").isdecimal() else 1,
        "metadata": {"component": metadata[0]} if metadata else {},
        "components": [_component(item) for part in bom.all("components") for item in part.all("component")],
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
        "properties": [
            {"name": one.attributes.get("name", ""), "value": "".join(one.text).strip()}
            for part in item.all("properties")
            for one in part.all("property")
        ],
        **{name: item.word(name) for name in ("name", "version", "group", "purl", "description", "scope", "cpe")},
    }
    return {key: value for key, value in made.items() if value}


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
