"""Where a store lies: the user's own folder, or a path given. `update` writes it; this only reads.

The user's folder holds `current.json` (which store is current, its digest) and the SQLite files it may name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.limits import MIB
from secpipe.core.text import plural, printable
from secpipe.scan.vulnerabilities import snapshot
from secpipe.scan.vulnerabilities.joined import joined
from secpipe.scan.vulnerabilities.osv import Advisory
from secpipe.scan.vulnerabilities.store import AdvisoryStore, Feed, MemoryRows
from secpipe.system import files, places
from secpipe.system.clock import SystemClock

POINTER = "current.json"
POINTER_SCHEMA = "secpipe.advisories-current/1"
_STORE_LIMIT = 512 * MIB
_POINTER_LIMIT = MIB
REBUILD = "secpipe advisories update --replace --from ..."


def folder() -> Path:
    """Return the user's folder of advisory data."""
    return places.home() / "advisories"


def open_store(path: Path | None = None, *, now: datetime | None = None) -> AdvisoryStore:
    """Return the store at `path`: a store folder, an SQLite file, a snapshot, or a folder or zip of OSV records.

    None means the user's own store, beside what the embedded snapshot knows; where there is none, or it is damaged, the
    snapshot alone, and `about["note"]` says so. `now` (by default the clock's) dates OSV records that come without a
    manifest: their newest `modified` that is not in the future. Raises InputError where `path` was named and holds
    nothing usable.
    """
    if path is not None:
        return open_at(path, now or SystemClock().now())
    try:
        store = open_home()
    except SecpipeError as error:
        return snapshot.load(note=f"the local advisory store was not used: {error.message}")
    return joined(store, snapshot.load()) if store else snapshot.load()


def open_home() -> AdvisoryStore | None:
    """Return the user's store; None where there is none yet. Raises InputError where it is damaged."""
    return read_folder(folder()) if (folder() / POINTER).exists() else None


def open_at(path: Path, now: datetime) -> AdvisoryStore:
    """Return the store at a path given: store folder, SQLite file, snapshot, or OSV records as of `now`."""
    if path.is_dir() and (path / POINTER).exists():
        return read_folder(path)
    from secpipe.scan.vulnerabilities.manifest import NAME
    from secpipe.scan.vulnerabilities.sqlite import MAGIC

    if path.is_dir():
        return _from_feed(path, now) if (path / NAME).exists() else _from_osv(path, now)
    with files.open_regular(path) as file:
        head = file.read(16)
    if head == MAGIC:
        return _from_sqlite(files.read_bytes(path, _STORE_LIMIT), path.name)
    if head.startswith(b"\x1f\x8b"):
        return snapshot.read(files.read_bytes(path, _STORE_LIMIT))
    return _from_osv(path, now)


def read_pointer(place: Path) -> dict[str, Any]:
    """Return what `current.json` says; raises InputError where it is damaged."""
    value = parse_json(files.read_bytes(place / POINTER, _POINTER_LIMIT), POINTER)
    try:
        sound = value["schema"] == POINTER_SCHEMA and re.fullmatch(r"[0-9a-f]{64}", value["sha256"])
        for row in value["feeds"]:
            snapshot.feed_of(row)
    except (KeyError, TypeError, AttributeError, ValueError):
        sound = None
    if not sound:
        raise InputError(f"{printable(str(place / POINTER))} is damaged", hint=REBUILD)
    return dict(value)


def read_folder(place: Path) -> AdvisoryStore:
    """Return the current store of a folder. An update may replace it meanwhile: then the newer one is read."""
    for attempt in (1, 2, 3):
        pointer = read_pointer(place)
        name = store_name(pointer["sha256"])
        try:
            data = files.read_bytes(place / name, _STORE_LIMIT)
            break
        except InputError:
            if attempt == 3 or read_pointer(place) == pointer:
                raise
    if hashlib.sha256(data).hexdigest() != pointer["sha256"]:
        raise InputError(f"{printable(str(place / name))} does not match its digest", hint=REBUILD)
    return _from_sqlite(data, "local store")


def store_name(sha256: str) -> str:
    """Return the file name of a store by its digest."""
    return f"advisories-{sha256[:16]}.sqlite"


def _from_sqlite(data: bytes, source: str) -> AdvisoryStore:
    from secpipe.scan.vulnerabilities.sqlite import SqliteRows

    found = SqliteRows(data)
    try:
        feeds = tuple(snapshot.feed_of(row) for row in found.meta["feeds"])
        records = int(found.meta["records"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("the advisory store is damaged", hint=REBUILD) from error
    return AdvisoryStore(source, feeds, found, digest=f"sha256:{hashlib.sha256(data).hexdigest()}", records=records)


def _from_feed(path: Path, now: datetime) -> AdvisoryStore:
    """Return the store in a packed feed. Its signature is for `advisories update`: the caller vouches for this path."""
    from secpipe.scan.vulnerabilities import feed, manifest

    described = manifest.parse_manifest(files.read_bytes(path / manifest.NAME, manifest.LIMITS.document_bytes))
    packages: dict[tuple[str, str], list[str]] = {}
    counted = 0
    for named in described.files:
        data = files.read_bytes(path / named.name, named.size)
        if hashlib.sha256(data).hexdigest() != named.sha256:
            raise InputError(f"{named.name} is not the file that the manifest names")
        if named.kind == "osv":
            found = feed.harvest(path / named.name, now)
            counted += len(found.advisories)
            _index(found.advisories.values(), packages)
    if counted != described.records:
        raise InputError(f"the feed holds {counted:,} records, its manifest says {described.records:,}")
    digest = hashlib.sha256(files.read_bytes(path / manifest.NAME, manifest.LIMITS.document_bytes)).hexdigest()
    return AdvisoryStore(
        described.source,
        (described.feed("", digest),),
        MemoryRows(packages, {}),
        digest=f"sha256:{digest}",
        records=counted,
        note="given directly: its signature was not verified",
    )


def _index(advisories: Iterable[Advisory], packages: dict[tuple[str, str], list[str]]) -> None:
    from secpipe.scan.vulnerabilities import rows

    for advisory in advisories:
        text = rows.encode(advisory)
        for pair in {(item.ecosystem, item.name) for item in advisory.affected}:
            packages.setdefault(pair, []).append(text)


def _from_osv(path: Path, now: datetime) -> AdvisoryStore:
    from secpipe.scan.vulnerabilities.feed import harvest

    found = harvest(path, now)
    packages: dict[tuple[str, str], list[str]] = {}
    _index(found.advisories.values(), packages)
    digest = f"sha256:{found.digest.hexdigest()}"
    named = printable(path.name, 200)
    whole = Feed(named, named, found.newest, len(found.advisories), found.coverage(), digest=digest)
    note = f"{plural(len(found.refused), 'record')} could not be read" if found.refused else ""
    return AdvisoryStore(
        named,
        (whole,),
        MemoryRows(packages, {}),
        digest=digest,
        records=len(found.advisories),
        note=note,
        incomplete=bool(note),
    )
