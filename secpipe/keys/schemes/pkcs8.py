"""Private keys that others wrote: ML-DSA's three PKCS#8 forms (RFC 9881 section 6) reduced to the seed.

`cryptography` reads the seed form only; OpenSSL writes `both` by default. We take the seed, derive the key again and
refuse the file where its expanded half says otherwise. A key without its seed cannot be imported.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from secpipe.core.errors import InputError
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.classical import load_pkcs8, pkcs8

_OIDS = {
    bytes.fromhex("0609608648016503040311"): ("ml-dsa-44", 2560),
    bytes.fromhex("0609608648016503040312"): ("ml-dsa-65", 4032),
    bytes.fromhex("0609608648016503040313"): ("ml-dsa-87", 4896),
}
_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}
_SEED = 32


@dataclass(frozen=True, slots=True)
class Imported:
    """An algorithm and its private key as our own PKCS#8."""

    algorithm: str
    pkcs8: bytes

    def __repr__(self) -> str:
        return f"<{self.algorithm} private key>"


def import_pkcs8(der: bytes) -> Imported:
    """Return the key of any PKCS#8 form that we know; raises InputError with the reason, never with the key's bytes."""
    found = _ml_dsa(der)
    if found is not None:
        return found
    key = load_pkcs8(der)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Imported("ed25519", pkcs8(key))
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return Imported(_CURVES[key.curve.name], pkcs8(key))
    raise InputError("the private key is of an algorithm that secpipe does not use")


def import_pem(text: bytes) -> Imported:
    """Return the key in one unencrypted PEM block, PKCS#8 or the older EC form; raises InputError."""
    from secpipe.keys.schemes.pem import unwrap

    label, der = unwrap(text)
    if label == "PRIVATE KEY":
        return import_pkcs8(der)
    if label == "EC PRIVATE KEY":
        try:
            key = serialization.load_pem_private_key(text, None)
        except (ValueError, TypeError):
            raise InputError("the private key cannot be read") from None
        return import_pkcs8(pkcs8(key))
    raise InputError(f"a PEM block of {label} is not a private key that secpipe reads")


def _ml_dsa(der: bytes) -> Imported | None:
    body = _single(der, 0x30)
    if body is None or body[:3] != b"\x02\x01\x00":
        return None
    identifier, rest = _take(body[3:], 0x30)
    if identifier not in _OIDS:
        return None
    algorithm, size = _OIDS[identifier]
    inner, tail = _take(rest, 0x04)
    if inner is None or tail:
        raise InputError(f"the {algorithm} private key is damaged")
    seed, expanded = _forms(inner, algorithm, size)
    ours = _ours(identifier, seed)
    if expanded is not None:
        _compare(ours, algorithm, expanded)
    return Imported(algorithm, ours)


def _forms(inner: bytes, algorithm: str, size: int) -> tuple[bytes, bytes | None]:
    """Return the seed, and the expanded key where it stands beside it."""
    seed, tail = _take(inner, 0x80)
    if seed is not None and not tail and len(seed) == _SEED:
        return seed, None
    both = _single(inner, 0x30)
    if both is not None:
        seed, tail = _take(both, 0x04)
        expanded, end = _take(tail, 0x04)
        if seed is not None and expanded is not None and not end and (len(seed), len(expanded)) == (_SEED, size):
            return seed, expanded
    if _single(inner, 0x04) is not None:
        raise InputError(
            f"this {algorithm} key holds only the expanded private key; its 32-byte seed cannot be computed from that",
            hint="export it with its seed: openssl pkey -provparam ml-dsa.output_formats=seed-only",
        )
    raise InputError(f"the {algorithm} private key is damaged")


def _ours(identifier: bytes, seed: bytes) -> bytes:
    inner = b"\x80\x20" + seed
    body = b"\x02\x01\x00" + b"\x30\x0b" + identifier + b"\x04" + bytes((len(inner),)) + inner
    return b"\x30" + bytes((len(body),)) + body


def _compare(ours: bytes, algorithm: str, expanded: bytes) -> None:
    """Raise InputError unless the expanded key belongs to the seed.

    An expanded key is rho || K || tr || s1 || s2 || t0 (FIPS 204 algorithm 24). All of it is derived from the seed by
    `expand`, so all of it is compared.
    """
    from secpipe.keys.schemes.expand import expand

    seed = ours[-_SEED:]
    public = scheme.get(algorithm).load_private(ours)
    if expand(algorithm, seed, public.public_pem()) != expanded:
        raise InputError(f"the {algorithm} file contradicts itself: its expanded key does not belong to its seed")


def _take(data: bytes, tag: int) -> tuple[bytes | None, bytes]:
    """Return the content of the first DER value if it has `tag` (else None), and what follows it."""
    if len(data) < 2 or data[0] != tag:
        return None, data
    size, start = data[1], 2
    if size & 0x80:
        width = size & 0x7F
        size, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        if not 1 <= width <= 3 or len(data) < start or size < 0x80 or size >> (8 * (width - 1)) == 0:
            return None, data
    if len(data) < start + size:
        return None, data
    return data[start : start + size], data[start + size :]


def _single(data: bytes, tag: int) -> bytes | None:
    body, tail = _take(data, tag)
    return body if not tail else None
