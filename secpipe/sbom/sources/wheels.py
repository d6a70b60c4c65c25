"""Wheels in a tree: the metadata inside, without unpacking the rest."""

from __future__ import annotations

import dataclasses
import re
import zlib
from typing import BinaryIO

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.errors import InputError
from secpipe.formats import zips
from secpipe.formats.metadata import parse
from secpipe.formats.problem import Unreadable, read_at
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.installed import describe

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")


def read(found: Collector, entry: FileEntry) -> None:
    """Read one wheel; it is a library with its own digest."""
    with found.tree.open(entry) as file:
        archive = zips.read(file, found.limits)
        members = [member for member in archive.members if _METADATA.fullmatch(member.name)]
        if len(members) != 1:
            raise InputError(f"the wheel holds {len(members)} METADATA files")
        component = describe(
            parse(_content(file, members[0], found.limits.text_bytes)), entry.path, {"wheel": entry.name}
        )
    digest = (Digest("sha256", entry.sha256),)
    found.add(dataclasses.replace(component, digests=digest, direct=True))


def _content(file: BinaryIO, member: zips.Member, limit: int) -> bytes:
    if member.start < 0 or member.encrypted or max(member.size, member.compressed) > limit:
        raise InputError(f"{member.name} in the wheel cannot be read")
    try:
        raw = read_at(file, member.start, member.compressed, "METADATA")
        if member.method == 0:
            return raw
        if member.method == 8:
            return zlib.decompressobj(-15).decompress(raw, limit)
    except (Unreadable, zlib.error) as error:
        raise InputError(f"{member.name} in the wheel cannot be read: {error}") from None
    raise InputError(f"{member.name} in the wheel is compressed by an unknown method")
