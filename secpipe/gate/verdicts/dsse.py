"""A signed verdict as a plain DSSE envelope for consumers that know no bundles.

Source: secure-systems-lab/dsse envelope.md; slsa-verifier's verify-vsa, whose default key id is the SSH fingerprint of
the public key (docs/spec/vsa.md lists what it asks for).
"""

from __future__ import annotations

import base64
import hashlib
import json

from secpipe.core.trust import PublicHalf
from secpipe.sign.bundle import Bundle
from secpipe.sign.envelope import PAYLOAD_TYPE


def envelope(half: Bundle, key: PublicHalf) -> bytes:
    """Return the envelope as one line of JSON: payload and signature of `half`, as they are."""
    document = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(half.payload).decode("ascii"),
        "signatures": [{"keyid": key_id(key), "sig": base64.b64encode(half.signature).decode("ascii")}],
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def key_id(key: PublicHalf) -> str:
    """Return the SSH fingerprint of a classical key: `SHA256:` and base64 without padding over its SSH encoding."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    public = load_pem_public_key(key.pem.encode("ascii"))
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"
