"""Public keys as text: the one PEM of a SubjectPublicKeyInfo (RFC 5280, RFC 7468) that an encoder would write.

Read by comparison, not by a parser: a key that is written otherwise would have two ids, and is refused.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from secpipe.core.errors import TrustError


@dataclass(frozen=True, slots=True)
class Spki:
    """The public keys of one algorithm: the DER in front of the raw key, and how many bytes the raw key has."""

    algorithm: str
    head: bytes
    size: int

    def write(self, raw: bytes) -> str:
        """Return the PEM of a raw key, with its final newline."""
        body = base64.b64encode(self.head + raw).decode("ascii")
        lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
        return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"

    def read(self, pem: str) -> bytes:
        """Return the raw key; raises TrustError unless `pem` is exactly what `write` makes of it."""
        try:
            data = base64.b64decode("".join(pem.splitlines()[1:-1]), validate=True)
        except (binascii.Error, ValueError):
            data = b""
        raw = data[len(self.head) :]
        if len(raw) != self.size or self.write(raw) != pem:
            raise TrustError(f"the public key is not {self.algorithm} in canonical form")
        return raw


def spki(algorithm: str, size: int, *identifier: str) -> Spki:
    """Return how keys of an algorithm with this AlgorithmIdentifier (dotted object identifiers) are written."""
    bits = tlv(0x30, b"".join(map(oid, identifier))) + tlv(0x03, bytes(1 + size))
    return Spki(algorithm, tlv(0x30, bits)[:-size], size)


def tlv(tag: int, body: bytes) -> bytes:
    """Return DER: tag, length, value."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + body


def oid(dotted: str) -> bytes:
    """Return the DER of an object identifier."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytes((40 * first + second,))
    for part in rest:
        groups = [part & 0x7F]
        while part := part >> 7:
            groups.append(0x80 | (part & 0x7F))
        body += bytes(reversed(groups))
    return tlv(0x06, body)


ED25519 = spki("ed25519", 32, "1.3.101.112")  # RFC 8410
