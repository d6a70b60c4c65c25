"""CBOM: the keys of a trust root and their algorithms as cryptographic assets (CycloneDX 1.6 and newer)."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, NamedTuple

from secpipe.core import times
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, Inventory, Relation, RelationKind
from secpipe.core.trust import Identity, KeyVersion, PublicHalf, Trust


class Algorithm(NamedTuple):
    """What a scheme's id stands for. Security levels: classical bits, NIST post-quantum category (0: none)."""

    name: str
    parameters: str
    curve: str
    oid: str
    classical: int
    quantum: int


#: Sources: FIPS 204 and the NIST OID registry (sigAlgs), RFC 5480, RFC 5758, RFC 8410; NIST IR 8547 for levels.
ALGORITHMS = {
    "ecdsa-p256": Algorithm("ECDSA", "", "nist/P-256", "1.2.840.10045.4.3.2", 128, 0),
    "ecdsa-p384": Algorithm("ECDSA", "", "nist/P-384", "1.2.840.10045.4.3.3", 192, 0),
    "ed25519": Algorithm("Ed25519", "", "other/Ed25519", "1.3.101.112", 128, 0),
    "ml-dsa-44": Algorithm("ML-DSA", "44", "", "2.16.840.1.101.3.4.3.17", 128, 2),
    "ml-dsa-65": Algorithm("ML-DSA", "65", "", "2.16.840.1.101.3.4.3.18", 192, 3),
    "ml-dsa-87": Algorithm("ML-DSA", "87", "", "2.16.840.1.101.3.4.3.19", 256, 5),
}


def with_keys(inventory: Inventory, trust: Trust, now: datetime) -> Inventory:
    """Return the inventory with every public half of every key version in `trust`, and the algorithms they use.

    A half is found by its keyid, which is what signatures and their hints name. No private key is looked at.
    """
    items: dict[str, Component] = {}
    edges: set[Relation] = set()
    for identity in trust.identities:
        for version in identity.versions:
            for half in version.halves:
                algorithm = _algorithm(half.algorithm)
                key = _key(identity, version, half, now)
                items[algorithm.ref], items[key.ref] = algorithm, key
                edges.add(Relation(key.ref, RelationKind.DEPENDS_ON, algorithm.ref))
    known = {item.ref for item in inventory.components}
    more = [item for ref, item in items.items() if ref not in known]
    components = sorted([*inventory.components, *more], key=lambda item: (item.kind.value, item.ref))
    relations = tuple(sorted({*inventory.relations, *edges}))
    return dataclasses.replace(inventory, components=tuple(components), relations=relations)


def properties_of(item: Component) -> dict[str, Any]:
    """Return the `cryptoProperties` of a component that `with_keys` made."""

    def fact(name: str) -> str:
        return item.facts[name].value if name in item.facts else ""

    if fact("asset") == "algorithm":
        known = ALGORITHMS.get(item.name)
        if known is None:
            return {"assetType": "algorithm", "algorithmProperties": {"primitive": "signature"}}
        properties: dict[str, Any] = {
            "primitive": "signature",
            "cryptoFunctions": ["sign", "verify"],
            "classicalSecurityLevel": known.classical,
            "nistQuantumSecurityLevel": known.quantum,
        }
        if known.parameters:
            properties["parameterSetIdentifier"] = known.parameters
        if known.curve:
            properties["curve"] = known.curve.partition("/")[2]
        return {"assetType": "algorithm", "algorithmProperties": properties, "oid": known.oid}
    material = {
        "type": "public-key",
        "id": fact("keyid"),
        "state": fact("state"),
        "algorithmRef": _algorithm_ref(fact("algorithm")),
        "activationDate": fact("not-before"),
        "expirationDate": fact("sign-until"),
        "format": "PEM",
    }
    given = {key: value for key, value in material.items() if value}
    return {"assetType": "related-crypto-material", "relatedCryptoMaterialProperties": given}


def key_ref(keyid: str) -> str:
    """Return the ref of the key with this id."""
    return f"crypto:key/{keyid}"


def _algorithm_ref(name: str) -> str:
    return f"crypto:algorithm/{name}"


def _algorithm(name: str) -> Component:
    facts = {"asset": Fact("algorithm", Grade.VERIFIED)}
    return Component(_algorithm_ref(name), ComponentKind.CRYPTO, name, direct=False, facts=facts)


def _key(identity: Identity, version: KeyVersion, half: PublicHalf, now: datetime) -> Component:
    values = {
        "asset": "public-key",
        "keyid": half.keyid,
        "algorithm": half.algorithm,
        "class": half.half.value,
        "state": version.state(now).value,
        "not-before": times.exact(version.not_before),
        "sign-until": times.exact(version.sign_until),
        "purposes": " ".join(identity.authority.purposes),
        "holder": identity.holder,
    }
    facts = {name: Fact(value, Grade.VERIFIED) for name, value in values.items() if value}
    name = f"{identity.name} ({half.algorithm})"
    return Component(key_ref(half.keyid), ComponentKind.CRYPTO, name, f"v{version.version}", facts=facts)
