"""The expanded ML-DSA private key of a seed (FIPS 204 algorithms 6 and 24), to check files that hold both.

Only that: signing and verifying are the library's. Nothing here is constant-time, and nothing needs to be: it runs
once, on the user's machine, over a file that the user is importing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

_Q = 8380417
_D = 13
_PARAMETERS = {"ml-dsa-44": (4, 4, 2), "ml-dsa-65": (6, 5, 4), "ml-dsa-87": (8, 7, 2)}  # k, l, eta (table 1)
_ZETAS = [pow(1753, int(f"{index:08b}"[::-1], 2), _Q) for index in range(256)]

Poly = list[int]


def expand(algorithm: str, seed: bytes, public_pem: str) -> bytes:
    """Return rho || K || tr || s1 || s2 || t0 for the key of `seed`, whose public key is `public_pem`."""
    k, l, eta = _PARAMETERS[algorithm]  # noqa: E741  # FIPS 204's own names
    state = hashlib.shake_256(seed + bytes((k, l))).digest(128)
    rho, rho_prime, key = state[:32], state[32:96], state[96:]
    public = base64.b64decode("".join(public_pem.splitlines()[1:-1]))[-(32 + 320 * k) :]
    s1 = [_bounded(rho_prime, index, eta) for index in range(l)]
    s2 = [_bounded(rho_prime, index + l, eta) for index in range(k)]
    s1_hat = [_ntt(poly) for poly in s1]
    t0 = []
    for row in range(k):
        total = [0] * 256
        for column in range(l):
            line = _uniform(rho + bytes((column, row)))
            total = [(a + b * c) % _Q for a, b, c in zip(total, line, s1_hat[column], strict=True)]
        t = [(a + b) % _Q for a, b in zip(_inverse(total), s2[row], strict=True)]
        t0.append([_low(value) for value in t])
    secret = b"".join(_pack([eta - value for value in poly], 3 if eta == 2 else 4) for poly in s1 + s2)
    low = b"".join(_pack([(1 << (_D - 1)) - value for value in poly], _D) for poly in t0)
    return rho + key + hashlib.shake_256(public).digest(64) + secret + low


def _low(value: int) -> int:
    low = value % (1 << _D)
    return low - (1 << _D) if low > 1 << (_D - 1) else low


def _pack(values: Sequence[int], bits: int) -> bytes:
    number = 0
    for index, value in enumerate(values):
        number |= value << (bits * index)
    return number.to_bytes(bits * len(values) // 8, "little")


def _uniform(seed: bytes) -> Poly:
    """Algorithm 30, RejNTTPoly."""
    stream = hashlib.shake_128(seed).digest(3 * 512)
    values = (int.from_bytes(stream[at : at + 3], "little") & 0x7FFFFF for at in range(0, len(stream), 3))
    return _first(value for value in values if value < _Q)


def _bounded(seed: bytes, index: int, eta: int) -> Poly:
    """Algorithm 31, RejBoundedPoly."""
    stream = hashlib.shake_256(seed + index.to_bytes(2, "little")).digest(1024)
    nibbles = (nibble for byte in stream for nibble in (byte & 15, byte >> 4))
    if eta == 2:
        return _first(2 - nibble % 5 for nibble in nibbles if nibble < 15)
    return _first(4 - nibble for nibble in nibbles if nibble < 9)


def _first(values: Iterator[int]) -> Poly:
    return [value for value, _ in zip(values, range(256), strict=False)]


def _ntt(poly: Poly) -> Poly:
    """Algorithm 41."""
    w, m, length = list(poly), 0, 128
    while length >= 1:
        for start in range(0, 256, 2 * length):
            m += 1
            zeta = _ZETAS[m]
            for j in range(start, start + length):
                t = zeta * w[j + length] % _Q
                w[j + length], w[j] = (w[j] - t) % _Q, (w[j] + t) % _Q
        length //= 2
    return w


def _inverse(poly: Poly) -> Poly:
    """Algorithm 42."""
    w, m, length = list(poly), 256, 1
    while length < 256:
        for start in range(0, 256, 2 * length):
            m -= 1
            zeta = -_ZETAS[m]
            for j in range(start, start + length):
                t = w[j]
                w[j], w[j + length] = (t + w[j + length]) % _Q, zeta * (t - w[j + length]) % _Q
        length *= 2
    return [8347681 * value % _Q for value in w]
