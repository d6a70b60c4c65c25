"""ML-DSA-44/65/87 (FIPS 204), pure, with an empty context, by `cryptography`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa

from secpipe.core.errors import InputError, MissingDependency, TrustError
from secpipe.core.trust import HalfClass
from secpipe.keys.schemes.classical import LibraryKey, load_pkcs8
from secpipe.keys.schemes.spki import Spki, spki


@dataclass(frozen=True, slots=True, repr=False)
class _MlDsaKey(LibraryKey):
    key: Any

    def sign(self, message: bytes) -> bytes:
        signature: bytes = self.key.sign(message)
        return signature


@dataclass(frozen=True, slots=True, eq=False)
class MlDsa:
    """One parameter set of ML-DSA; `signature_bytes` is its exact signature length (FIPS 204 table 2)."""

    id: str
    spki: Spki
    private_type: type[Any]
    public_type: type[Any]
    signature_bytes: int
    half: HalfClass = HalfClass.PQ

    def generate(self) -> _MlDsaKey:
        try:
            return _MlDsaKey(self.private_type.generate())
        except UnsupportedAlgorithm as error:
            raise MissingDependency(f"{self.id} is not in this build of cryptography") from error

    def load_private(self, pkcs8: bytes) -> _MlDsaKey:
        key = load_pkcs8(pkcs8)
        if not isinstance(key, self.private_type):
            raise InputError(f"the private key is not {self.id}")
        return _MlDsaKey(key)

    def check_public(self, public_pem: str) -> None:
        _public(self, public_pem)

    def verify(self, public_pem: str, signature: bytes, message: bytes) -> None:
        key = _public(self, public_pem)
        if len(signature) != self.signature_bytes:
            raise TrustError(f"the {self.id} signature has {len(signature)} bytes instead of {self.signature_bytes}")
        try:
            key.verify(signature, message)
        except InvalidSignature:
            raise TrustError(f"the {self.id} signature does not hold") from None


@lru_cache(maxsize=1024)
def _public(scheme: MlDsa, pem: str) -> Any:
    try:
        return scheme.public_type.from_public_bytes(scheme.spki.read(pem))
    except (ValueError, UnsupportedAlgorithm):
        raise TrustError(f"the public key is not {scheme.id}") from None


def _keys(algorithm: str, arc: int, size: int) -> Spki:
    return spki(algorithm, size, f"2.16.840.1.101.3.4.3.{arc}")  # RFC 9881; sizes: FIPS 204 table 2


ML_DSA_44 = MlDsa("ml-dsa-44", _keys("ml-dsa-44", 17, 1312), mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey, 2420)
ML_DSA_65 = MlDsa("ml-dsa-65", _keys("ml-dsa-65", 18, 1952), mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey, 3309)
ML_DSA_87 = MlDsa("ml-dsa-87", _keys("ml-dsa-87", 19, 2592), mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey, 4627)
