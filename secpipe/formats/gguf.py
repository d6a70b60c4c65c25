"""GGUF: the header of a llama.cpp model file (versions 1 to 3, both byte orders), without reading a weight.

`GGUF`, version, tensor count, key-value count, key-values, tensor table, then the data at a multiple of
`general.alignment`. Long arrays (a tokenizer's vocabulary) are walked, not kept.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.ggml import FILE_TYPES, TENSOR_TYPES
from secpipe.formats.problem import Extent, Problem, Unreadable, check_extents, read_at, script_sign
from secpipe.formats.safetensors import elements_of

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_KEPT = 16  # elements kept of an array
_DEPTH = 4  # arrays in arrays
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class GgufArray:
    """An array value: its whole length, its first elements."""

    count: int
    first: tuple[Value, ...]


Value = int | float | bool | str | GgufArray


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor: `kind` is the ggml type's name, `offset` counts from the data area."""

    name: str
    kind: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Gguf:
    """What the header says; `problems` lists structural faults; `origin` is the byte where the data area begins."""

    version: int = 0
    big_endian: bool = False
    metadata: Mapping[str, Value] = field(default_factory=dict)
    tensors: tuple[GgufTensor, ...] = ()
    problems: tuple[Problem, ...] = ()
    origin: int = 0

    @property
    def parameters(self) -> int:
        """The number of elements of all tensors."""
        return sum(elements_of(tensor.shape) for tensor in self.tensors)

    @property
    def kinds(self) -> dict[str, int]:
        """Elements by ggml type, most first."""
        counts: Counter[str] = Counter()
        for tensor in self.tensors:
            counts[tensor.kind] += elements_of(tensor.shape)
        return dict(counts.most_common())

    @property
    def quantization(self) -> str:
        """The file type's name (`Q4_K_M`), or the type most elements have."""
        named = self.metadata.get("general.file_type")
        if isinstance(named, int) and named in FILE_TYPES:
            return FILE_TYPES[named]
        return next(iter(self.kinds), "")

    @property
    def chat_templates(self) -> dict[str, str]:
        """The Jinja templates the file carries, by name; the unnamed one is `default`."""
        stem = "tokenizer.chat_template"
        found: dict[str, str] = {}
        for key, value in self.metadata.items():
            name = key.removeprefix(stem).lstrip(".") or "default"
            if key.startswith(stem) and isinstance(value, str):
                found[name] = value
            elif key.startswith(stem) and isinstance(value, GgufArray):
                found |= {f"{name} {n}": text for n, text in enumerate(value.first) if isinstance(text, str)}
        return found

    def text(self, key: str) -> str:
        """Return the string stored under `key`, or ""."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""


class _Cursor:
    """Reads forward through a buffer; every read is checked against the file's size and the header bound."""

    def __init__(self, file: BinaryIO, size: int, limits: Limits) -> None:
        self._file, self._size, self._limits = file, size, limits
        self._buffer, self._start, self.order = b"", 0, "<"
        self.at = 0
        self.items = 0

    def take(self, count: int, what: str) -> bytes:
        if self.at + count > min(self._size, self._limits.header_bytes):
            if self.at + count > self._size:
                raise Unreadable("truncated", f"the file ends inside {what}", self.at)
            raise Unreadable(
                "header-overflow", f"the header is larger than {self._limits.header_bytes:,} bytes", self.at
            )
        low = self.at - self._start
        if low < 0 or low + count > len(self._buffer):
            self._start = self.at
            self._buffer = read_at(self._file, self.at, min(max(count, _CHUNK), self._size - self.at), what)
            low = 0
        self.at += count
        return self._buffer[low : low + count]

    def number(self, code: str, what: str) -> int:
        form = self.order + code
        value: int = struct.unpack(form, self.take(struct.calcsize(form), what))[0]
        return value

    def skip(self, count: int, what: str) -> None:
        if count > self._size - self.at:
            raise Unreadable("truncated", f"{what} claims {count:,} bytes, more than the file has", self.at)
        if self.at + count > self._limits.header_bytes:
            raise Unreadable(
                "header-overflow", f"the header is larger than {self._limits.header_bytes:,} bytes", self.at
            )
        self.at += count

    def spend(self, count: int, what: str) -> None:
        self.items += count
        if self.items > self._limits.walked_items:
            raise Unreadable("header-overflow", f"{what} goes over {self._limits.walked_items:,} values", self.at)

    def length(self, version: int, what: str) -> int:
        return self.number("I" if version == 1 else "Q", what)

    def skip_strings(self, count: int, version: int, what: str) -> None:
        """Step over strings: a vocabulary holds half a million, so this is the one tight loop."""
        form = struct.Struct(self.order + ("I" if version == 1 else "Q"))
        width = form.size
        while count:
            self.take(width, what)  # fills the buffer and checks the bounds
            buffer, at = self._buffer, self.at - width - self._start
            limit, room = self._limits.string_bytes, len(buffer) - width
            while count and at <= room:
                (length,) = form.unpack_from(buffer, at)
                if length > limit:
                    raise Unreadable("count-overflow", f"{what} claims a string of {length:,} bytes", self._start + at)
                at += width + length
                count -= 1
            self.at = self._start + at
            if self.at > self._size:
                raise Unreadable("truncated", f"the file ends inside {what}", self._size)

    def string(self, version: int, what: str) -> bytes:
        start, count = self.at, self.length(version, what)
        if count > self._limits.string_bytes:
            raise Unreadable("count-overflow", f"{what} claims a string of {count:,} bytes", start)
        return self.take(count, what)


