"""Is this an SPDX document? What SPDX 2.2 and 2.3 and SPDX 3.0 require of every document, without their schemas.

Sources: SPDX 2.3, clauses 6 to 11; SPDX 3.0.1, Core and Software profiles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from secpipe.core import shape, times
from secpipe.core.text import printable
from secpipe.formats.packages.purl import is_purl, parse

Path = tuple[str | int, ...]
Fault = tuple[Path, str]
_ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
_OUTSIDE = re.compile(r"DocumentRef-[A-Za-z0-9.+-]+:SPDXRef-[A-Za-z0-9.-]+")
_VERSIONS = ("SPDX-2.2", "SPDX-2.3")
_NOTHING = ("NOASSERTION", "NONE")
_DIGITS = {"MD5": 32, "SHA1": 40, "SHA224": 56, "SHA256": 64, "SHA384": 96, "SHA512": 128}
_WORDS = ("NoneElement", "NoAssertionElement", "expandedlicensing_NoneLicense", "expandedlicensing_NoAssertionLicense")
_HEAD = ("SPDXID", "name", "dataLicense", "documentNamespace")


def check(document: dict[str, Any], is_license: Callable[[str], bool]) -> Iterator[Fault]:
    """Yield what is wrong with a parsed SPDX document (2 as JSON, 3 as JSON-LD), and where; nothing for a valid one."""
    yield from _two(document, is_license) if "spdxVersion" in document else _three(document)


def _two(document: dict[str, Any], is_license: Callable[[str], bool]) -> Iterator[Fault]:
    if document.get("spdxVersion") not in _VERSIONS:
        yield (("spdxVersion",), f"is none of {', '.join(_VERSIONS)}")
    yield from (((), f'"{name}" is missing') for name in _HEAD if not isinstance(document.get(name), str))
    if document.get("SPDXID") != "SPDXRef-DOCUMENT":
        yield (("SPDXID",), 'is not "SPDXRef-DOCUMENT"')
    if document.get("dataLicense") != "CC0-1.0":
        yield (("dataLicense",), 'is not "CC0-1.0"')
    made = shape.mapping(document.get("creationInfo"))
    if times.maybe_instant(made.get("created")) is None:
        yield (("creationInfo", "created"), "is no time")
    if not shape.texts(shape.listing(made.get("creators"))):
        yield (("creationInfo", "creators"), "names nobody and no tool")
    ids = {"SPDXRef-DOCUMENT"}
    for part in ("packages", "files", "snippets"):
        for index, item in enumerate(shape.tables(document.get(part))):
            yield from _element((part, index), item, ids, part, is_license)
    for index, edge in enumerate(shape.tables(document.get("relationships"))):
        for key in ("spdxElementId", "relatedSpdxElement"):
            end = edge.get(key)
            if not isinstance(end, str) or not (end in ids or end in _NOTHING or _OUTSIDE.fullmatch(end)):
                yield (("relationships", index, key), f"{printable(str(end), 80)} is no element of it")
        if not isinstance(edge.get("relationshipType"), str):
            yield (("relationships", index), '"relationshipType" is missing')


def _element(
    path: Path, item: dict[str, Any], ids: set[str], part: str, is_license: Callable[[str], bool]
) -> Iterator[Fault]:
    ref = item.get("SPDXID")
    if not isinstance(ref, str) or not _ID.fullmatch(ref):
        yield (path, f'"SPDXID" {printable(str(ref), 80)} is none')
    elif ref in ids:
        yield (path, f"the SPDXID {ref} stands twice")
    else:
        ids.add(ref)
    needed = {"packages": ("name", "downloadLocation"), "files": ("fileName",)}.get(part, ())
    yield from ((path, f'"{name}" is missing') for name in needed if not isinstance(item.get(name), str))
    for index, row in enumerate(shape.tables(item.get("checksums"))):
        digits = _DIGITS.get(str(row.get("algorithm")))
        value = str(row.get("checksumValue"))
        if digits and not re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", value):
            yield ((*path, "checksums", index), f"is no {row['algorithm']}")
    for key in ("licenseConcluded", "licenseDeclared"):
        word = item.get(key)
        if (
            isinstance(word, str)
            and word not in _NOTHING
            and not (is_license(word) or word.startswith(("LicenseRef-", "DocumentRef-")))
        ):
            yield ((*path, key), f"{printable(word, 80)} is no licence expression")
    for index, row in enumerate(shape.tables(item.get("externalRefs"))):
        locator = row.get("referenceLocator")
        if row.get("referenceType") == "purl" and not (is_purl(locator) and parse(str(locator))):
            yield ((*path, "externalRefs", index), f"{printable(str(locator), 80)} is no purl")


def _three(document: dict[str, Any]) -> Iterator[Fault]:
    if "spdx.org/rdf/3." not in str(document.get("@context")):
        yield (("@context",), "names no version 3 of SPDX")
    graph = shape.tables(document.get("@graph"))
    ids = {str(item.get("spdxId") or item.get("@id")) for item in graph}
    if sum(item.get("type") == "SpdxDocument" for item in graph) != 1:
        yield (("@graph",), "holds not one SpdxDocument")
    brought = (row for item in graph for key in ("import", "imports") for row in shape.tables(item.get(key)))
    ids |= {str(row.get("externalSpdxId")) for row in brought}
    seen: set[str] = set()
    for index, item in enumerate(graph):
        path: Path = ("@graph", index)
        ref, kind = item.get("spdxId") or item.get("@id"), item.get("type")
        if not isinstance(kind, str):
            yield (path, '"type" is missing')
        if not isinstance(ref, str):
            yield (path, '"spdxId" is missing')
        elif ref in seen:
            yield (path, f"the spdxId {printable(ref, 80)} stands twice")
        else:
            seen.add(ref)
        if kind == "CreationInfo":
            yield from _creation(path, item)
        elif "creationInfo" not in item and "creationInfo" not in document:
            yield (path, '"creationInfo" is missing')
        if kind in ("Relationship", "LifecycleScopedRelationship"):
            yield from _ends(path, item, ids)
        if kind in ("software_Package", "software_File") and not isinstance(item.get("name"), str):
            yield (path, '"name" is missing')
        named = item.get("software_packageUrl")
        if named is not None and not (is_purl(named) and parse(str(named))):
            yield ((*path, "software_packageUrl"), f"{printable(str(named), 80)} is no purl")


def _creation(path: Path, item: dict[str, Any]) -> Iterator[Fault]:
    if times.maybe_instant(item.get("created")) is None:
        yield ((*path, "created"), "is no time")
    if not str(item.get("specVersion")).startswith("3."):
        yield ((*path, "specVersion"), "is no version 3")
    if not shape.texts(shape.listing(item.get("createdBy"))):
        yield ((*path, "createdBy"), "names nobody")


def _ends(path: Path, item: dict[str, Any], ids: set[str]) -> Iterator[Fault]:
    ends = [("from", item.get("from")), *(("to", end) for end in shape.listing(item.get("to")))]
    for key, end in ends:
        if not isinstance(end, str):
            yield ((*path, key), "is no element")
        elif end not in ids and not end.startswith(("http://spdx.org/", "https://spdx.org/")) and end not in _WORDS:
            yield ((*path, key), f"{printable(end, 80)} is no element of it")
    if not isinstance(item.get("relationshipType"), str):
        yield (path, '"relationshipType" is missing')
