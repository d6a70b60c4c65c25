"""The files inside archives and compressed streams, at any depth, as forward streams; nothing is unpacked to disk."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, MIB, Limits
from secpipe.formats import tars, zips
from secpipe.formats.compressed import Expander
from secpipe.formats.sniff import HEAD, sniff
from secpipe.formats.stream import Prefixed, Readable, at, upto, view

_STREAMS: Final = frozenset({"gzip", "bzip2", "xz", "lz4", "zstd"})
_CLOSED: Final = frozenset({"7z", "rar"})
_PACKED: Final = frozenset({"zip", "tar"}) | _STREAMS | _CLOSED
_MARKS: Final = (b"PK", b"\x1f\x8b", b"BZh", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
_PRESSED: Final = re.compile(r"(?i)\.(?:gz|bz2|xz|lz4|zst)$")
_IN_MEMORY: Final = 64 * MIB  # of a ZIP inside another archive, which must be seekable


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of an archive, or with `problem` why it, or the rest of the archive, cannot be read.

    `name` is its path inside; `stream` gives it from its beginning, until the next one is asked for.
    """

    name: str
    head: bytes = b""
    stream: Readable = field(default_factory=io.BytesIO)
    problem: str = ""


def may_be(head: bytes) -> bool:
    """Tell whether a file can be an archive by its first bytes: those of one, or no text; `kind_of` knows."""
    return b"\0" in head or head.startswith(_MARKS)


def kind_of(file: BinaryIO, size: int) -> str:
    """Return which archive or compressed stream a file is, "" for none; a ZIP is found from its end, too."""
    kind = sniff(at(file, 0, HEAD), size, pickles=False)
    if kind in _PACKED:
        return kind
    return "zip" if zips.find_end(file, size) >= 0 and zips.read(file).members else ""


def files(file: BinaryIO, kind: str, name: str, limits: Limits = DEFAULT) -> Iterator[Packed]:
    """Yield every file in an archive that is called `name`. Never raises InputError: a problem is a value.

    Reading a stream may raise InputError. At most `archive_bytes` are decompressed, of everything together.
    """
    file.seek(0)
    yield from _Unpacking(limits).packed(kind, file, _PRESSED.sub("", name.rpartition("/")[2]), "", 0)


class _Unpacking:
    """One archive and what is nested in it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.given = 0

    def packed(self, kind: str, file: BinaryIO | Readable, bare: str, folder: str, depth: int) -> Iterator[Packed]:
        """Yield the files of one archive; `bare` names what a compressed stream holds, `folder` comes before names."""
        if depth >= self.limits.nesting:
            yield Packed(folder, problem=f"archives nested deeper than {self.limits.nesting}")
        elif kind in _CLOSED:
            yield Packed(folder, problem="the archive is of a kind that cannot be looked into")
        else:
            try:
                if kind == "zip":
                    yield from self._zip(file, folder, depth)  # type: ignore[arg-type]
                elif kind == "tar":
                    for member, content in tars.members(file, self.limits):
                        if member.kind == "file":
                            yield from self._one(f"{folder}{member.name}", content, depth)
                else:
                    yield from self._one(f"{folder}{bare}", Expander(file, kind, self.limits), depth)
            except InputError as error:
                yield Packed(folder, problem=f"cannot be read to its end: {error.message}")

    def _zip(self, file: BinaryIO, folder: str, depth: int) -> Iterator[Packed]:
        archive = zips.read(file, self.limits)
        for fault in archive.faults:
            if fault.kind == "broken":
                yield Packed(folder, problem=fault.message)
        for member in (*archive.members, *archive.hidden):
            name = f"{folder}{member.name}"
            if member.name.endswith("/"):
                continue
            if member.encrypted or member.start < 0:
                yield Packed(name, problem="encrypted" if member.encrypted else "its bytes cannot be found")
                continue
            part = view(file, member.start, member.compressed)
            try:
                method = zips.METHODS.get(member.method, str(member.method))
                yield from self._one(name, Expander(part, method, self.limits) if member.method else part, depth)
            except InputError as error:
                yield Packed(name, problem=error.message)

    def _one(self, name: str, stream: Readable, depth: int) -> Iterator[Packed]:
        """Yield one file, or the files in it."""
        counted = _Counted(self, stream)
        head = upto(counted, HEAD)
        kind, whole = sniff(head, pickles=False), Prefixed(head, counted)
        if kind not in _PACKED:
            yield Packed(name, head[:64], whole)
            return
        inner: BinaryIO | Readable = whole
        if kind == "zip":
            data = upto(whole, _IN_MEMORY + 1)
            if len(data) > _IN_MEMORY:
                yield Packed(name, problem="a ZIP inside an archive is too large to be looked into")
                return
            inner = io.BytesIO(data)
        bare = _PRESSED.sub("", name.rpartition("/")[2])
        yield from self.packed(kind, inner, bare, f"{name}/", depth + 1)


class _Counted:
    """A stream whose bytes count for the archive as a whole."""

    def __init__(self, whole: _Unpacking, stream: Readable) -> None:
        self._whole, self._stream = whole, stream

    def read(self, count: int, /) -> bytes:
        data = self._stream.read(count)
        self._whole.given += len(data)
        if self._whole.given > self._whole.limits.archive_bytes:
            raise UnsafeInput(f"expands beyond {self._whole.limits.archive_bytes:,} bytes")
        return data