def looks_like(head: bytes) -> bool:
    """Tell whether the first bytes are GGUF's magic."""
    return head[:4] == b"GGUF"


def read(file: BinaryIO, size: int, limits: Limits = DEFAULT) -> Gguf:
    """Read the header of a GGUF file of `size` bytes.

    Faults of the file are `problems` of the value, a fatal one last; raises InputError only where the file itself
    cannot be read.
    """
    cursor = _Cursor(file, size, limits)
    problems: list[Problem] = []
    metadata: dict[str, Value] = {}
    tensors: list[GgufTensor] = []
    version = origin = 0
    try:
        version, tensor_count, pair_count = _counts(cursor, size)
        _pairs(cursor, version, pair_count, metadata, problems)
        _tensors(cursor, version, tensor_count, tensors, problems)
        origin = _layout(metadata, tensors, cursor.at, size, problems)
    except Unreadable as stop:
        problems.append(stop.problem)
    return Gguf(version, cursor.order == ">", metadata, tuple(tensors), tuple(problems), origin)


def _counts(cursor: _Cursor, size: int) -> tuple[int, int, int]:
    if cursor.take(4, "the magic") != b"GGUF":
        raise Unreadable("magic", "the file does not begin with GGUF", 0)
    version = cursor.number("I", "the version")
    if version & 0xFFFF == 0 and version:
        cursor.order, cursor.at = ">", 4
        version = cursor.number("I", "the version")
    if version not in {1, 2, 3}:
        raise Unreadable("version", f"version {version} of GGUF is not known", 4)
    tensor_count = cursor.length(version, "the tensor count")
    pair_count = cursor.length(version, "the key-value count")
    # The smallest tensor entry and the smallest pair: a count beyond this cannot be true.
    if tensor_count * 20 > size or pair_count * 9 > size:
        raise Unreadable("count-overflow", f"{tensor_count:,} tensors and {pair_count:,} values cannot fit", 8)
    cursor.spend(tensor_count + pair_count, "the header")
    return version, tensor_count, pair_count


def _pairs(cursor: _Cursor, version: int, count: int, metadata: dict[str, Value], problems: list[Problem]) -> None:
    for _ in range(count):
        start = cursor.at
        key = _text(cursor.string(version, "a key"), "a key", start, problems)
        value = _value(cursor, version, cursor.number("I", f"the type of {key!a:.80}"), f"{key!a:.80}", problems, 0)
        if key in metadata:
            problems.append(Problem("duplicate-key", f"key {key!a:.120} stands twice", start))
        else:
            metadata[key] = value
        if isinstance(value, str) and not key.startswith("tokenizer.") and (sign := script_sign(value)):
            problems.append(Problem("script-text", f"{key!a:.80} holds what looks like code: {sign!a}", start))


