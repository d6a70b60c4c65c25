"""`trust update`: bring a local trust folder up to a source, walking the roots one by one.

The source is not trusted: everything is verified by our own reader and a second time by python-tuf. Rollback, forks,
gaps and expired metadata are refused; what is newest is remembered in `$SECPIPE_HOME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from secpipe.core.errors import ConfigError, InputError, NetworkError, SecpipeError, TrustError
from secpipe.core.text import printable
from secpipe.keys.growth import ROLLBACK, demand_growth, known
from secpipe.keys.ring import ROTATION, read_ring
from secpipe.keys.root import verify_chain
from secpipe.keystore import memory
from secpipe.keystore.latest import PATH as HINT
from secpipe.keystore.latest import latest, parse_latest, write_latest
from secpipe.keystore.publicfiles import FILE_LIMIT, lay_public, refuse_private_keys
from secpipe.keystore.snapshot import PATH as SNAPSHOT
from secpipe.keystore.snapshot import take_snapshot
from secpipe.keystore.trusted import (
    Opened,
    assemble,
    check_pin,
    open_folder,
    ring_files,
    root_files,
    target_path,
)
from secpipe.system import files, net

_MAX_ROOTS = 10_000
_DOWN = "what is here holds until it expires: secpipe trust verify; another source: secpipe trust update FOLDER"


class Source(Protocol):
    """Where newer trust comes from."""

    def newest(self) -> Mapping[str, int]:
        """Return the newest versions offered: root, targets, ring."""

    def read(self, path: str) -> bytes:
        """Return the file at a path relative to the trust folder; raises SecpipeError."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A trust folder on this machine: a clone, a mounted share."""

    folder: Path

    def newest(self) -> Mapping[str, int]:
        refuse_private_keys(self.folder)
        return latest(self.folder)

    def read(self, path: str) -> bytes:
        return files.read_bytes(self.folder / path, FILE_LIMIT, follow=False)


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A trust folder served over HTTPS."""

    url: str

    def newest(self) -> Mapping[str, int]:
        return parse_latest(self.read(HINT))

    def read(self, path: str) -> bytes:
        return net.fetch(f"{self.url.rstrip('/')}/{path}", limit=FILE_LIMIT)


def source_of(text: str) -> Source:
    """Return the source that a command line names: an address with `://`, else a folder."""
    return UrlSource(text) if "://" in text else FolderSource(Path(text))


def update(folder: Path, source: Source, home: Path, now: datetime, pin: str = "") -> Opened:
    """Bring `folder` up to `source` and return the trust that then lies there.

    A folder that holds no root yet needs `pin`. Raises TrustError for rollback, fork, gap, expiry or any signature that
    does not hold, InputError or NetworkError where the source cannot be read; `folder` is unchanged then.
    """
    mine = _local_roots(folder, pin)
    try:
        newest = source.newest()
    except (InputError, NetworkError) as error:
        raise type(error)(f"the source of newer trust cannot be read: {error.message}", hint=_DOWN) from error
    if newest["root"] < len(mine):
        raise TrustError(f"rollback: the source has root {newest['root']}, here is root {len(mine)}", hint=ROLLBACK)
    if newest["root"] > _MAX_ROOTS:
        raise InputError(f"the source offers more than {_MAX_ROOTS:,} roots")
    theirs = [source.read(f"root/{number}.root.json") for number in range(1, newest["root"] + 1)]
    for number, (ours, other) in enumerate(zip(mine, theirs, strict=False), start=1):
        if ours != other:
            raise TrustError(
                f"fork: the source has another root {number}",
                hint="ask a holder for secpipe trust pin; if the file here is damaged, delete it and give --trust-pin",
            )
    roots = verify_chain(theirs)
    check_pin(pin, roots)
    targets = source.read(f"ring/{newest['targets']}.targets.json")
    rotation = source.read(f"ring/{newest['ring']}.rotation.json") if newest["ring"] > newest["targets"] else None
    documents: dict[tuple[str, str], bytes] = {}

    def load(path: str, digest: str) -> bytes:
        documents[path, digest] = source.read(target_path(Path(), path, digest).as_posix())
        return documents[path, digest]

    ring = read_ring(roots[-1], roots[0].envelope.digest, targets, rotation, load)
    second_opinion(theirs, targets, rotation)
    found = assemble(folder, roots, ring, pin, now)
    memory.guard(home, found)
    _guard_local(folder, found)
    statement = source.read(SNAPSHOT) if newest.get("snapshot") else None
    _write(folder, found, theirs, targets, rotation, documents)
    if statement is not None:
        take_snapshot(folder, statement, roots, ring, now)
        write_latest(folder)
    after = open_folder(folder, pin=pin, now=now)
    memory.remember(home, after, now)
    return after


def _local_roots(folder: Path, pin: str) -> list[bytes]:
    try:
        return [files.read_bytes(path, FILE_LIMIT, follow=False) for path in root_files(folder)]
    except (InputError, TrustError):  # nothing there, or a gap
        if not pin:
            raise ConfigError(
                f"{printable(str(folder))} holds no trust root yet",
                hint="--trust-pin sha256:... says which one to take",
            ) from None
        return []


def _guard_local(folder: Path, found: Opened) -> None:
    """Refuse what is older than, or does not grow from, the ring that lies here (where that is readable)."""
    try:
        local = open_folder(folder, now=None).ring
    except SecpipeError:
        return  # nothing here, or an update was interrupted: memory has judged already
    demand_growth(known(local), found.ring)


def _write(
    folder: Path,
    found: Opened,
    roots: list[bytes],
    targets: bytes,
    rotation: bytes | None,
    documents: Mapping[tuple[str, str], bytes],
) -> None:
    for name in ("targets", "ring", "root"):
        files.make_folder(folder / name)
    for (name, digest), data in documents.items():
        lay_public(target_path(folder, name, digest), data)
    ring = found.ring
    lay_public(folder / "ring" / f"{ring.targets.version}.targets.json", targets)
    if rotation is not None:
        lay_public(folder / "ring" / f"{ring.version}.rotation.json", rotation)
    for number, data in enumerate(roots, start=1):
        lay_public(folder / "root" / f"{number}.root.json", data)
    for (version, kind), path in ring_files(folder).items():
        if kind == ROTATION and (rotation is None or version != ring.version):
            files.remove(path)
    write_latest(folder)


def second_opinion(roots: list[bytes], targets: bytes, rotation: bytes | None) -> None:
    """Verify the same bytes with python-tuf; raises TrustError where it disagrees with us."""
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata
    from tuf.api.serialization import DeserializationError

    try:
        chain: list[Any] = [Metadata.from_bytes(data) for data in roots]
        ring: Any = Metadata.from_bytes(targets)
        for old, new in zip([chain[0], *chain], chain, strict=False):
            for judge in (old, new):
                judge.signed.verify_delegate("root", new.signed_bytes, new.signatures)
        chain[-1].signed.verify_delegate("targets", ring.signed_bytes, ring.signatures)
        if rotation is not None:
            delegated: Any = Metadata.from_bytes(rotation)
            ring.signed.verify_delegate(ROTATION, delegated.signed_bytes, delegated.signatures)
    except (RepositoryError, DeserializationError, ValueError) as error:
        raise TrustError(f"python-tuf does not accept this trust: {printable(str(error), 200)}") from None
