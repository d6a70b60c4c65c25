"""Public keys as TUF metadata spells them: `ed25519`, `ecdsa` and `ml-dsa` (TAP 21)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from secpipe.core.errors import InputError, TrustError
from secpipe.core.shape import Fields
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.spki import ED25519
from secpipe.keys.wire import NAME, canonical

#: algorithm id -> (keytype, scheme) of TUF.
TUF_NAMES: dict[str, tuple[str, str]] = {
    "ed25519": ("ed25519", "ed25519"),
    "ecdsa-p256": ("ecdsa", "ecdsa-sha2-nistp256"),
    "ecdsa-p384": ("ecdsa", "ecdsa-sha2-nistp384"),
    "ml-dsa-44": ("ml-dsa", "ml-dsa-44/1"),
    "ml-dsa-65": ("ml-dsa", "ml-dsa-65/1"),
    "ml-dsa-87": ("ml-dsa", "ml-dsa-87/1"),
}
_ALGORITHMS = {names: algorithm for algorithm, names in TUF_NAMES.items()}

#: profile -> the algorithms of a root or rotation pair, classical first.
ROOT_PAIRS: dict[str, tuple[str, str]] = {
    "default": ("ed25519", "ml-dsa-65"),
    "cnsa2": ("ecdsa-p384", "ml-dsa-87"),
}


@dataclass(frozen=True, slots=True)
class TufKey:
    """One public key in TUF metadata. `keyid` is the SHA-256 of its canonical JSON, as TUF recommends and we demand."""

    public: PublicHalf
    holder: str

    @property
    def keyid(self) -> str:
        return _keyid(self.public)

    def to_dict(self) -> dict[str, Any]:
        """Return the key object of TUF metadata; python-tuf keeps the fields it does not know."""
        return _core(self.public) | {"x-secpipe-holder": self.holder}

    def verify(self, signature: bytes, payload: bytes) -> None:
        """Raise TrustError unless `signature` over the canonical `payload` holds."""
        scheme.get(self.public.algorithm).verify(self.public.pem, signature, message(self.public.algorithm, payload))


def message(algorithm: str, payload: bytes) -> bytes:
    """Return what a TUF key of `algorithm` signs for `payload`: ML-DSA signs `"tuf" 0x01 SHA-512(payload)` (TAP 21)."""
    if algorithm.startswith("ml-dsa-"):
        return b"tuf\x01" + hashlib.sha512(payload).digest()
    return payload


@lru_cache(maxsize=1024)
def _keyid(public: PublicHalf) -> str:
    return hashlib.sha256(canonical(_core(public))).hexdigest()


def _core(public: PublicHalf) -> dict[str, Any]:
    keytype, name = TUF_NAMES[public.algorithm]
    value = ED25519.read(public.pem).hex() if keytype == "ed25519" else public.pem
    return {"keytype": keytype, "keyval": {"public": value}, "scheme": name}


def parse_key(keyid: str, value: object) -> TufKey:
    """Read one key object; raises InputError for a wrong keyid, an unknown type, a key not in canonical form."""
    fields = Fields(value, f"key {keyid[:12]}")
    names = (fields.text("keytype", limit=40), fields.text("scheme", limit=40))
    if names not in _ALGORITHMS:
        raise InputError(f"key {keyid[:12]} is of a type that secpipe does not know")
    algorithm = _ALGORITHMS[names]
    text = fields.fields("keyval").text("public")
    if algorithm == "ed25519":
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            raw = b""
        if len(raw) != 32 or raw.hex() != text:
            raise InputError(f"key {keyid[:12]} is not 32 bytes of lower-case hex")
        text = ED25519.write(raw)
    key = TufKey(public_half(algorithm, text), fields.text("x-secpipe-holder", NAME))
    if key.keyid != keyid:
        raise InputError(f"key {keyid[:12]} does not match its id")
    return key


@lru_cache(maxsize=1024)
def public_half(algorithm: str, pem: str) -> PublicHalf:
    """Return the public half in `pem`; raises InputError unless it is a key of exactly this algorithm in canonical PEM.

    Canonical: otherwise one key could stand under several ids.
    """
    if algorithm not in scheme.SCHEMES:
        raise InputError("a public key is of an algorithm that secpipe does not know")
    found = scheme.get(algorithm)
    try:
        found.check_public(pem)
    except TrustError as error:
        raise InputError(error.message) from None
    return PublicHalf(algorithm, found.half, pem)
