"""Safetensors: the header of a weight file, without reading a weight.

A little-endian u64 gives the length of a JSON header that starts with `{`: tensor name -> dtype, shape, data_offsets,
and a `__metadata__` of strings. The tensors must tile the rest of the file exactly.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.problem import Extent, Problem, Unreadable, check_extents, read_at, script_sign

#: dtype -> bits an element.
DTYPE_BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
_MAX_ELEMENTS = 1 << 63


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: `start` and `end` are byte offsets into the data area."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def elements(self) -> int:
        """The number of elements; 1 for a scalar."""
        return elements_of(self.shape)


@dataclass(frozen=True, slots=True)
class Safetensors:
    """What the header says. `header_bytes` excludes the 8 bytes of its length; `problems` lists structural faults."""

    header_bytes: int = 0
    tensors: tuple[Tensor, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def parameters(self) -> int:
        """The number of elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def dtypes(self) -> dict[str, int]:
        """Elements by dtype, most first."""
        counts: Counter[str] = Counter()
        for tensor in self.tensors:
            counts[tensor.dtype] += tensor.elements
        return dict(counts.most_common())


def looks_like(head: bytes) -> bool:
    """Tell whether the first bytes can be a safetensors file: a plausible length, then `{`."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 40


def elements_of(shape: tuple[int, ...]) -> int:
    """Return the product of `shape`, cut off above 2**63 so that a hostile shape costs nothing."""
    if 0 in shape:
        return 0
    product = 1
    for dimension in shape:
        product *= dimension
        if product > _MAX_ELEMENTS:
            return _MAX_ELEMENTS + 1
    return product


def read(file: BinaryIO, size: int, limits: Limits = DEFAULT) -> Safetensors:
    """Read the header of a safetensors file of `size` bytes.

    Faults of the file are `problems` of the value, a fatal one last; raises InputError only where the file itself
    cannot be read.
    """
    problems: list[Problem] = []
    length = 0
    tensors: list[Tensor] = []
    metadata: dict[str, str] = {}
    try:
        length = _length(file, size, limits)
        header = _header(read_at(file, 8, length, "the header"), limits)
        metadata = _metadata(header.pop("__metadata__", None), problems)
        for name, entry in header.items():
            if (tensor := _tensor(name, entry, problems)) is not None:
                tensors.append(tensor)
        extents = [Extent(tensor.start, tensor.end, tensor.name) for tensor in tensors]
        check_extents(extents, size - 8 - length, 8 + length, problems.append)
    except Unreadable as stop:
        problems.append(stop.problem)
    return Safetensors(length, tuple(tensors), metadata, tuple(problems))


def _length(file: BinaryIO, size: int, limits: Limits) -> int:
    length = int.from_bytes(read_at(file, 0, 8, "the header length"), "little")
    if length > size - 8:
        raise Unreadable("header-overflow", f"the header claims {length:,} bytes, the file has {size - 8:,}", 0)
    most = min(limits.header_bytes, limits.header_json_bytes)
    if length > most:
        raise Unreadable("header-overflow", f"the header is larger than {most:,} bytes", 0)
    return length


def _header(data: bytes, limits: Limits) -> dict[str, Any]:
    if not data.startswith(b"{"):
        raise Unreadable("header-not-json", "the header does not begin with {", 8)
    # Bound the work before the parser builds anything: each value follows one of these three.
    if data.count(b",") + data.count(b"[") + data.count(b"{") > limits.header_items:
        raise Unreadable("header-overflow", f"the header holds more than {limits.header_items:,} values", 8)
    try:
        header = parse_json(data, "the header", dataclasses.replace(limits, document_bytes=limits.header_bytes))
    except InputError as error:
        kind = "duplicate-key" if "stands twice" in error.message else "header-not-json"
        raise Unreadable(kind, error.message, 8) from None
    return dict(header)


def _metadata(value: Any, problems: list[Problem]) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        problems.append(Problem("metadata", "__metadata__ is not a table of strings", 8))
        value = {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}
    for key, text in value.items():
        if sign := script_sign(text) or script_sign(key):
            problems.append(Problem("script-text", f"__metadata__ {key!a:.80} holds what looks like code: {sign!a}", 8))
    return dict(value)


def _tensor(name: str, entry: Any, problems: list[Problem]) -> Tensor | None:
    def wrong(why: str) -> None:
        problems.append(Problem("tensor", f"tensor {name!a:.120} {why}", 8))

    if len(problems) > 100:
        raise Unreadable("tensor", "too many faulty tensors", 8)
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        wrong("has other fields than dtype, shape and data_offsets")
        return None
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not (isinstance(dtype, str) and _naturals(shape) and _naturals(offsets) and len(offsets) == 2):
        wrong("has a dtype, shape or offset of the wrong kind")
        return None
    start, end = offsets
    if start > end:
        wrong("ends before it begins")
        return None
    tensor = Tensor(name, dtype, tuple(shape), start, end)
    if dtype not in DTYPE_BITS:
        wrong(f"has the unknown dtype {dtype!a:.40}")
    elif tensor.elements > _MAX_ELEMENTS:
        wrong("has a shape that overflows")
        return None
    elif (tensor.elements * DTYPE_BITS[dtype] + 7) // 8 != end - start:
        wrong(f"takes {end - start:,} bytes, which its dtype and shape do not explain")
    return tensor


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < _MAX_ELEMENTS for item in value)
