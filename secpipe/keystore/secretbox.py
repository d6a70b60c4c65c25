"""Opening a NaCl secretbox (XSalsa20-Poly1305), which `cryptography` does not have: only to import cosign's keys."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence

from cryptography.hazmat.primitives.poly1305 import Poly1305

_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_ROUNDS = 20
_MASK = 0xFFFFFFFF
# Salsa20 quarter rounds (target, two sources, rotation): columns, then rows.
_QUARTERS = (
    *((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)),
    *((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)),
)


def open_box(key: bytes, nonce: bytes, box: bytes) -> bytes | None:
    """Return the content of `box` (16-byte tag, then ciphertext) under a 32-byte key and 24-byte nonce, or None."""
    words = _rounds(_block(struct.unpack("<8I", key), struct.unpack("<4I", nonce[:16])))
    subkey = tuple(words[index] for index in (0, 5, 10, 15, 6, 7, 8, 9))  # HSalsa20
    tail = struct.unpack("<2I", nonce[16:])
    count = (len(box) + 16 + 63) // 64
    stream = b"".join(_salsa20(subkey, (*tail, number & _MASK, number >> 32)) for number in range(count))
    tag, sealed = box[:16], box[16:]
    if not hmac.compare_digest(Poly1305.generate_tag(stream[:32], sealed), tag):
        return None
    return bytes(a ^ b for a, b in zip(sealed, stream[32:], strict=False))


def _block(key: Sequence[int], nonce: Sequence[int]) -> list[int]:
    a, b, c, d = _SIGMA
    return [a, *key[:4], b, *nonce, c, *key[4:], d]


def _rounds(start: Sequence[int]) -> list[int]:
    x = list(start)
    for _ in range(_ROUNDS // 2):
        for a, b, c, d in _QUARTERS:
            x[b] ^= _rotate(x[a] + x[d], 7)
            x[c] ^= _rotate(x[b] + x[a], 9)
            x[d] ^= _rotate(x[c] + x[b], 13)
            x[a] ^= _rotate(x[d] + x[c], 18)
    return x


def _rotate(value: int, bits: int) -> int:
    value &= _MASK
    return (value << bits | value >> (32 - bits)) & _MASK


def _salsa20(key: Sequence[int], nonce: Sequence[int]) -> bytes:
    block = _block(key, nonce)
    return struct.pack("<16I", *((a + b) & _MASK for a, b in zip(_rounds(block), block, strict=True)))
