"""Bundles of servers (`.mcpb`, `.dxt`): a ZIP with a manifest; read by the container rules, never unpacked to disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats import zips
from secpipe.formats.compressed import Expander

_MEMBERS = 2000


class Unreadable(InputError):
    """A bundle, or a part of it, that nobody can say the content of."""


def members(file: BinaryIO, limits: Limits = DEFAULT) -> Iterator[tuple[str, bytes | None, str]]:
    """Yield (name, content, reason) of every member of a bundle; content is None where it was not read.

    What two readers of the archive would see differently is a reason not to believe it.
    """
    archive = zips.read(file, limits)
    for fault in archive.faults:
        yield fault.member, None, fault.message
    budget = limits.document_bytes
    for nth, member in enumerate(archive.members):
        if member.name.endswith("/"):
            continue
        if nth >= _MEMBERS or member.size > limits.text_bytes or member.size > budget:
            yield member.name, None, "a bundle holds more than is read"
            continue
        budget -= member.size
        try:
            yield member.name, _content(file, member, limits), ""
        except InputError as error:
            yield member.name, None, error.message


def _content(file: BinaryIO, member: zips.Member, limits: Limits) -> bytes:
    method = zips.METHODS.get(member.method)
    if member.start < 0 or member.encrypted or method is None:
        raise Unreadable("a member of the bundle cannot be read")
    file.seek(member.start)
    if method == "stored":
        return _whole(file.read(min(member.compressed, limits.text_bytes)), member)
    out = bytearray()
    stream = Expander(file, method, limits)
    while piece := stream.read(1 << 16):
        out += piece
        if len(out) > limits.text_bytes:
            raise Unreadable("a member of the bundle is larger than it says")
    return _whole(bytes(out), member)


def _whole(data: bytes, member: zips.Member) -> bytes:
    """Return the content where it is what the archive says it is: another reader would stop at the size it reads."""
    if len(data) != member.size:
        raise Unreadable("a member of the bundle has another size than it says")
    if data.startswith((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"\xfd7zXZ", b"BZh")):
        raise Unreadable("an archive inside the bundle was not opened")
    return data


def entry(bundle: FileEntry, name: str, data: bytes) -> FileEntry:
    """Return a member as a file of its own, under the bundle's path."""
    return FileEntry(f"{bundle.path}/{name}", len(data), 0, "", data[:64])
