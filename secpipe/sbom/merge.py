"""Several BOMs as one: components joined by purl and hash, every field of every tool kept, provenance stated."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Sequence
from typing import Any

from secpipe.core.errors import InputError
from secpipe.sbom.bom import Document, dump, hash_of
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://secpipe.dev/sbom/merge")
#: Lists of a document that are joined; whatever else only a later document has is taken over whole.
_LISTS = (
    "services",
    "vulnerabilities",
    "compositions",
    "annotations",
    "formulation",
    "externalReferences",
    "properties",
    "citations",
)


def merge(documents: Sequence[Document]) -> Document:
    """Return the union of CycloneDX documents; the first one's metadata describes the result.

    Two components are one if they have the same purl (and no hashes that contradict), or the same SHA-256 and name.
    Fields that only one of them has are kept, lists are joined; where both have a field, the first one's stays. A
    bom-ref that two documents use for different things is renamed in the later one. Raises InputError for none.
    """
    if not documents:
        raise InputError("there is nothing to merge")
    result = copy.deepcopy(documents[0])
    result["specVersion"] = max((str(item.get("specVersion", "")) for item in documents), key=_version)
    if result["specVersion"] != documents[0].get("specVersion"):
        result.pop("$schema", None)
    for document in documents[1:]:
        _join(result, _renamed(copy.deepcopy(document), result))
    sources = [str(item["serialNumber"]) for item in documents if item.get("serialNumber")]
    metadata = result.setdefault("metadata", {})
    rows = metadata.setdefault("properties", []) if isinstance(metadata, dict) else []
    rows.extend({"name": "secpipe:merged-from", "value": source} for source in sources)
    result["version"] = 1
    result.pop("serialNumber", None)
    result["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, dump(result).decode())}"
    return result


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _key(component: dict[str, Any]) -> tuple[str, str]:
    purl = component.get("purl")
    if isinstance(purl, str) and purl:
        return ("purl", purl)
    if digest := hash_of(component):
        return (digest, str(component.get("name")))
    named = [str(component.get(name)) for name in ("bom-ref", "type", "group", "name", "version")]
    return ("named", "\0".join(named)) if component.get("bom-ref") else ("object", str(id(component)))


def _join(result: Document, other: Document) -> None:
    have = result.setdefault("components", [])
    known = {_key(item): item for item in have if isinstance(item, dict)}
    moved: dict[str, str] = {}
    for item in other.get("components") or []:
        mine = known.get(_key(item)) if isinstance(item, dict) else None
        if mine is None or _contradict(mine, item):
            have.append(item)
            continue
        if isinstance(item.get("bom-ref"), str):
            mine.setdefault("bom-ref", item["bom-ref"])
            moved[item["bom-ref"]] = mine["bom-ref"]
        _fill(mine, item)
    root = select(other, "metadata.component")
    if (
        root
        and isinstance(root[0], dict)
        and root[0].get("bom-ref") not in {item.get("bom-ref") for item in walk(have)}
    ):
        have.append(root[0])
    other = _move(other, moved)
    for name in _LISTS:
        for item in other.get(name) or []:
            if item not in result.setdefault(name, []):
                result[name].append(item)
        if not result.get(name, True):
            del result[name]
    _dependencies(result, other)
    for name, value in other.items():
        result.setdefault(name, value)


def _contradict(mine: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return bool(hash_of(mine) and hash_of(theirs) and hash_of(mine) != hash_of(theirs))


def _fill(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name, value in theirs.items():
        if name not in mine:
            mine[name] = value
        elif name == "licenses" and mine[name] != value:
            continue  # lists of licences and expressions may not be mixed: the first one's stays
        elif isinstance(value, list) and isinstance(mine[name], list):
            mine[name].extend(item for item in value if item not in mine[name])
        elif isinstance(value, dict) and isinstance(mine[name], dict):
            _fill(mine[name], value)


def _dependencies(result: Document, other: Document) -> None:
    rows = result.setdefault("dependencies", [])
    by_ref = {row.get("ref"): row for row in rows if isinstance(row, dict)}
    for row in other.get("dependencies") or []:
        if not isinstance(row, dict):
            continue
        mine = by_ref.get(row.get("ref"))
        if mine is None:
            rows.append(row)
            by_ref[row.get("ref")] = row
        else:
            _fill(mine, row)


def _renamed(document: Document, result: Document) -> Document:
    """Give a new name to every bom-ref that means another thing in `result`."""
    mine = {str(item["bom-ref"]): item for item in walk(result.get("components")) if "bom-ref" in item}
    for item in [*select(result, "metadata.component"), *select(result, "services[]")]:
        if isinstance(item, dict) and "bom-ref" in item:
            mine[str(item["bom-ref"])] = item
    moved = {}
    theirs = [
        *walk(document.get("components")),
        *select(document, "services[]"),
        *select(document, "metadata.component"),
    ]
    for item in theirs:
        ref = item.get("bom-ref") if isinstance(item, dict) else None
        if isinstance(ref, str) and ref in mine and _key(item) != _key(mine[ref]):
            moved[ref] = f"{ref}#{uuid.uuid5(_NAMESPACE, str(document.get('serialNumber')) + ref).hex[:8]}"
    renamed: Document = _move(document, moved)
    return renamed


def _move(value: Any, moved: dict[str, str]) -> Any:
    """Rename bom-refs wherever they stand: a reference is a text that is one, under whatever field."""
    if not moved:
        return value
    if isinstance(value, dict):
        return {key: _move(item, moved) for key, item in value.items()}
    if isinstance(value, list):
        return [_move(item, moved) for item in value]
    return moved.get(value, value) if isinstance(value, str) else value
