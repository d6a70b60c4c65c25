"""Weights as numbers: read, cast, quantised and compared. The only importer of numpy and gguf (docs/adr/0048)."""

from __future__ import annotations

from functools import cache
from typing import Any

from secpipe.core.errors import MissingDependency
from secpipe.formats.ggml import TENSOR_TYPES

#: An array of numpy; no other file knows its type.
Array = Any
#: Kind of a float -> the relative error of rounding to it (half a unit in the last place).
ROUNDING = {
    "F64": 2.0**-53, "F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8, "F8_E4M3": 2.0**-4, "F8_E5M2": 2.0**-3,
}  # fmt: skip
#: Kind of a float -> the smallest step near zero, below which rounding is absolute.
_SMALLEST = {
    "F64": 2.0**-1074,
    "F32": 2.0**-149,
    "F16": 2.0**-24,
    "BF16": 2.0**-133,
    "F8_E4M3": 2.0**-9,
    "F8_E5M2": 2.0**-16,
}
#: Block-quantised kinds whose reference quantiser gguf carries -> where in each block its scale stands.
SCALED = {
    "Q4_0": (0, 2), "Q4_1": (0, 4), "Q5_0": (0, 2), "Q5_1": (0, 4), "Q8_0": (0, 2),
    "TQ1_0": (52, 54), "TQ2_0": (64, 66), "MXFP4": (0, 1),
}  # fmt: skip
_BLOCKED = {kind.name: kind for kind in TENSOR_TYPES.values() if kind.block > 1}
_SUPER = 256
_HINT = "pip install 'secpipe[lineage]'"


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        raise MissingDependency("weights cannot be recomputed without numpy", hint=_HINT) from None
    return numpy


@cache
def _gguf() -> Any:
    try:
        import gguf
    except ImportError:
        raise MissingDependency("GGUF cannot be recomputed without gguf", hint=_HINT) from None
    return gguf


def is_real(kind: str) -> bool:
    """Whether the values of a kind can be read as numbers."""
    return kind in ROUNDING or kind in _BLOCKED


def real(data: bytes, kind: str) -> Array:
    """Return the values as float32 (float64 of F64), exactly; block-quantised ones as their dequantiser gives them."""
    np = _numpy()
    if kind == "F64":
        return np.frombuffer(data, "<f8")
    if kind == "F32":
        return np.frombuffer(data, "<f4")
    if kind == "F16":
        return np.frombuffer(data, "<f2").astype(np.float32)
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if kind in ROUNDING:
        return np.asarray(_table(kind), np.float32)[np.frombuffer(data, np.uint8)]
    rows = np.frombuffer(data, np.uint8).reshape(-1, _BLOCKED[kind].bytes)
    with np.errstate(all="ignore"):
        return _gguf().quants.dequantize(rows, _gguf().GGMLQuantizationType[kind]).reshape(-1)


