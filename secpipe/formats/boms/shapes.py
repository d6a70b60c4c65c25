"""Every SBOM in one shape, that of CycloneDX's JSON; SPDX as far as packages, files, digests and edges go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.shape import tables, texts
from secpipe.core.text import printable
from secpipe.formats.coding import as_utf8
from secpipe.formats.packages.purl import is_purl

Document = dict[str, Any]
#: The version of CycloneDX in whose shape other formats are given.
WRITTEN = "1.7"

#: How SPDX tag-value and CycloneDX in the text form of protocol buffers begin, after comments.
_TAGS = re.compile(rb"(?:#[^\n]*\s+)*SPDXVersion:")
_PROTO = re.compile(rb"(?:#[^\n]*\s+)*(?:spec_version|version|serial_number|metadata|components)\s*[:{]")
_TYPES = {"software_Package": "", "ai_AIPackage": "machine-learning-model", "dataset_DatasetPackage": "data"}


class Translated(dict[str, Any]):
    """A document that was written in another form: what it lacks, that form or its reader may lack."""


def parse(data: bytes, path: str, limits: Limits = DEFAULT) -> Document:
    """Return an SBOM in CycloneDX's shape, whichever form it has; raises InputError where it is none."""
    what = printable(path, 200)
    written, data = data, as_utf8(data)  # a shell of Windows writes UTF-16; XML says itself how it is written
    start = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start[:1] == b"<" or _TAGS.match(start) or _PROTO.match(start):
        from secpipe.formats.boms import forms, textproto

        known = forms.from_xml if start[:1] == b"<" else forms.from_tags if _TAGS.match(start) else textproto.read
        value: Any = Translated(known(written if start[:1] == b"<" else data, what, limits))
    else:
        value = parse_json(data, what, limits)
    if not isinstance(value, dict):
        raise InputError(f"{what} is no SBOM")
    document = as_cyclonedx(value)
    if document is None:
        raise InputError(f"{what} is neither CycloneDX nor SPDX", hint="JSON, XML, tag-value or textproto")
    return document


def as_cyclonedx(document: Mapping[str, Any]) -> Document | None:
    """Return a CycloneDX document as it is, an SPDX document in its shape, and None for any other."""
    if document.get("bomFormat") == "CycloneDX":
        return document if isinstance(document, Translated) else dict(document)
    if isinstance(document.get("spdxVersion"), str):
        return _spdx2(document)
    if isinstance(document.get("@graph"), list):
        return _spdx3(tables(document["@graph"]))
    return None


def walk(document: Mapping[str, Any]) -> Iterator[Document]:
    """Yield every component of a document in CycloneDX's shape, nested ones after those they stand in."""
    pending = tables(document.get("components"))[::-1]
    while pending:
        item = pending.pop()
        yield item
        pending.extend(tables(item.get("components"))[::-1])


def _spdx2(document: Mapping[str, Any]) -> Document:
    described = set(texts(document.get("documentDescribes")))
    edges: list[tuple[str, str]] = []
    for row in tables(document.get("relationships")):
        left, kind, right = row.get("spdxElementId"), row.get("relationshipType"), row.get("relatedSpdxElement")
        if not (isinstance(left, str) and isinstance(right, str)):
            continue
        if kind == "DESCRIBES" and left == "SPDXRef-DOCUMENT":
            described.add(right)
        elif kind in ("DEPENDS_ON", "DEPENDENCY_OF"):
            edges.append((left, right) if kind == "DEPENDS_ON" else (right, left))
    found = []
    for item in tables(document.get("packages")):
        purls = [row.get("referenceLocator") for row in tables(item.get("externalRefs"))
                 if row.get("referenceType") == "purl"]  # fmt: skip
        named = next((text for text in purls if isinstance(text, str)), "")
        kind = "application" if _word(item.get("SPDXID")) in described and not named else "library"
        licenses = [text for text in texts([item.get("licenseConcluded")]) if text not in ("NOASSERTION", "NONE")]
        made = _made(item, kind, item.get("SPDXID"), item.get("versionInfo"), named, item.get("checksums"))
        found.append(made | {"licenses": [{"expression": text} for text in licenses]})
    for item in tables(document.get("files")):
        if isinstance(name := item.get("fileName"), str):
            row = {"name": name.removeprefix("./")}
            found.append(_made(row, "file", item.get("SPDXID"), None, "", item.get("checksums")))
    return _document(found, described, edges)


def _spdx3(graph: list[Document]) -> Document:
    roots = {ref for item in graph for ref in texts(item.get("rootElement"))}
    found: list[Document] = []
    edges: list[tuple[str, str]] = []
    for item in graph:
        kind, ref, start = _word(item.get("type")), _word(item.get("spdxId")), item.get("from")
        if kind == "Relationship" and item.get("relationshipType") == "dependsOn" and isinstance(start, str):
            edges += [(start, target) for target in texts(item.get("to"))]
        elif kind == "software_File" and isinstance(item.get("name"), str):
            found.append(_made(item, "file", ref, None, "", item.get("verifiedUsing")) | _properties(item))
        elif kind in _TYPES:
            others = [row.get("identifier") for row in tables(item.get("externalIdentifier"))]
            named = next((text for text in (item.get("software_packageUrl"), *others) if is_purl(text)), "")
            own = item.get("software_primaryPurpose") == "application" or ref in roots
            word = _TYPES[kind] or ("application" if own and not named else "library")
            version = item.get("software_packageVersion")
            found.append(_made(item, word, ref, version, str(named), item.get("verifiedUsing")) | _properties(item))
    return _document(found, roots, edges)


def _properties(item: Document) -> Document:
    rows = [row for part in tables(item.get("extension")) for row in tables(part.get("extension_cdxProperty"))]
    return {
        "properties": [
            {"name": row.get("extension_cdxPropName"), "value": row.get("extension_cdxPropValue", "")} for row in rows
        ]
    }


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _made(item: Document, kind: str, ref: Any, version: Any, purl: str, hashes: Any) -> Document:
    made: Document = {"type": kind, "name": item.get("name"), "hashes": list(_hashes(hashes))}
    for key, value in (("bom-ref", ref), ("version", version), ("purl", purl)):
        if isinstance(value, str) and value:
            made[key] = value
    return made


def _hashes(rows: Any) -> Iterator[Document]:
    for row in tables(rows):
        name, value = row.get("algorithm"), row.get("checksumValue") or row.get("hashValue")
        if isinstance(name, str) and isinstance(value, str):
            word = name.upper().replace("_", "-")
            yield {"alg": f"SHA-{word[3:]}" if word.startswith("SHA") and word[3:].isdecimal() else word,
                   "content": value}  # fmt: skip


def _document(components: list[Document], roots: set[str], edges: list[tuple[str, str]]) -> Document:
    """Return the whole; the first thing that it is about, and that nothing names as a package, is its subject."""
    own = next((item for item in components if item.get("bom-ref") in roots and "purl" not in item), None)
    targets: dict[str, list[str]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(target)
    return Translated({
        "bomFormat": "CycloneDX",
        "specVersion": WRITTEN,
        "version": 1,
        "metadata": {"component": own} if own else {},
        "components": [item for item in components if item is not own],
        "dependencies": [{"ref": source, "dependsOn": found} for source, found in targets.items()],
    })  # fmt: skip
