"""Reading OSV records from a folder, a zip or one JSON file: streamed, bounded, nothing silently dropped."""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from secpipe.core import times
from secpipe.core.artifact import Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, MIB, Limits
from secpipe.core.text import plural, printable
from secpipe.scan.vulnerabilities.osv import Advisory, parse_advisory
from secpipe.system import files, tree

_ENDINGS = (".json", ".yaml", ".yml")
_DIRECTORY_LIMIT = 64 * MIB  # a zip's table of contents
_TOLERATED = 0.01  # share of unreadable records above which the whole feed is refused


@dataclass(slots=True)
class Harvest:
    """What a feed gave: one advisory an id (the newest), and what could not be read."""

    advisories: dict[str, Advisory] = field(default_factory=dict)
    refused: list[Skip] = field(default_factory=list)
    members: int = 0
    future: int = 0  # records whose `modified` lies after now
    newest: str = ""  # the newest `modified` not after now
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, advisory: Advisory, now: str) -> None:
        """Keep the advisory unless a newer one of the same id stands."""
        if advisory.modified >= now:
            self.future += 1
        else:
            self.newest = max(self.newest, advisory.modified)
        old = self.advisories.get(advisory.id)
        if old is None or advisory.modified >= old.modified:
            self.advisories[advisory.id] = advisory

    def coverage(self, *, partial: bool = False) -> dict[str, str | tuple[str, ...]]:
        """Return the ecosystems named, each as a whole; with `partial` only the packages named."""
        named: dict[str, set[str]] = {}
        for advisory in self.advisories.values():
            for item in advisory.affected:
                named.setdefault(item.ecosystem, set()).add(item.name)
        return {home: tuple(sorted(names)) if partial else "*" for home, names in sorted(named.items())}


def harvest(path: Path, now: datetime, limits: Limits = DEFAULT) -> Harvest:
    """Return the records at `path`; raises InputError where there are none.

    Unreadable records are listed in `refused`: the caller says so, or calls `check_readable`.
    """
    found = Harvest()
    stamp = times.rfc3339(now)
    for name, data in _members(path, limits):
        found.members += 1
        found.digest.update(hashlib.sha256(data).digest())
        try:
            values = _values(name, data, limits)
        except InputError as error:
            found.refused.append(Skip(name, error.message))
            continue
        for value in values:
            try:
                found.add(parse_advisory(value, now), stamp)
            except InputError as error:
                found.refused.append(Skip(name, error.message))
    if not found.advisories:
        raise InputError(
            f"{printable(str(path))} holds no readable OSV record", hint="give a folder or zip of OSV files"
        )
    return found


def check_readable(found: Harvest, what: str) -> None:
    """Raise InputError if more than a hundredth of the records cannot be read: the feed itself is broken then."""
    if len(found.refused) > max(1, int(_TOLERATED * len(found.advisories))):
        first = found.refused[0]
        raise InputError(
            f"{printable(what)}: {plural(len(found.refused), 'record')} cannot be read, "
            f"beginning with {printable(first.path, 200)}: {first.reason}",
            hint="the feed was not used; fetch it again",
        )


def _values(name: str, data: bytes, limits: Limits) -> list[Any]:
    if name.lower().endswith(".json"):
        value = parse_json(data, printable(name, 200), limits)
        return value if isinstance(value, list) else [value]
    from secpipe.formats.yaml import parse_yaml

    return parse_yaml(data, printable(name, 200), limits)


def _members(path: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each JSON or YAML file, in order of name."""
    if path.is_dir():
        for entry in (walked := tree.walk(path, limits=limits)).files:
            if _is_record(entry.path):
                yield entry.path, walked.read(entry, limits.document_bytes)
        return
    with files.open_regular(path) as file:
        if file.read(2) != b"PK":
            yield path.name, files.read_bytes(path, limits.document_bytes)
            return
        yield from _unzip(file, path, limits)


def _is_record(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.lower().endswith(_ENDINGS) and not base.startswith(".")


def _unzip(file: BinaryIO, path: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    what = printable(str(path))
    _check_directory(file, what)
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            infos = sorted((info for info in archive.infolist() if _is_record(info.filename)), key=lambda i: i.filename)
            if len(infos) > limits.feed_records:
                raise UnsafeInput(f"{what} holds more than {limits.feed_records:,} records")
            for info in infos:
                with archive.open(info) as member:
                    data = member.read(limits.document_bytes + 1)
                total += len(data)
                if len(data) > limits.document_bytes:
                    raise UnsafeInput(
                        f"{what}: {printable(info.filename, 200)} is larger than {limits.document_bytes:,} bytes"
                    )
                if total > limits.feed_bytes:
                    raise UnsafeInput(f"{what} unpacks to more than {limits.feed_bytes:,} bytes")
                yield info.filename, data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{what} is a damaged zip: {printable(str(error), 200)}") from error
    except struct.error as error:
        raise InputError(f"{what} is a damaged zip") from error


def _check_directory(file: BinaryIO, what: str) -> None:
    """Bound the table of contents before zipfile reads it whole into memory (APPNOTE.TXT 4.3.14 and 4.3.16)."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557 - 76))
    tail = files.read_upto(file, 65_557 + 76)
    file.seek(0)
    place = tail.rfind(b"PK\5\6")
    if place < 0 or len(tail) < place + 22:
        raise InputError(f"{what} is a damaged zip: it has no table of contents")
    length = struct.unpack_from("<L", tail, place + 12)[0]
    if length == 0xFFFFFFFF:
        place = tail.rfind(b"PK\6\6")
        length = struct.unpack_from("<Q", tail, place + 40)[0] if 0 <= place <= len(tail) - 56 else _DIRECTORY_LIMIT + 1
    if length > _DIRECTORY_LIMIT:
        raise UnsafeInput(f"{what} has a table of contents above {_DIRECTORY_LIMIT:,} bytes")
