"""Signatures and attestations in a tree as components that point to their keys: what they say, never that they hold.

Only `secpipe verify` judges a signature. Here its bundle is read (Sigstore bundle v0.3, public-key form:
docs/spec/hybrid-bundle.md) for the key it names, so that a CBOM answers which files a key has signed.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, Fact, Grade, Inventory, Relation, RelationKind
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.paths import folder_of
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.sbom.cbom import key_ref
from secpipe.sbom.sources.models import file_component
from secpipe.system.aliases import aliased

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_SIGNATURES = (".pqc.sig", ".sig")  # the longer one first
_ATTESTATION = ".att.json"  # also the end of `.pqc.att.json`
_KEYID = re.compile(r"[0-9a-f]{64}")


def with_signatures(inventory: Inventory, tree: Tree, limits: Limits = DEFAULT) -> Inventory:
    """Return the inventory with each signature and attestation of `tree`, by name, and an edge to the key it names.

    The edge is there only if `with_keys` listed the key; a key that the trust root does not know is said. What is named
    like a signature and names no key becomes a skip. Raises nothing for the content of a file.
    """
    items = {item.ref: item for item in inventory.components}
    edges = set(inventory.relations)
    skips = list(inventory.skipped)
    for entry in aliased(tree, instead=True).files:
        if not entry.name.casefold().endswith((*_SIGNATURES, _ATTESTATION)):
            continue
        try:
            keyid = keyid_of(tree.read(entry, limits.text_bytes), limits)
        except InputError as error:
            skips.append(Skip(entry.path, f"not listed as a signature: {printable(error.message, 200)}"))
            continue
        item = _signature(entry, keyid, known=key_ref(keyid) in items)
        old = items.get(item.ref)
        items[item.ref] = dataclasses.replace(item, facts={**old.facts, **item.facts}) if old else item
        if key_ref(keyid) in items:
            edges.add(Relation(item.ref, RelationKind.USES, key_ref(keyid)))
    components = tuple(sorted(items.values(), key=lambda item: (item.kind.value, item.ref)))
    ordered = tuple(sorted(set(skips), key=lambda skip: (skip.path, skip.reason)))
    return dataclasses.replace(inventory, components=components, relations=tuple(sorted(edges)), skipped=ordered)


def keyid_of(data: bytes, limits: Limits = DEFAULT) -> str:
    """Return the keyid (hex SHA-256) that a bundle names; raises InputError for anything but one signature by a key."""
    bundle = _object(parse_json(data, "the bundle", limits), "the bundle")
    if bundle.get("mediaType") != _MEDIA_TYPE:
        raise InputError("it is no Sigstore bundle v0.3")
    signatures = _object(bundle.get("dsseEnvelope"), "dsseEnvelope").get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise InputError("it does not hold exactly one signature")
    material = _object(bundle.get("verificationMaterial"), "verificationMaterial")
    if "publicKey" not in material:
        raise InputError("it names a certificate, not a key")
    hint = _object(material["publicKey"], "publicKey").get("hint")
    if not isinstance(hint, str) or not _KEYID.fullmatch(hint):
        raise InputError("its key hint is not a hex SHA-256")
    return hint


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is not an object")
    return value


def _signature(entry: FileEntry, keyid: str, *, known: bool) -> Component:
    item = file_component(entry)
    stated = {
        "asset": "attestation" if entry.name.casefold().endswith(_ATTESTATION) else "signature",
        "keyid": keyid,
        "signs": _signed(entry),
        "key-state": "" if known else "unknown to the trust root",
    }
    facts = {name: Fact(value, Grade.DECLARED, entry.path) for name, value in stated.items() if value}
    return dataclasses.replace(item, facts={**item.facts, **facts})


def _signed(entry: FileEntry) -> str:
    """Return the path that a signature stands for by its name: its folder (`model.sig`), or the file beside it."""
    for suffix in _SIGNATURES:
        if entry.name.casefold().endswith(suffix):
            beside = entry.path[: -len(suffix)]
            return (folder_of(entry.path) or ".") if entry.name[: -len(suffix)].casefold() == "model" else beside
    return ""