def packed(values: Array, kind: str) -> bytes | None:
    """Return the values rounded to a kind as everybody rounds (to nearest, ties to even; blocks as ggml's reference
    does), None where no reference is at hand."""
    np = _numpy()
    with np.errstate(all="ignore"):
        if kind in ("F64", "F32", "F16"):
            return bytes(values.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2"}[kind], copy=False).tobytes())
        if kind == "BF16":
            return _to_bf16(values.astype(np.float32, copy=False))
        if kind in ROUNDING:
            return _to_f8(values, kind)
        try:
            rows = values.astype(np.float32, copy=False).reshape(-1, _BLOCKED[kind].block)
            return bytes(_gguf().quants.quantize(rows, _gguf().GGMLQuantizationType[kind]).tobytes())
        except (NotImplementedError, KeyError):
            return None


def _to_bf16(values: Array) -> bytes:
    np = _numpy()
    bits = values.view(np.uint32)
    rounded = bits >> 16
    rounded &= 1
    rounded += 0x7FFF
    rounded += bits
    rounded >>= 16
    found = rounded.astype("<u2")
    if not np.isfinite(values).all():
        found = np.where(np.isnan(values), (bits >> 16 | 0x40).astype("<u2"), found)
    return bytes(found.tobytes())


def truncated(values: Array) -> bytes:
    """Return float32 values as BF16 with the lower half cut off, as older converters did."""
    return bytes((values.view(_numpy().uint32) >> 16).astype("<u2").tobytes())


@cache
def _table(kind: str) -> tuple[float, ...]:
    """Return the value of each code of an 8-bit float (OCP 8-bit floating point specification, 2023)."""
    mantissa, bias = (3, 7) if kind == "F8_E4M3" else (2, 15)
    found = []
    for code in range(256):
        power, part = (code & 0x7F) >> mantissa, code & ((1 << mantissa) - 1)
        size = (
            part / (1 << mantissa) * 2.0 ** (1 - bias)
            if not power
            else (1 + part / (1 << mantissa)) * 2.0 ** (power - bias)
        )
        if kind == "F8_E4M3" and code & 0x7F == 0x7F:
            size = float("nan")
        elif kind == "F8_E5M2" and power == 31:
            size = float("nan") if part else float("inf")
        found.append(-size if code & 0x80 else size)
    return tuple(found)


def _to_f8(values: Array, kind: str) -> bytes:
    np = _numpy()
    top = 0x7F if kind == "F8_E4M3" else 0x7C  # what lies beyond the largest number: NaN, or infinity
    sizes = np.asarray(_table(kind)[: top + 1])
    sizes[top] = 480.0 if kind == "F8_E4M3" else 65536.0
    middles = (sizes[1:] + sizes[:-1]) / 2
    size = np.abs(values.astype(np.float64))
    code = np.searchsorted(middles, size, "left")
    tie = (code < top) & (code % 2 == 1)
    tie[tie] = size[tie] == middles[code[tie]]
    code = np.where(np.isnan(values), 0x7F, code + tie)
    return bytes((code | np.signbit(values).astype(np.int64) << 7).astype(np.uint8).tobytes())


def wide(values: Array) -> Array:
    """Return the values as float64."""
    return values.astype(_numpy().float64)


def narrow(values: Array) -> Array:
    """Return the values as float32."""
    return values.astype(_numpy().float32, copy=False)


def first_beyond(found: bytes, kind: str, want: Array, slack: Array | float) -> int | None:
    """Return the first element that lies farther from `want` (float64) than `slack` and the step near zero allow."""
    np = _numpy()
    with np.errstate(all="ignore"):
        have = wide(real(found, kind))
        good = (np.abs(have - want) <= slack + _SMALLEST.get(kind, 0.0)) & np.isfinite(slack)
        good |= (have == want) | (np.isnan(have) & np.isnan(want))
    return None if good.all() else int(np.argmin(good))


def first_not_nearest(found: bytes, kind: str, want: Array) -> int | None:
    """Return the first element that is another number than `want` (exact) rounded to nearest, ties to even.

    Two zeros are one number, and so are two NaN: converters differ in their bits.
    """
    np = _numpy()
    best = packed(want, kind)
    if best is None:
        return 0
    with np.errstate(all="ignore"):
        nearest, have = real(best, kind), real(found, kind)
        good = (have == nearest) | (np.isnan(have) & np.isnan(want))
    return None if good.all() else int(np.argmin(good))


def first_off_scale(found: bytes, kind: str, want: Array) -> int | None:
    """Return the first element of a block-quantised tensor whose code does not follow from the scale of its block.

    Where a block has the scale that the reference quantiser gives it, each code must be the reference's or one that
    lies at least as near. A block of another scale is left to the bounds.
    """
    best = packed(want, kind)
    if best is None or best == found or kind not in SCALED:
        return None
    np, row = _numpy(), _BLOCKED[kind]
    have, reference = (np.frombuffer(one, np.uint8).reshape(-1, row.bytes) for one in (found, best))
    scale = slice(*SCALED[kind])
    same = (have[:, scale] == reference[:, scale]).all(axis=1).repeat(row.block)
    exact = wide(want)
    with np.errstate(all="ignore"):
        far = np.abs(wide(real(found, kind)) - exact) > np.abs(wide(real(best, kind)) - exact) * (1 + 1e-6)
    bad = same & far
    return int(np.argmax(bad)) if bad.any() else None


def spread(found: bytes, kind: str, want: Array) -> tuple[Array, float, float]:
    """Return each element's error as a share of the largest magnitude of its 256, and the sums of squares of error and
    parent."""
    np = _numpy()
    with np.errstate(all="ignore"):
        exact = wide(want)
        error = np.abs(wide(real(found, kind)) - exact)
        pad = -len(exact) % _SUPER
        most = np.abs(np.pad(exact, (0, pad)).reshape(-1, _SUPER)).max(axis=1).repeat(_SUPER)[: len(exact)]
        share = np.where(error == 0, 0.0, np.where(np.isfinite(most), error / most, np.inf))
        return share, float((error**2).sum()), float((exact**2).sum())


def first_above(share: Array, limit: float) -> int | None:
    """Return the first element whose share is above the limit, or is no number."""
    good = share <= limit
    return None if good.all() else int(_numpy().argmin(good))


def product(up: Array, down: Array) -> Array:
    """Return the matrix product."""
    with _numpy().errstate(all="ignore"):
        return up @ down


def joined(arrays: list[Array], axis: int) -> Array:
    """Return arrays side by side (1) or one below the other (0)."""
    return _numpy().concatenate(arrays, axis)


def squares(up: Array, down: Array) -> float:
    """Return the sum of squares of the product of two factors, without making it."""
    with _numpy().errstate(all="ignore"):
        return float(((up.T @ up) * (down @ down.T)).sum())


def magnitude(values: Array) -> Array:
    """Return the absolute values."""
    return _numpy().abs(values)


def dot(one: Array, other: Array) -> float:
    """Return the sum of products."""
    with _numpy().errstate(all="ignore"):
        return float((one * other).sum())


def heads_apart(data: bytes, heads: int, row: int) -> bytes:
    """Return rows reordered as the GGUF converter does: in each head the halves of a rotation side by side.

    `data` is a whole number of heads of `row` bytes a row. Source: `permute` of convert_hf_to_gguf.py.
    """
    np = _numpy()
    parts = np.frombuffer(data, np.uint8).reshape(heads, 2, -1, row)
    return bytes(parts.swapaxes(1, 2).tobytes())


def heads_together(data: bytes, heads: int, row: int) -> bytes:
    """Return rows in the order before `heads_apart`."""
    np = _numpy()
    parts = np.frombuffer(data, np.uint8).reshape(heads, -1, 2, row)
    return bytes(parts.swapaxes(1, 2).tobytes())


def gguf_name(architecture: str, blocks: int, name: str) -> str:
    """Return what GGUF calls a tensor of that architecture, or ""."""
    module = _gguf()
    known = {text: number for number, text in module.MODEL_ARCH_NAMES.items()}
    if architecture not in known:
        return ""
    return str(_names(known[architecture], blocks).get_name(name, try_suffixes=(".weight", ".bias")) or "")


@cache
def _names(architecture: Any, blocks: int) -> Any:
    return _gguf().get_tensor_name_map(architecture, blocks)
