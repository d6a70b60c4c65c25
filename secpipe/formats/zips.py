"""ZIP archives (APPNOTE 6.3), read twice: by the central directory as Python does, by local headers as streams do.

A loader that trusts one and a scanner that trusts the other see different files: each disagreement is a problem.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.stream import at, length, view

_EOCD: Final = struct.Struct("<4s4H2LH")
_EOCD64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64: Final = struct.Struct("<4sLQL")
_CENTRAL: Final = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL: Final = struct.Struct("<4s2B4HL2L2H")
_TAIL: Final = _EOCD.size + 0xFFFF
_FAULTS: Final = 200
_PIECES: Final = 10_000  # archives back to back in one file
_MAX32: Final = 0xFFFFFFFF

#: Compression methods by number; others are not read.
METHODS: Final = {0: "stored", 8: "deflate", 12: "bzip2", 14: "zip-lzma", 93: "zstd", 95: "xz"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A disagreement or irregularity; `kind` is mismatch, duplicate, encrypted, escape, link, broken or foreign."""

    kind: str
    message: str
    member: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """One file: `start` is where its (compressed) bytes begin, -1 where no local header leads there."""

    name: str
    method: int
    compressed: int
    size: int
    start: int
    encrypted: bool = False
    link: bool = False
    crc: int = 0


@dataclass(slots=True)
class Zip:
    """The members by the central directory, those that only local headers name, and all faults."""

    members: list[Member] = field(default_factory=list)
    hidden: list[Member] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    start: int = 0  # bytes before the archive
    end: int = 0  # where it ends

    def fault(self, kind: str, message: str, member: str = "", offset: int = 0) -> None:
        """Record a fault, up to a bound that a hostile archive reaches and that is a fault of its own."""
        if len(self.faults) == _FAULTS:
            self.faults.append(Fault("broken", f"more than {_FAULTS} faults"))
        elif len(self.faults) < _FAULTS:
            self.faults.append(Fault(kind, message, member, offset))


def find_end(file: BinaryIO, size: int) -> int:
    """Return the offset of the end-of-central-directory record, or -1."""
    start = max(0, size - _TAIL)
    tail = at(file, start, size - start)
    found = tail.rfind(b"PK\x05\x06")
    while found >= 0:
        if len(tail) - found >= _EOCD.size:
            return start + found
        found = tail.rfind(b"PK\x05\x06", 0, found)
    return -1


