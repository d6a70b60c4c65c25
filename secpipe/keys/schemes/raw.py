"""SLH-DSA (FIPS 205, all 12 sets) and Falcon: schemes whose keys are raw bytes and whose work an outside library does.

SubjectPublicKeyInfo and PKCS#8 hold the raw bytes directly (RFC 9909). The library is the first usable one of the
table below: OpenSSL >= 3.5, then liboqs. Every length is checked here, before any library sees a buffer: liboqs-python
would pad a short key with zeros and sign with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secpipe.core.errors import InputError, MissingDependency, SecpipeError, TrustError
from secpipe.core.registry import load
from secpipe.core.trust import HalfClass
from secpipe.keys.schemes.backend import Library
from secpipe.keys.schemes.spki import Spki, oid, spki, tlv

#: backend -> its library, in order of preference.
LIBRARIES: dict[str, str] = {
    "openssl": "secpipe.keys.schemes.libcrypto:LIBCRYPTO",
    "liboqs": "secpipe.keys.schemes.liboqs:LIBOQS",
}


def library(algorithm: str, names: Sequence[str] = tuple(LIBRARIES)) -> Library:
    """Return the first library that can do `algorithm`; raises MissingDependency that says why none can."""
    reasons = []
    for name in names:
        found: Library = load(LIBRARIES, name, "backend")
        reason = found.supports(algorithm)
        if not reason:
            return found
        reasons.append(f"{name}: {reason}")
    raise MissingDependency(
        f"nothing here can do {algorithm} ({'; '.join(reasons)})",
        hint="OpenSSL 3.5 or newer, or liboqs 0.15 or newer with OQS_INSTALL_PATH",
    )


@dataclass(frozen=True, slots=True)
class _RawKey:
    scheme: RawScheme
    public: bytes
    private: bytes

    def __repr__(self) -> str:
        return "<private key>"

    def sign(self, message: bytes) -> bytes:
        signature = library(self.scheme.id).sign(self.scheme.id, self.private, message)
        if not self.scheme.fits(signature):
            raise SecpipeError(f"the library made a {self.scheme.id} signature of {len(signature)} bytes")
        return signature

    def public_pem(self) -> str:
        return self.scheme.write_public(self.public)

    def private_bytes(self) -> bytes:
        tail = b"" if self.scheme.public_in_private else self.public
        body = tlv(0x02, b"\0") + self.scheme.algorithm_identifier + tlv(0x04, self.private + tail)
        return tlv(0x30, body)


@dataclass(frozen=True, slots=True)
class RawScheme:
    """One parameter set; lengths in bytes. `exact` says whether every signature has the same length."""

    id: str
    oid: str
    public_bytes: int
    private_bytes: int
    signature_bytes: int
    exact: bool = True
    public_in_private: bool = True  # SLH-DSA: the private key ends with the public key (FIPS 205 section 9.1)
    half: HalfClass = HalfClass.PQ

    @property
    def algorithm_identifier(self) -> bytes:
        return tlv(0x30, oid(self.oid))

    def fits(self, signature: bytes) -> bool:
        """Return whether a signature has a length that this scheme can have."""
        size = len(signature)
        return size == self.signature_bytes if self.exact else 0 < size <= self.signature_bytes

    def generate(self) -> _RawKey:
        public, private = library(self.id).generate(self.id)
        if (len(public), len(private)) != (self.public_bytes, self.private_bytes):
            raise SecpipeError(f"the library made a {self.id} key of a wrong length")
        return _RawKey(self, public, private)

    def load_private(self, pkcs8: bytes) -> _RawKey:
        head = tlv(0x02, b"\0") + self.algorithm_identifier
        size = self.private_bytes + (0 if self.public_in_private else self.public_bytes)
        prefix = tlv(0x30, head + tlv(0x04, bytes(size)))[:-size]
        raw = pkcs8[len(prefix) :]
        if not pkcs8.startswith(prefix) or len(raw) != size:
            raise InputError(f"the private key is not {self.id}")
        private, public = raw[: self.private_bytes], raw[-self.public_bytes :]
        key = _RawKey(self, public, private)
        probe = b"secpipe: does this private key belong to its public key?"
        if not library(self.id).verify(self.id, public, key.sign(probe), probe):
            raise InputError(f"the {self.id} private key does not belong to its public key")
        return key

    @property
    def spki(self) -> Spki:
        """How its public keys are written."""
        return spki(self.id, self.public_bytes, self.oid)

    def write_public(self, raw: bytes) -> str:
        """Return the PEM SubjectPublicKeyInfo of raw bytes."""
        return self.spki.write(raw)

    def check_public(self, public_pem: str) -> None:
        self.spki.read(public_pem)

    def verify(self, public_pem: str, signature: bytes, message: bytes) -> None:
        raw = self.spki.read(public_pem)
        if not self.fits(signature):
            raise TrustError(f"the {self.id} signature has {len(signature)} bytes instead of {self.signature_bytes}")
        if not library(self.id).verify(self.id, raw, signature, message):
            raise TrustError(f"the {self.id} signature does not hold")


# id: (last arc of the OID below 2.16.840.1.101.3.4.3, n, signature bytes) -- FIPS 205 table 2, RFC 9909.
_SLH_DSA = {
    "slh-dsa-sha2-128s": (20, 16, 7856),
    "slh-dsa-sha2-128f": (21, 16, 17088),
    "slh-dsa-sha2-192s": (22, 24, 16224),
    "slh-dsa-sha2-192f": (23, 24, 35664),
    "slh-dsa-sha2-256s": (24, 32, 29792),
    "slh-dsa-sha2-256f": (25, 32, 49856),
    "slh-dsa-shake-128s": (26, 16, 7856),
    "slh-dsa-shake-128f": (27, 16, 17088),
    "slh-dsa-shake-192s": (28, 24, 16224),
    "slh-dsa-shake-192f": (29, 24, 35664),
    "slh-dsa-shake-256s": (30, 32, 29792),
    "slh-dsa-shake-256f": (31, 32, 49856),
}
_NIST = "2.16.840.1.101.3.4.3"
RAW: dict[str, RawScheme] = {
    name: RawScheme(name, f"{_NIST}.{arc}", 2 * n, 4 * n, size) for name, (arc, n, size) in _SLH_DSA.items()
}
# FN-DSA (FIPS 206) is not final; this is Falcon of round 3 under object identifiers of the Open Quantum Safe project.
RAW["falcon-512"] = RawScheme("falcon-512", "1.3.9999.3.11", 897, 1281, 752, exact=False, public_in_private=False)
RAW["falcon-1024"] = RawScheme("falcon-1024", "1.3.9999.3.14", 1793, 2305, 1462, exact=False, public_in_private=False)
