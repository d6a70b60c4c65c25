"""Installed packages of an RPM database in SQLite (RPM 4.16 and later): the headers in its table `Packages`.

Source: RPM's "Package format, header" (index entries of 16 bytes, big endian) and its SQLite backend. The database
comes from what is under test: it is read in memory, one query, bounded in steps and bytes.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from secpipe.core.errors import InputError
from secpipe.core.limits import MIB

MAGIC = b"SQLite format 3\0"
_NAME, _VERSION, _RELEASE, _EPOCH, _VENDOR, _LICENSE, _ARCH, _SOURCE = 1000, 1001, 1002, 1003, 1011, 1014, 1022, 1044
_INT32, _STRING, _I18N = 4, 6, 9
_STEPS = 50_000_000  # of SQLite's machine: a view that counts for ever ends
_PACKAGES = 50_000
_HEADER = 16 * MIB


@dataclass(frozen=True, slots=True)
class Installed:
    """One installed package."""

    name: str
    version: str  # epoch:version-release, as RPM writes it
    arch: str = ""
    license: str = ""
    vendor: str = ""
    source: str = ""


def read(data: bytes) -> list[Installed]:
    """Return the packages of a database's bytes; raises InputError where it is none, or larger than is read."""
    if not data.startswith(MAGIC):
        raise InputError("an RPM database of this kind is not read: only SQLite's")
    connection = sqlite3.connect(":memory:", isolation_level=None)
    left = [_STEPS]

    def step() -> int:
        left[0] -= 10_000
        return int(left[0] < 0)

    try:
        connection.deserialize(data)
        connection.set_progress_handler(step, 10_000)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        found: list[Installed] = []
        for (blob,) in connection.execute("SELECT blob FROM Packages"):
            if len(found) >= _PACKAGES:
                raise InputError(f"the RPM database holds more than {_PACKAGES:,} packages")
            if not isinstance(blob, bytes) or len(blob) > _HEADER:
                raise InputError("the RPM database holds a header that is none")
            found.append(_package(blob))
        return found
    except (sqlite3.Error, OverflowError) as error:
        raise InputError("the RPM database cannot be read") from error
    finally:
        connection.close()


def _package(blob: bytes) -> Installed:
    values: dict[int, str] = {}
    for tag, kind, place in _entries(blob):
        if tag == _EPOCH and kind == _INT32 and place + 4 <= len(blob):
            values[tag] = str(struct.unpack_from(">I", blob, place)[0])
        elif kind in (_STRING, _I18N) and tag != _EPOCH:
            values[tag] = blob[place : blob.find(b"\0", place)].decode("utf-8", "replace")
    if not values.get(_NAME) or not values.get(_VERSION):
        raise InputError("the RPM database holds a package without a name or version")
    epoch = f"{values[_EPOCH]}:" if values.get(_EPOCH, "0") != "0" else ""
    release = f"-{values[_RELEASE]}" if values.get(_RELEASE) else ""
    return Installed(
        values[_NAME], f"{epoch}{values[_VERSION]}{release}", values.get(_ARCH, ""), values.get(_LICENSE, ""),
        values.get(_VENDOR, ""), values.get(_SOURCE, ""),
    )  # fmt: skip


def _entries(blob: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (tag, type, place of the value) of the tags that matter."""
    if len(blob) < 8:
        raise InputError("the RPM database holds a header that is none")
    count, size = struct.unpack_from(">II", blob)
    start = 8 + 16 * count
    if start + size > len(blob):
        raise InputError("the RPM database holds a header that is cut short")
    wanted = {_NAME, _VERSION, _RELEASE, _EPOCH, _VENDOR, _LICENSE, _ARCH, _SOURCE}
    for number in range(count):
        tag, kind, offset, _ = struct.unpack_from(">IIiI", blob, 8 + 16 * number)
        if tag in wanted and 0 <= offset < size:
            yield tag, kind, start + offset
