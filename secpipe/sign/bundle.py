"""Sigstore bundle v0.3 in its public-key form, read strictly: one DSSE signature, no field we do not know.

Source: sigstore/protobuf-specs protos/sigstore_bundle.proto; the subset that cosign and model_signing both accept
stands in docs/spec/hybrid-bundle.md.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.keys.wire import unb64
from secpipe.sign.envelope import PAYLOAD_TYPE

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_HINT = re.compile(r"[0-9a-f]{64}")
_MAX_TIMESTAMPS = 8
_MAX_SIGNATURE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bundle:
    """One half: payload, signature over it, the keyid it points at, RFC 3161 answers (DER) over the signature."""

    payload: bytes
    signature: bytes
    hint: str
    timestamps: tuple[bytes, ...] = ()


def encode(payload: bytes, signature: bytes, keyid: str, timestamps: Sequence[bytes] = ()) -> bytes:
    """Return the bundle as JSON with a final newline."""
    material: dict[str, Any] = {"publicKey": {"hint": keyid}}
    if timestamps:
        material["timestampVerificationData"] = {
            "rfc3161Timestamps": [{"signedTimestamp": _b64(token)} for token in timestamps]
        }
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": _b64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": _b64(signature), "keyid": ""}],
        },
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes, what: str, limits: Limits = DEFAULT) -> Bundle:
    """Return the half in a bundle's JSON; `what` names it in errors. Raises InputError for any deviation."""
    document = parse_json(data, what, limits)
    top = fields(document, what, {"mediaType", "verificationMaterial", "dsseEnvelope"})
    if top["mediaType"] != MEDIA_TYPE:
        raise InputError(f"{what} is no Sigstore bundle v0.3")
    material = fields(
        top["verificationMaterial"], f"{what}: verificationMaterial", {"publicKey"},
        {"tlogEntries", "timestampVerificationData"},
    )  # fmt: skip
    if material.get("tlogEntries", []) != []:
        raise InputError(f"{what} carries log entries, which a hybrid bundle does not have")
    hint = fields(material["publicKey"], f"{what}: publicKey", {"hint"})["hint"]
    if not isinstance(hint, str) or not _HINT.fullmatch(hint):
        raise InputError(f"{what}: the key hint is not a hex SHA-256")
    envelope = fields(top["dsseEnvelope"], f"{what}: dsseEnvelope", {"payload", "payloadType", "signatures"})
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise InputError(f"{what}: the payload is not an in-toto statement")
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise InputError(f"{what} must hold exactly one signature")
    signature = fields(signatures[0], f"{what}: signature", {"sig"}, {"keyid"})
    if signature.get("keyid", "") != "":
        raise InputError(f"{what}: keyid must be empty")
    raw = unb64(signature["sig"], f"{what}: signature")
    if len(raw) > _MAX_SIGNATURE:
        raise InputError(f"{what}: a signature of {len(raw):,} bytes")
    return Bundle(
        unb64(envelope["payload"], f"{what}: payload"),
        raw,
        hint,
        _timestamps(material.get("timestampVerificationData"), what),
    )


def fields(value: Any, what: str, required: set[str], optional: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
    """Return `value` as an object with exactly these keys; raises InputError naming the first that is wrong."""
    if not isinstance(value, dict):
        raise InputError(f"{what} is not an object")
    if missing := required - value.keys():
        raise InputError(f"{what} lacks {min(missing)}")
    if unknown := value.keys() - required - optional:
        raise InputError(f"{what} holds an unknown field {min(unknown)!a}")
    return value


def _timestamps(value: Any, what: str) -> tuple[bytes, ...]:
    if value is None:
        return ()
    tokens = fields(value, f"{what}: timestampVerificationData", set(), {"rfc3161Timestamps"}).get(
        "rfc3161Timestamps", []
    )
    if not isinstance(tokens, list) or len(tokens) > _MAX_TIMESTAMPS:
        raise InputError(f"{what}: more than {_MAX_TIMESTAMPS} timestamps, or no list of them")
    name = f"{what}: timestamp"
    return tuple(unb64(fields(token, name, {"signedTimestamp"})["signedTimestamp"], name) for token in tokens)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
