"""Weights and edges for the tests of proving: written by hand with numpy, in the layout of safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Array = np.ndarray
_CODES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I32": "<i4"}


def stored(values: Array, kind: str) -> bytes:
    """Return values as bytes of a kind; BF16 by the definition of rounding to nearest even, one at a time."""
    if kind == "BF16":
        return b"".join(bf16(float(one)) for one in values.astype(np.float32).ravel())
    return values.astype(_CODES[kind]).tobytes()


def bf16(value: float) -> bytes:
    """Return one value as BF16: the nearest of the two neighbours, the even one of a tie."""
    bits = int(np.float32(value).view(np.uint32))
    low, high = bits >> 16, (bits >> 16) + 1
    rest = bits & 0xFFFF
    up = rest > 0x8000 or (rest == 0x8000 and low & 1)
    return (high if up else low).to_bytes(2, "little")


def safetensors(path: Path, tensors: Mapping[str, tuple[str, tuple[int, ...], bytes]]) -> Path:
    """Write a safetensors file of (kind, shape, bytes) by name."""
    header, data = {}, b""
    for name, (kind, shape, content) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)
    return path


def weights(path: Path, arrays: Mapping[str, Array], kind: str = "F32") -> Path:
    """Write arrays as one kind."""
    return safetensors(path, {name: (kind, values.shape, stored(values, kind)) for name, values in arrays.items()})


def flip(path: Path, name: str, at: int = 0) -> None:
    """Change the lowest bit of one byte of a tensor's data: one quantum of a number that begins there."""
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[:8], "little")
    start, _ = json.loads(data[8 : 8 + size])[name]["data_offsets"]
    data[8 + size + start + at] ^= 1
    path.write_bytes(data)


def model(seed: int, rows: int = 64, columns: int = 96) -> dict[str, Array]:
    """Return the arrays of a small model."""
    random = np.random.default_rng(seed)
    names = ("embed_tokens.weight", "layers.0.q_proj.weight", "layers.0.mlp.up.weight")
    return {name: random.standard_normal((rows, columns), np.float32) for name in names} | {
        "norm.weight": random.standard_normal(columns, np.float32)
    }
