"""A torch checkpoint that holds tensors and nothing else: which bytes are which tensor, without unpickling.

A stored ZIP with `data.pkl` (a pickle of a dict of tensors) and `data/KEY` (the bytes of each storage). Only the
opcodes and names that `torch.save` writes for a state dict are read; anything else is a problem, never a guess. Source:
torch's serialization.py and _utils.py (2.13).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats import zips
from secpipe.formats.problem import Problem, Unreadable, read_at
from secpipe.formats.safetensors import DTYPE_BITS, elements_of
from secpipe.formats.zips import Member

_STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
    "ByteStorage": "U8", "BoolStorage": "BOOL",
}  # fmt: skip
_NAMES = {
    "collections OrderedDict": "dict", "torch._utils _rebuild_tensor_v2": "tensor",
    "torch._utils _rebuild_parameter": "parameter",
} | {f"torch {name}": kind for name, kind in _STORAGES.items()}  # fmt: skip
_MARK = object()


@dataclass(frozen=True, slots=True)
class StateTensor:
    """One tensor: `kind` as safetensors names it, `start` its first byte in the file."""

    name: str
    kind: str
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class StateDict:
    """The tensors, or the problem that keeps the file from being read."""

    tensors: tuple[StateTensor, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Named:
    word: str


@dataclass(frozen=True, slots=True)
class _Storage:
    kind: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]


def looks_like(head: bytes) -> bool:
    """Tell whether the first bytes can be a checkpoint: those of a ZIP."""
    return head[:4] == b"PK\x03\x04"


def read(file: BinaryIO, limits: Limits = DEFAULT) -> StateDict:
    """Return where the tensors of a checkpoint lie; a fault is the value's one problem.

    Raises InputError where the file itself cannot be read.
    """
    try:
        archive = zips.read(file, limits)
        if archive.faults or archive.hidden or archive.start:
            raise Unreadable("zip", "the archive shows two readers different files")
        members = {one.name: one for one in archive.members}
        pickles = [name for name in members if name.endswith("/data.pkl")]
        if len(pickles) != 1 or len(members) != len(archive.members):
            raise Unreadable("zip", "the archive holds no data.pkl, or several")
        root = pickles[0].removesuffix("data.pkl")
        _little(file, members.get(f"{root}byteorder"))
        body = _stored(members[pickles[0]], limits.header_json_bytes)
        table = _Reader(read_at(file, body.start, body.size, "data.pkl"), limits.header_items).value()
        return StateDict(tuple(_placed(name, one, members, root) for name, one in table.items()))
    except Unreadable as stop:
        return StateDict((), (stop.problem,))
    except (AttributeError, IndexError, KeyError, struct.error, TypeError, ValueError):
        return StateDict((), (Problem("pickle", "data.pkl is no plain dict of tensors", fatal=True),))


def _little(file: BinaryIO, member: Member | None) -> None:
    if member is not None and read_at(file, _stored(member, 64).start, member.size, "byteorder") != b"little":
        raise Unreadable("byteorder", "the checkpoint is not little-endian")


def _stored(member: Member, most: int) -> Member:
    if (
        member.method != 0
        or member.encrypted
        or member.start < 0
        or member.size != member.compressed
        or member.size > most
    ):
        raise Unreadable("zip", f"{member.name!a:.120} is packed, or too large")
    return member


def _placed(name: Any, found: Any, members: dict[str, Member], root: str) -> StateTensor:
    if not isinstance(name, str) or not isinstance(found, _Tensor):
        raise Unreadable("pickle", "the checkpoint holds other things than tensors")
    storage = found.storage
    member = _stored(members[f"{root}data/{storage.key}"], 1 << 62)
    width = DTYPE_BITS[storage.kind] // 8
    if member.size != storage.count * width or found.offset + elements_of(found.shape) > storage.count:
        raise Unreadable("tensor", f"tensor {name!a:.120} does not fit its storage")
    return StateTensor(name, storage.kind, found.shape, member.start + found.offset * width)


class _Reader:
    """Reads the one pickle; every opcode that is not here is refused."""

    def __init__(self, data: bytes, most: int) -> None:
        self.data, self.at, self.left = data, 0, most * 16
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def value(self) -> dict[str, Any]:
        while (code := self.take(1)) != b".":
            self.left -= 1
            if self.left < 0 or code not in _OPCODES:
                raise Unreadable(
                    "pickle", f"data.pkl holds the opcode {code!a}, which no state dict needs", self.at - 1
                )
            _OPCODES[code](self)
        (found,) = self.stack
        if self.at != len(self.data) or not isinstance(found, dict):
            raise Unreadable("pickle", "data.pkl is no plain dict of tensors")
        return found

    def protocol(self) -> None:
        if self.number("B") not in (2, 3):
            raise Unreadable("pickle", "data.pkl is of a protocol that torch does not write")

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        if len(part) != count:
            raise Unreadable("truncated", "data.pkl ends inside an opcode", self.at)
        self.at += count
        return part

    def number(self, form: str) -> int:
        found: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return found

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        part = self.data[self.at : end]
        self.at = end + 1
        return part.decode("ascii")

    def marked(self) -> list[Any]:
        at = next((place for place in range(len(self.stack) - 1, -1, -1) if self.stack[place] is _MARK), -1)
        if at < 0:
            raise IndexError
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def push_global(self) -> None:
        word = f"{self.line()} {self.line()}"
        if word not in _NAMES:
            raise Unreadable("pickle", f"data.pkl names {word!a:.120}, which no state dict needs", self.at)
        self.stack.append(_Named(_NAMES[word]))

    def items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(target, dict) or key in target:
                raise Unreadable("duplicate-key", f"the key {key!a:.120} stands twice")
            target[key] = value

    def tuple_of(self, count: int) -> None:
        parts = tuple(self.stack[len(self.stack) - count :]) if count else ()
        del self.stack[len(self.stack) - count :]
        if len(parts) != count or any(part is _MARK for part in parts):
            raise IndexError
        self.stack.append(parts)

    def storage(self) -> None:
        word, kind, key, _, count = self.stack.pop()
        if word != "storage" or kind.word not in DTYPE_BITS or not isinstance(key, str) or not _natural(count):
            raise TypeError
        self.stack.append(_Storage(kind.word, key, count))

    def call(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if called.word == "dict" and arguments == ():
            self.stack.append({})
        elif called.word == "parameter" and isinstance(arguments[0], _Tensor):
            self.stack.append(arguments[0])
        elif called.word == "tensor":
            storage, offset, shape, strides = arguments[:4]
            if not isinstance(storage, _Storage) or not _natural(offset) or not all(map(_natural, (*shape, *strides))):
                raise TypeError
            if not _contiguous(shape, strides):
                raise Unreadable("stride", "a tensor is not laid out row by row")
            self.stack.append(_Tensor(storage, offset, tuple(shape)))
        else:
            raise TypeError

    def build(self) -> None:
        """A state dict carries `_metadata` as an attribute, which says nothing of weights."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict):
            raise TypeError


