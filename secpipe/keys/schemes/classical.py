"""Ed25519 (RFC 8032) and ECDSA P-256/P-384 (FIPS 186-5) by `cryptography`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from secpipe.core.errors import InputError, TrustError
from secpipe.core.trust import HalfClass
from secpipe.keys.schemes.spki import ED25519 as ED25519_SPKI
from secpipe.keys.schemes.spki import Spki, spki


class LibraryKey:
    """A private key of `cryptography`. A dataclass below it says `repr=False`: nothing of a key is ever shown."""

    __slots__ = ()
    key: Any

    def __repr__(self) -> str:
        return "<private key>"

    def public_pem(self) -> str:
        return spki_pem(self.key.public_key())

    def private_bytes(self) -> bytes:
        return pkcs8(self.key)


@dataclass(frozen=True, slots=True, repr=False)
class _EcdsaKey(LibraryKey):
    key: ec.EllipticCurvePrivateKey
    hash: hashes.HashAlgorithm

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(self.hash))


@dataclass(frozen=True, slots=True, eq=False)
class Ecdsa:
    """ECDSA over one curve with its hash; signatures are DER (RFC 3279)."""

    id: str
    spki: Spki
    curve: ec.EllipticCurve
    hash: hashes.HashAlgorithm
    half: HalfClass = HalfClass.CLASSICAL

    def generate(self) -> _EcdsaKey:
        return _EcdsaKey(ec.generate_private_key(self.curve), self.hash)

    def load_private(self, pkcs8: bytes) -> _EcdsaKey:
        key = load_pkcs8(pkcs8)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != self.curve.name:
            raise InputError(f"the private key is not {self.id}")
        return _EcdsaKey(key, self.hash)

    def check_public(self, public_pem: str) -> None:
        _point(self, public_pem)

    def verify(self, public_pem: str, signature: bytes, message: bytes) -> None:
        key = _point(self, public_pem)
        try:
            key.verify(signature, message, ec.ECDSA(self.hash))
        except InvalidSignature:
            raise TrustError(f"the {self.id} signature does not hold") from None


@dataclass(frozen=True, slots=True, repr=False)
class _Ed25519Key(LibraryKey):
    key: ed25519.Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


@dataclass(frozen=True, slots=True)
class Ed25519:
    """Pure Ed25519."""

    id: str = "ed25519"
    spki: Spki = ED25519_SPKI
    half: HalfClass = HalfClass.CLASSICAL

    def generate(self) -> _Ed25519Key:
        return _Ed25519Key(ed25519.Ed25519PrivateKey.generate())

    def load_private(self, pkcs8: bytes) -> _Ed25519Key:
        key = load_pkcs8(pkcs8)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise InputError("the private key is not ed25519")
        return _Ed25519Key(key)

    def check_public(self, public_pem: str) -> None:
        _raw_ed25519(public_pem)

    def verify(self, public_pem: str, signature: bytes, message: bytes) -> None:
        key = _raw_ed25519(public_pem)
        try:
            key.verify(signature, message)
        except InvalidSignature:
            raise TrustError("the ed25519 signature does not hold") from None


@lru_cache(maxsize=1024)
def _point(scheme: Ecdsa, pem: str) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(scheme.curve, scheme.spki.read(pem))
    except (ValueError, UnsupportedAlgorithm):
        raise TrustError(f"the public key is not {scheme.id}") from None


@lru_cache(maxsize=1024)
def _raw_ed25519(pem: str) -> ed25519.Ed25519PublicKey:
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(ED25519.spki.read(pem))
    except (ValueError, UnsupportedAlgorithm):
        raise TrustError("the public key is not ed25519") from None


def load_spki(pem: str) -> object:
    """Return the public key, of whatever algorithm, in a PEM SubjectPublicKeyInfo; raises TrustError."""
    from cryptography.hazmat.primitives import serialization  # a verifier of our own keys never pays for it

    try:
        return serialization.load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        raise TrustError("the public key cannot be read") from None


def load_pkcs8(data: bytes) -> object:
    """Return the private key in unencrypted PKCS#8 DER; raises InputError without any of the key's bytes."""
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_der_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError("the private key cannot be read") from None


def spki_pem(key: object) -> str:
    """Return the PEM SubjectPublicKeyInfo (RFC 7468) of a public key, with its final newline."""
    from cryptography.hazmat.primitives import serialization

    data: bytes = key.public_bytes(  # type: ignore[attr-defined]  # every public key of `cryptography` has it
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data.decode("ascii")


def pkcs8(key: object) -> bytes:
    """Return unencrypted PKCS#8 DER of a private key; the caller wraps it in an age file before it touches a disk."""
    from cryptography.hazmat.primitives import serialization

    data: bytes = key.private_bytes(  # type: ignore[attr-defined]  # every private key of `cryptography` has it
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return data


_EC = "1.2.840.10045.2.1"  # RFC 5480; the point is uncompressed: 4, then two coordinates
ECDSA_P256 = Ecdsa("ecdsa-p256", spki("ecdsa-p256", 65, _EC, "1.2.840.10045.3.1.7"), ec.SECP256R1(), hashes.SHA256())
ECDSA_P384 = Ecdsa("ecdsa-p384", spki("ecdsa-p384", 97, _EC, "1.3.132.0.34"), ec.SECP384R1(), hashes.SHA384())
ED25519 = Ed25519()
