"""Public halves in the forms that others read: PEM, and JWK (RFC 7517; RFC 8037 OKP, RFC 9964 AKP for ML-DSA)."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from secpipe.core.errors import ConfigError
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes.classical import load_spki

_CURVES = {"ecdsa-p256": ("P-256", "ES256", 32), "ecdsa-p384": ("P-384", "ES384", 48)}


def write_public(halves: Sequence[PublicHalf], form: str) -> str:
    """Return the halves as concatenated PEM (`pem`) or as a JWK or JWK set (`jwk`)."""
    if form == "pem":
        return "".join(half.pem for half in halves)
    keys = [jwk(half) for half in halves]
    return json.dumps(keys[0] if len(keys) == 1 else {"keys": keys}, indent=2) + "\n"


def jwk(half: PublicHalf) -> dict[str, Any]:
    """Return one half as a JWK with `kid` = its keyid; raises ConfigError for an algorithm that JOSE does not name."""
    common = {"kid": half.keyid, "use": "sig"}
    if half.algorithm in _CURVES:
        curve, name, size = _CURVES[half.algorithm]
        key = load_spki(half.pem)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ConfigError(f"the key is not {half.algorithm}")
        numbers = key.public_numbers()
        point = {"x": _b64url(numbers.x.to_bytes(size, "big")), "y": _b64url(numbers.y.to_bytes(size, "big"))}
        return {"kty": "EC", "crv": curve, "alg": name} | point | common
    if half.algorithm == "ed25519":
        return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": _b64url(_raw(half))} | common
    if half.algorithm.startswith("ml-dsa-"):
        return {"kty": "AKP", "alg": half.algorithm.upper(), "pub": _b64url(_raw(half))} | common
    raise ConfigError(f"{half.algorithm} has no JWK form", hint="--format pem")


def _raw(half: PublicHalf) -> bytes:
    data: bytes = load_spki(half.pem).public_bytes(  # type: ignore[attr-defined]  # every public key has it
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return data


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