def _natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    if len(shape) != len(strides):
        return False
    wanted = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
    return 0 in shape or all(size == 1 or have == want for size, have, want in zip(shape, strides, wanted, strict=True))


def _push(value: Callable[[_Reader], Any]) -> Callable[[_Reader], None]:
    return lambda reader: reader.stack.append(value(reader))


_OPCODES: dict[bytes, Callable[[_Reader], None]] = {
    b"\x80": lambda reader: reader.protocol(),
    b"c": _Reader.push_global,
    b"}": _push(lambda reader: {}),
    b"(": _push(lambda reader: _MARK),
    b"X": _push(lambda reader: reader.take(reader.number("<I")).decode()),
    b"\x8c": _push(lambda reader: reader.take(reader.number("B")).decode()),
    b"K": _push(lambda reader: reader.number("B")),
    b"M": _push(lambda reader: reader.number("<H")),
    b"J": _push(lambda reader: reader.number("<i")),
    b"\x8a": _push(lambda reader: int.from_bytes(reader.take(reader.number("B")), "little", signed=True)),
    b"N": _push(lambda reader: None),
    b"\x88": _push(lambda reader: True),
    b"\x89": _push(lambda reader: False),
    b")": _push(lambda reader: ()),
    b"\x85": lambda reader: reader.tuple_of(1),
    b"\x86": lambda reader: reader.tuple_of(2),
    b"\x87": lambda reader: reader.tuple_of(3),
    b"t": lambda reader: reader.stack.append(tuple(reader.marked())),
    b"Q": _Reader.storage,
    b"R": _Reader.call,
    b"b": _Reader.build,
    b"s": lambda reader: reader.items([reader.stack.pop(-2), reader.stack.pop()]),
    b"u": lambda reader: reader.items(reader.marked()),
    b"q": lambda reader: reader.memo.__setitem__(reader.number("B"), reader.stack[-1]),
    b"r": lambda reader: reader.memo.__setitem__(reader.number("<I"), reader.stack[-1]),
    b"h": _push(lambda reader: reader.memo[reader.number("B")]),
    b"j": _push(lambda reader: reader.memo[reader.number("<I")]),
}
