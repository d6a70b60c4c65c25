"""The tensors of a model on disk (safetensors, GGUF, torch checkpoints; one file or shards), read in pieces."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.formats import gguf, safetensors, statedict
from secpipe.formats.ggml import TENSOR_TYPES
from secpipe.formats.kinds import promises, unread
from secpipe.formats.problem import Problem, Unreadable, read_at
from secpipe.formats.safetensors import DTYPE_BITS, elements_of
from secpipe.formats.sniff import is_text

#: Files of one model that are open at once.
_SHARDS = 1024
_TYPES = {kind.name: kind for kind in TENSOR_TYPES.values()}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: `kind` as safetensors or ggml names it, `shape` row-major, `start` the byte in its file."""

    name: str
    kind: str
    shape: tuple[int, ...]
    file: str
    start: int

    @property
    def elements(self) -> int:
        """The number of elements."""
        return elements_of(self.shape)


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of one model by name; `architecture` and `facts` are what a GGUF header says. Open while in use."""

    name: str
    tensors: Mapping[str, Tensor]
    files: Mapping[str, BinaryIO] = field(repr=False)
    architecture: str = ""
    facts: Mapping[str, int] = field(default_factory=dict)
    others: tuple[str, ...] = ()  # weights of other formats in the same folder, which nobody compares

    def read(self, tensor: Tensor, first: int, count: int) -> bytes:
        """Return the bytes of `count` elements from element `first` on, both at whole blocks."""
        start, size = size_of(tensor.kind, first), size_of(tensor.kind, count)
        try:
            return read_at(self.files[tensor.file], tensor.start + start, size, f"tensor {printable(tensor.name, 120)}")
        except Unreadable as stop:
            raise InputError(stop.problem.message) from None


def size_of(kind: str, count: int) -> int:
    """Return the bytes that `count` elements of a kind take: whole blocks, a last byte that is not full as well."""
    if kind in _TYPES:
        return count // _TYPES[kind].block * _TYPES[kind].bytes
    return (count * DTYPE_BITS[kind] + 7) // 8


def count_of(kind: str, size: int) -> int:
    """Return how many elements some bytes of a kind are; whole blocks."""
    block = block_of(kind)
    return size // size_of(kind, block) * block


def block_of(kind: str) -> int:
    """Return the elements of one block of a kind, 1 where each stands alone, 2 where two share a byte."""
    return _TYPES[kind].block if kind in _TYPES else 1 if DTYPE_BITS[kind] >= 8 else 8


@contextlib.contextmanager
def opened(tree: Tree, name: str) -> Iterator[Weights]:
    """Yield the weights in a walked file or folder, open for reading.

    Raises InputError for what is none of these formats, for structural faults, for a tensor that stands twice, and
    where a file changed since it was hashed.
    """
    found = [entry for entry in tree.files if _is_plain(entry)]
    found = found or [entry for entry in tree.files if _is_checkpoint(entry)]
    ours = {entry.path for entry in found}
    others = tuple(entry.path for entry in tree.files if entry.path not in ours and _is_weights(entry))
    if tree.skipped:
        raise InputError(f"{printable(tree.skipped[0].path)}: {tree.skipped[0].reason}")
    if not found:
        raise InputError(f"{printable(name)} holds no weights that are compared")
    if len(found) > _SHARDS:
        raise UnsafeInput(f"{printable(name)} holds more than {_SHARDS:,} files of weights")
    with contextlib.ExitStack() as stack:
        tensors: dict[str, Tensor] = {}
        files: dict[str, BinaryIO] = {}
        architecture, facts = "", dict[str, int]()
        for entry in found:
            file = files[entry.path] = stack.enter_context(tree.open(entry))
            if gguf.looks_like(entry.head):
                header = gguf.read(file, entry.size)
                listed = _of_gguf(entry, header)
                architecture = header.text("general.architecture") or architecture
                facts |= {key: value for key, value in header.metadata.items() if type(value) is int}
            elif statedict.looks_like(entry.head):
                listed = _of_checkpoint(entry, statedict.read(file))
            else:
                listed = _of_safetensors(entry, safetensors.read(file, entry.size))
            for tensor in listed:
                if tensor.name in tensors:
                    raise InputError(f"tensor {printable(tensor.name, 120)} stands twice in {printable(name)}")
                tensors[tensor.name] = tensor
        yield Weights(name, tensors, files, architecture, facts, others)


def _is_checkpoint(entry: FileEntry) -> bool:
    return statedict.looks_like(entry.head) and promises(entry.name, text=False)


def _is_plain(entry: FileEntry) -> bool:
    looks = gguf.looks_like(entry.head) or safetensors.looks_like(entry.head)
    return looks or entry.suffix in {".safetensors", ".gguf"}


def _is_weights(entry: FileEntry) -> bool:
    text = is_text(entry.head)
    return promises(entry.name, text=text) or bool(unread(entry.name, entry.head, text=text))


def _of_safetensors(entry: FileEntry, header: safetensors.Safetensors) -> list[Tensor]:
    _refuse(entry, header.problems)
    origin = 8 + header.header_bytes
    return [Tensor(one.name, one.dtype, one.shape, entry.path, origin + one.start) for one in header.tensors]


def _of_checkpoint(entry: FileEntry, header: statedict.StateDict) -> list[Tensor]:
    _refuse(entry, header.problems)
    return [Tensor(one.name, one.kind, one.shape, entry.path, one.start) for one in header.tensors]


def _of_gguf(entry: FileEntry, header: gguf.Gguf) -> list[Tensor]:
    _refuse(entry, header.problems)
    if header.big_endian:
        raise InputError(f"{printable(entry.path)} is big-endian, which nobody here compares")
    return [
        Tensor(one.name, one.kind, tuple(reversed(one.shape)), entry.path, header.origin + one.offset)
        for one in header.tensors
    ]


def _refuse(entry: FileEntry, problems: tuple[Problem, ...]) -> None:
    """A file whose structure is at fault may show one reader other bytes than another: nothing is proven of it."""
    told = [one for one in problems if one.kind != "script-text"]  # judged by the model scan
    if told:
        raise InputError(f"{printable(entry.path)}: {printable(told[-1].message)}")
