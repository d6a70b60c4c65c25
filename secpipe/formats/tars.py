"""TAR archives (POSIX.1-1988, pax and GNU long names): members by their headers, nothing unpacked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.stream import Readable, upto

_BLOCK: Final = 512
_LONGEST: Final = 1 << 20  # a pax record or long name
_SUM: Final = re.compile(rb"[ 0]*[0-7]+[ \0]{1,2}")  # as every writer states it
_REGULAR: Final = frozenset({"0", "\0", "7"})
_LINKS: Final = frozenset({"1", "2"})
_DEVICES: Final = frozenset({"3", "4", "6"})
_EMPTY: Final = frozenset({"folder", "link", "device"})  # whatever size they name, the next header follows at once
_SPARSE: Final = b" GNU.sparse."  # its bytes are not the file's, and its name may be another


@dataclass(frozen=True, slots=True)
class Member:
    """One entry. `kind` is file, folder, link, device or other; `target` is where a link leads, `hard` or symbolic."""

    name: str
    size: int
    kind: str
    target: str = ""
    hard: bool = False
    executable: bool = False


class Content:
    """The content of the member just yielded, as a forward stream."""

    def __init__(self, stream: Readable, left: int) -> None:
        self._stream, self.left = stream, left

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes of the member."""
        data = self._stream.read(min(count, self.left)) if self.left > 0 and count > 0 else b""
        self.left -= len(data)
        return data


def members(stream: Readable, limits: Limits = DEFAULT) -> Iterator[tuple[Member, Content]]:
    """Yield each member with its content, which is valid until the next one; raises InputError for a broken archive.

    Checksums of headers are verified: a header that does not fit ends the archive with an error.
    """
    name = target = ""
    size: int | None = None
    sparse = False
    for _ in range(limits.archive_members):
        header = upto(stream, _BLOCK)
        if not header.strip(b"\0"):
            if len(header) not in (0, _BLOCK):
                raise InputError("the archive ends inside a header")
            return
        if len(header) < _BLOCK or not _sum_fits(header):
            raise InputError("a header of the archive is broken")
        kind = chr(header[156])
        length = _number(header[124:136])
        if kind in "xgLK":
            record = _record(stream, length)
            if kind == "x":
                name, target, size = _pax(record, name, target, size)
                sparse = sparse or _SPARSE in record
            elif kind == "L":
                name = _text(record.rstrip(b"\0"))
            elif kind == "K":
                target = _text(record.rstrip(b"\0"))
            continue
        length = length if size is None else size
        called, leads = name or _name(header), target or _text(_cut(header[157:257]))
        what = "other" if sparse else _kind(kind, called)
        member = Member(called, length, what, leads, kind == "1", bool(_number(header[100:108]) & 0o111))
        content = Content(stream, 0 if what in _EMPTY else length)
        padding = -content.left % _BLOCK
        yield member, content
        while content.read(1 << 20):
            pass
        if content.left or len(upto(stream, padding)) < padding:
            raise InputError("the archive ends inside a member")
        name, target, size, sparse = "", "", None, False
    raise UnsafeInput(f"more than {limits.archive_members:,} members")


def begins_unmarked(head: bytes) -> bool:
    """Tell whether a file begins with the header of a TAR of before POSIX, which has no mark: by its sum."""
    return len(head) >= _BLOCK and _SUM.fullmatch(head, 148, 156) is not None and _sum_fits(head[:_BLOCK])


def _record(stream: Readable, length: int) -> bytes:
    if length > _LONGEST:
        raise UnsafeInput("a name in the archive is too long")
    record = upto(stream, length)
    upto(stream, -length % _BLOCK)
    return record


def _pax(record: bytes, name: str, target: str, size: int | None) -> tuple[str, str, int | None]:
    at = 0
    while at < len(record):
        space = record.find(b" ", at, at + 21)
        count = record[at:space] if space > at else b""
        if not count.isdigit() or int(count) <= space - at:
            raise InputError("a pax record is broken")
        key, _, value = record[space + 1 : at + int(count)].rstrip(b"\n").partition(b"=")
        if key == b"path":
            name = _text(value)
        elif key == b"linkpath":
            target = _text(value)
        elif key == b"size" and value.isdigit() and len(value) < 20:
            size = int(value)
        at += int(count)
    return name, target, size


def begins(head: bytes) -> bool:
    """Tell whether `head` begins with a header whose checksum fits, of whatever age."""
    try:
        return len(head) >= _BLOCK and _sum_fits(head[:_BLOCK])
    except InputError:
        return False


def _sum_fits(header: bytes) -> bool:
    stated = _number(header[148:156])
    plain = header[:148] + b" " * 8 + header[156:]
    return stated in (sum(plain), sum(byte - 256 if byte > 127 else byte for byte in plain))


def _number(raw: bytes) -> int:
    if raw[0] & 0x80:
        return int.from_bytes(raw, "big") & ((1 << 63) - 1)
    digits = raw.strip(b" \0")
    try:
        return max(int(digits, 8), 0) if digits else 0
    except ValueError:
        raise InputError("a number in a header of the archive is none") from None


def _kind(flag: str, name: str) -> str:
    """Return what a header is about. Only the oldest kind of file is a folder by its name."""
    if flag == "5" or (flag == "\0" and name.endswith("/")):
        return "folder"
    if flag in _REGULAR:
        return "file"
    return "link" if flag in _LINKS else "device" if flag in _DEVICES else "other"


def _name(header: bytes) -> str:
    prefix = _cut(header[345:500]) if header[257:263] == b"ustar\0" else b""  # GNU's own header has none
    name = _cut(header[:100])
    return _text(prefix + b"/" + name if prefix else name)


def _cut(raw: bytes) -> bytes:
    return raw.partition(b"\0")[0]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