def _value(cursor: _Cursor, version: int, kind: int, what: str, problems: list[Problem], depth: int) -> Value:
    start = cursor.at
    if kind in _SCALARS:
        return cursor.number(_SCALARS[kind], what)
    if kind == _STRING:
        return _text(cursor.string(version, what), what, start, problems)
    if kind != _ARRAY:
        raise Unreadable("type", f"{what} has the unknown type {kind}", start)
    if depth >= _DEPTH:
        raise Unreadable("depth", f"{what} holds arrays nested deeper than {_DEPTH}", start)
    inner = cursor.number("I", what)
    count = cursor.length(version, what)
    kept = min(count, _KEPT)
    if inner in _SCALARS:
        width = struct.calcsize("<" + _SCALARS[inner])
        if count * width > 1 << 62:
            raise Unreadable("count-overflow", f"{what} claims {count:,} values", start)
        first = tuple(cursor.number(_SCALARS[inner], what) for _ in range(kept))
        cursor.skip((count - kept) * width, what)
        return GgufArray(count, first)
    cursor.spend(count, what)
    values = tuple(_value(cursor, version, inner, what, problems, depth + 1) for _ in range(kept))
    if inner == _STRING:
        cursor.skip_strings(count - kept, version, what)
    else:
        for _ in range(count - kept):
            _value(cursor, version, inner, what, problems, depth + 1)
    return GgufArray(count, values)


def _tensors(cursor: _Cursor, version: int, count: int, tensors: list[GgufTensor], problems: list[Problem]) -> None:
    seen: set[str] = set()
    for _ in range(count):
        start = cursor.at
        name = _text(cursor.string(version, "a tensor's name"), "a tensor's name", start, problems)
        dimensions = cursor.number("I", "a tensor's rank")
        if dimensions > 8:
            raise Unreadable("rank", f"tensor {name!a:.120} claims {dimensions:,} dimensions", start)
        shape = tuple(cursor.length(version, "a tensor's shape") for _ in range(dimensions))
        kind = cursor.number("I", "a tensor's type")
        offset = cursor.number("Q", "a tensor's offset")
        if name in seen:
            problems.append(Problem("duplicate-key", f"tensor {name!a:.120} stands twice", start))
        seen.add(name)
        tensors.append(
            GgufTensor(name, TENSOR_TYPES[kind].name if kind in TENSOR_TYPES else f"type-{kind}", shape, offset)
        )
        if len(problems) > 100:
            raise Unreadable("tensor", "too many faulty entries", start)


def _layout(
    metadata: Mapping[str, Value], tensors: list[GgufTensor], end: int, size: int, problems: list[Problem]
) -> int:
    """Report what is wrong with the places of the tensors; return where the data area begins, 0 where nobody knows."""
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        problems.append(Problem("alignment", f"general.alignment is {alignment!a:.40}, not a power of two"))
        return 0
    origin = -(-end // alignment) * alignment
    types = {kind.name: kind for kind in TENSOR_TYPES.values()}
    extents = []
    for tensor in tensors:
        if tensor.offset % alignment:
            problems.append(Problem("alignment", f"tensor {tensor.name!a:.120} is not aligned", origin + tensor.offset))
        kind = types.get(tensor.kind)
        elements = elements_of(tensor.shape)
        if kind is None:
            problems.append(Problem("type", f"tensor {tensor.name!a:.120} has an unknown type ({tensor.kind})"))
        elif tensor.shape and tensor.shape[0] % kind.block:
            problems.append(Problem("tensor", f"tensor {tensor.name!a:.120} does not fill whole blocks of {kind.name}"))
        length = elements // kind.block * kind.bytes if kind else 1
        extents.append(Extent(tensor.offset, tensor.offset + length, tensor.name))
        if len(problems) > 100:
            return origin
    if any(tensor.kind not in types for tensor in tensors):
        return origin  # a tensor of unknown length: holes and ends cannot be judged
    if tensors or size > origin:
        check_extents(extents, max(size - origin, 0), origin, problems.append, padding=alignment - 1)
    return origin


def _text(data: bytes, what: str, offset: int, problems: list[Problem]) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        problems.append(Problem("encoding", f"{what} is not UTF-8", offset))
        if len(problems) > 100:
            raise Unreadable("encoding", "too many faulty strings", offset) from None
        return data.decode("utf-8", "backslashreplace")