def pieces(file: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Return where each of the ZIP archives begins that fill a file back to back, and its length; none if they do not.

    PyTorch's distributed checkpoints are written so.
    """
    found: list[tuple[int, int]] = []
    end = size
    while end > 0 and len(found) < _PIECES:
        where = find_end(view(file, 0, end), end)
        if where < 0:
            return []
        record = _EOCD.unpack(at(file, where, _EOCD.size))
        _, directory_size, directory, shift_end = _zip64(file, where, record[4], record[5], record[6], Zip())
        start = shift_end - directory_size - directory
        if where + _EOCD.size + record[7] != end or not 0 <= start < end or at(file, start, 4) != b"PK\x03\x04":
            return []
        found.append((start, end - start))
        end = start
    return [] if end else found[::-1]


def read(file: BinaryIO, limits: Limits = DEFAULT) -> Zip:
    """Read the directory of a seekable ZIP archive. Faults are values; nothing is decompressed."""
    archive = Zip()
    size = length(file)
    end = find_end(file, size)
    if end < 0:
        archive.fault("broken", "the archive has no central directory")
        archive.hidden = list(_walk_local(file, 0, size, limits, archive))
        return archive
    record = _EOCD.unpack(at(file, end, _EOCD.size))
    count, directory_size, directory, comment = record[4], record[5], record[6], record[7]
    shift_end = end
    count, directory_size, directory, shift_end = _zip64(file, end, count, directory_size, directory, archive)
    archive.end = end + _EOCD.size + comment
    archive.start = shift_end - directory_size - directory
    if archive.start < 0:
        archive.fault("broken", "the central directory lies outside the archive", offset=end)
        archive.hidden = list(_walk_local(file, 0, size, limits, archive))
        return archive
    if archive.end < size:
        archive.fault("foreign", "bytes follow the archive", offset=archive.end)
    if archive.start:
        archive.fault("foreign", "bytes stand before the archive")
    _central(file, archive, archive.start + directory, directory_size, count, limits)
    known = {member.start for member in archive.members}
    for member in _walk_local(file, archive.start, archive.start + directory, limits, archive):
        if member.start not in known:
            archive.hidden.append(member)
            archive.fault("mismatch", "a file that the central directory does not list", member.name, member.start)
    return archive


def _zip64(file: BinaryIO, end: int, count: int, size: int, offset: int, archive: Zip) -> tuple[int, int, int, int]:
    """Return the count, size and offset of the directory and where its end records begin.

    Where a Zip64 locator stands, readers (zipfile, PyTorch) follow it even if the 32-bit fields would do, as zipfile
    itself writes them from 2 GiB on.
    """
    raw = at(file, max(0, end - _LOCATOR64.size), _LOCATOR64.size)
    if len(raw) < _LOCATOR64.size or raw[:4] != b"PK\x06\x07":
        return count, size, offset, end
    place = end - _LOCATOR64.size - _EOCD64.size  # where Python looks, whatever the locator says
    record = at(file, max(place, 0), _EOCD64.size)
    if len(record) < _EOCD64.size or record[:4] != b"PK\x06\x06":
        archive.fault("broken", "the Zip64 record is missing", offset=end)
        return count, size, offset, end
    fields = _EOCD64.unpack(record)
    if _LOCATOR64.unpack(raw)[2] != place:
        archive.fault("mismatch", "the Zip64 locator points elsewhere than where the record stands", offset=place)
    for plain, wide, most in ((count, fields[7], 0xFFFF), (size, fields[8], _MAX32), (offset, fields[9], _MAX32)):
        if plain not in (wide, most):
            archive.fault("mismatch", "the Zip64 record and the end record disagree about the directory", offset=place)
            break
    return fields[7], fields[8], fields[9], place


def _central(file: BinaryIO, archive: Zip, offset: int, size: int, count: int, limits: Limits) -> None:
    data = at(file, offset, min(size, limits.header_bytes))
    if size > limits.header_bytes:
        archive.fault("broken", "the central directory is larger than is read", offset=offset)
    seen: set[str] = set()
    position = 0
    while position + _CENTRAL.size <= len(data):
        entry = _CENTRAL.unpack_from(data, position)
        if entry[0] != b"PK\x01\x02":
            break
        names, extras, comments = entry[12], entry[13], entry[14]
        begin = position + _CENTRAL.size
        raw, extra = data[begin : begin + names], data[begin + names : begin + names + extras]
        position = begin + names + extras + comments
        if len(archive.members) >= limits.archive_members:
            archive.fault("broken", f"more than {limits.archive_members:,} members", offset=offset)
            return
        member = _member(file, archive, entry, raw, extra)
        if member.name in seen:
            archive.fault("duplicate", "two members have the same name", member.name, member.start)
        seen.add(member.name)
        archive.members.append(member)
    if position != len(data) or len(archive.members) != count:
        archive.fault(
            "broken", "the central directory does not hold what its end record says", offset=offset + position
        )


def _member(file: BinaryIO, archive: Zip, entry: tuple[int, ...], raw: bytes, extra: bytes) -> Member:
    flags, method, crc, compressed, size, attributes, offset = (
        entry[5], entry[6], entry[9], entry[10], entry[11], entry[17], entry[18],
    )  # fmt: skip
    size, compressed, offset = _extra64(extra, size, compressed, offset)
    name = _name(raw, flags)
    link = (attributes >> 16) & 0o170000 == 0o120000 and entry[2] == 3
    for bit, what in ((0x1, "is encrypted"), (0x20, "is a patch"), (0x40, "is strongly encrypted")):
        if flags & bit:
            archive.fault("encrypted", f"a member {what}", name, offset)
    if escapes(name):
        archive.fault("escape", "a member's name leads out of the folder it is unpacked in", name, offset)
    if link:
        archive.fault("link", "a member is a symbolic link", name, offset)
    start = _check_local(file, archive, archive.start + offset, (raw, flags, method, crc, compressed, size), name)
    return Member(name, method, compressed, size, start, bool(flags & 0x61), link, crc)


def _check_local(
    file: BinaryIO, archive: Zip, offset: int, central: tuple[bytes, int, int, int, int, int], name: str
) -> int:
    header = at(file, offset, _LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        archive.fault("mismatch", "no local header stands where the central directory says", name, offset)
        return -1
    fields = _LOCAL.unpack(header)
    flags, method, crc, compressed, size, names, extras = fields[3], fields[4], *fields[7:12]
    tail = at(file, offset + _LOCAL.size, names + extras)
    raw, extra = tail[:names], tail[names:]
    size, compressed, _ = _extra64(extra, size, compressed, 0)
    differences = []
    if raw != central[0]:
        differences.append(f"the name {raw.decode('utf-8', 'replace')!a:.120}")
    if (flags ^ central[1]) & 0x61:
        differences.append("the encryption flag")
    if method != central[2]:
        differences.append("the compression method")
    if not flags & 0x08 and (crc, compressed, size) != central[3:]:
        differences.append("the size or checksum")
    if differences:
        archive.fault("mismatch", f"the local header disagrees about {' and '.join(differences)}", name, offset)
    return int(offset + _LOCAL.size + names + extras)


def _extra64(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    position = 0
    while position + 4 <= len(extra):
        kind, count = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            values = [
                int.from_bytes(extra[p : p + 8], "little") for p in range(position + 4, position + 4 + count - 7, 8)
            ]
            if size == _MAX32 and values:
                size = values.pop(0)
            if compressed == _MAX32 and values:
                compressed = values.pop(0)
            if offset == _MAX32 and values:
                offset = values.pop(0)
            break
        position += 4 + count
    return size, compressed, offset


def _walk_local(file: BinaryIO, position: int, end: int, limits: Limits, archive: Zip) -> Iterator[Member]:
    """Yield members by local headers alone, as far as they follow each other."""
    listed = {member.start: member for member in archive.members}
    count = 0
    while position + _LOCAL.size <= end and count < limits.archive_members:
        header = at(file, position, _LOCAL.size)
        if header[:4] != b"PK\x03\x04":
            return
        fields = _LOCAL.unpack(header)
        flags, method, crc, compressed, size, names, extras = fields[3], fields[4], *fields[7:12]
        tail = at(file, position + _LOCAL.size, names + extras)
        size, compressed, _ = _extra64(tail[names:], size, compressed, 0)
        start = position + _LOCAL.size + names + extras
        if flags & 0x08 and not compressed:  # sizes stand behind the data: ask the central directory
            if start not in listed:
                yield Member(_name(tail[:names], flags), method, end - start, size, start, bool(flags & 0x61))
                return
            compressed = listed[start].compressed
        yield Member(_name(tail[:names], flags), method, compressed, size, start, bool(flags & 0x61), crc=crc)
        position, count = start + compressed, count + 1
        if flags & 0x08:
            position = _behind_descriptor(file, position)


def _behind_descriptor(file: BinaryIO, position: int) -> int:
    data = at(file, position, 28)
    for width in (16, 24, 12, 20):
        if (data[:4] == b"PK\x07\x08") == (width in {16, 24}) and data[width : width + 2] == b"PK":
            return position + width
    return position


def _name(raw: bytes, flags: int) -> str:
    if flags & 0x800:
        return raw.decode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "surrogateescape") if raw.isascii() else raw.decode("cp437")


def escapes(name: str) -> bool:
    """Tell whether a member's name is absolute, has a drive, or climbs with `..`."""
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or name[:1] in {"/", "\\"} or (len(name) > 1 and name[1] == ":") or "\0" in name
