"""A BOM as raw JSON: read, walked and written without losing a field that we do not know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.sbom.query import select

Document = dict[str, Any]


def load(data: bytes, what: str, limits: Limits = DEFAULT) -> Document:
    """Return a document in the shape of CycloneDX's JSON; `what` names it in errors. Raises InputError for no SBOM.

    CycloneDX JSON is returned as it stands. Of XML, textproto and SPDX 2 and 3 as much as an audit needs: packages,
    files, digests, licences, properties, edges. The shape is not judged here (`validate` does that), so that a broken
    BOM can be looked into.
    """
    from secpipe.formats.boms.shapes import parse

    return parse(data, what, limits)


def dump(document: Mapping[str, Any]) -> bytes:
    """Return a document as indented JSON, fields in the order they stand, with a final newline."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def hash_of(component: Mapping[str, Any], algorithm: str = "SHA-256") -> str:
    """Return a component's own hash in lower case, or ""."""
    found = [value for value in select(component, f"hashes[alg={algorithm}].content") if isinstance(value, str)]
    return found[0].lower() if found else ""


def property_of(component: Mapping[str, Any], name: str) -> str:
    """Return the first value of a property, or ""."""
    return next((str(value) for value in select(component, f"properties[name={name}].value")), "")


def licenses_of(component: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the licences of a component as texts, sorted."""
    found = select(component, "licenses[].expression")
    for key in ("id", "name"):
        found += select(component, f"licenses[].license.{key}")
    return tuple(sorted({str(text) for text in found if isinstance(text, str)}))


def label(component: Mapping[str, Any]) -> str:
    """Return `group/name version`, safe to print."""
    name = str(component.get("name") or component.get("bom-ref") or "?")
    group = component.get("group")
    version = component.get("version")
    text = f"{group}/{name}" if isinstance(group, str) and group else name
    return printable(f"{text} {version}" if isinstance(version, str) and version else text, 200)


def identity(component: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what stays the same between two releases: the purl without its version, else type, name and place."""
    purl = component.get("purl")
    if isinstance(purl, str) and purl:
        head, _, qualifiers = purl.partition("?")
        base, _, _ = head.rpartition("@") if "@" in head else (head, "", "")
        return ("purl", base, qualifiers)
    where = property_of(component, "secpipe:file") or property_of(component, "secpipe:path")
    if not where and property_of(component, "secpipe:verified:role") == "chat-template":
        where = next((str(place) for place in select(component, "evidence.occurrences[].location")), "")
    return (str(component.get("type")), str(component.get("group") or ""), str(component.get("name")), where)
