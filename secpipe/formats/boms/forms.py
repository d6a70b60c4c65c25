"""CycloneDX in XML and SPDX 2 as tag-value, turned into the shape of their JSON: what an audit needs, bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat  # a DOCTYPE is refused before any entity of it can be used

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import Limits

_TAG = re.compile(r"([A-Za-z]+):\s*(.*)")


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)
    children: list[_Element] = field(default_factory=list)

    def all(self, name: str) -> list[_Element]:
        return [child for child in self.children if child.name == name]

    def word(self, name: str) -> str:
        return "".join(self.all(name)[0].text).strip() if self.all(name) else ""


def from_xml(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    """Return a CycloneDX XML document in the shape of its JSON; raises InputError where it is none."""
    bom = _tree(data, what, limits)
    if bom.name != "bom":
        raise InputError(f"{what} is no CycloneDX document")
    metadata = [_component(item) for part in bom.all("metadata") for item in part.all("component")]
    return {
        "bomFormat": "CycloneDX",
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


def _component(item: _Element) -> dict[str, Any]:
    return {
        "type": item.attributes.get("type", "library"),
        "bom-ref": item.attributes.get("bom-ref", ""),
        "components": [_component(child) for part in item.all("components") for child in part.all("component")],
        "hashes": [
            {"alg": child.attributes.get("alg", ""), "content": "".join(child.text).strip()}
            for part in item.all("hashes")
            for child in part.all("hash")
        ],
        **{name: item.word(name) for name in ("name", "version", "group", "purl")},
    }


def _tree(data: bytes, what: str, limits: Limits) -> _Element:
    """Return the root element; namespaces are dropped, a DOCTYPE, deep nesting and huge documents refused."""
    if len(data) > limits.document_bytes:
        raise UnsafeInput(f"{what} is larger than {limits.document_bytes:,} bytes")
    top = _Element("", {})
    stack = [top]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > limits.json_depth or count > limits.json_nodes:
            raise UnsafeInput(f"{what} is nested too deeply or too large")
        element = _Element(name.rpartition(" ")[2], attributes)
        stack[-1].children.append(element)
        stack.append(element)

    def refuse(*_: object) -> None:
        raise UnsafeInput(f"{what} brings a document type of its own")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].text.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(f"{what} is not XML: line {error.lineno}") from None
    except (ValueError, LookupError):  # an encoding that does not exist
        raise InputError(f"{what} is not XML") from None
    return top.children[0]


def from_tags(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    """Return an SPDX 2 tag-value document in the shape of its JSON; raises InputError where it is none."""
    if len(data) > limits.document_bytes:
        raise UnsafeInput(f"{what} is larger than {limits.document_bytes:,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is not UTF-8 at byte {error.start}") from None
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
