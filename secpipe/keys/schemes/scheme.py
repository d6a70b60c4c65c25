"""What a signature scheme is, and the table of all of them by algorithm id."""

from __future__ import annotations

from typing import Protocol

from secpipe.core.registry import load
from secpipe.core.trust import HalfClass


class PrivateHalf(Protocol):
    """An unlocked private key of one scheme. It never prints or serialises itself except through `private_bytes`."""

    def sign(self, message: bytes) -> bytes: ...

    def public_pem(self) -> str:
        """Return the SubjectPublicKeyInfo as PEM text with a final newline."""

    def private_bytes(self) -> bytes:
        """Return PKCS#8 DER, unencrypted; for ML-DSA the 32-byte seed form (RFC 9881 section 6)."""


class Scheme(Protocol):
    """One signature algorithm with fixed parameters.

    `verify` checks the key against the algorithm before it looks at the signature, and raises TrustError for anything
    that is not a valid signature by that key under exactly this algorithm.
    """

    id: str
    half: HalfClass

    def generate(self) -> PrivateHalf: ...

    def load_private(self, pkcs8: bytes) -> PrivateHalf:
        """Return the key in unencrypted PKCS#8 DER; raises InputError."""

    def check_public(self, public_pem: str) -> None:
        """Raise TrustError unless `public_pem` is a public key of this algorithm in its one canonical encoding."""

    def verify(self, public_pem: str, signature: bytes, message: bytes) -> None: ...


#: algorithm id -> scheme; never looked up by library.
SCHEMES: dict[str, str] = {
    "ed25519": "secpipe.keys.schemes.classical:ED25519",
    "ecdsa-p256": "secpipe.keys.schemes.classical:ECDSA_P256",
    "ecdsa-p384": "secpipe.keys.schemes.classical:ECDSA_P384",
    "ml-dsa-44": "secpipe.keys.schemes.mldsa:ML_DSA_44",
    "ml-dsa-65": "secpipe.keys.schemes.mldsa:ML_DSA_65",
    "ml-dsa-87": "secpipe.keys.schemes.mldsa:ML_DSA_87",
}

_RAW = (
    *(
        f"slh-dsa-{digest}-{size}"
        for digest in ("sha2", "shake")
        for size in ("128s", "128f", "192s", "192f", "256s", "256f")
    ),
    "falcon-512",
    "falcon-1024",
)
SCHEMES |= dict.fromkeys(_RAW, "secpipe.keys.schemes.raw:RAW")

#: profile -> the halves of a new key version, classical first.
PAIRS: dict[str, tuple[str, str]] = {
    "default": ("ecdsa-p256", "ml-dsa-65"),
    "cnsa2": ("ecdsa-p384", "ml-dsa-87"),
}


def get(algorithm: str) -> Scheme:
    """Return the scheme named `algorithm`; raises ConfigError for an unknown one."""
    found = load(SCHEMES, algorithm, "signature algorithm")
    scheme: Scheme = found[algorithm] if isinstance(found, dict) else found
    return scheme
