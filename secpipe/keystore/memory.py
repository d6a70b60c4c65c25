"""The newest trust this machine has seen: refuses rollback, forks, and a clock that runs backwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from secpipe.core import times
from secpipe.core.errors import TrustError
from secpipe.core.shape import Fields
from secpipe.keys.wire import HEX256, pretty, read
from secpipe.system import files, locks

if TYPE_CHECKING:
    from secpipe.keystore.trusted import Opened

_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class Seen:
    """Versions with the digests of their files, and the newest time at which something was committed."""

    root_version: int
    root_digest: str
    ring_version: int
    ring_digest: str
    time: datetime


def recall(home: Path, anchor: str) -> Seen | None:
    """Return what was seen of the trust root `anchor` (hex SHA-256 of root 1), or None; raises InputError."""
    path = home / "seen" / f"{anchor}.json"
    if not path.is_file():
        return None
    fields = Fields(read(files.read_bytes(path, _LIMIT), "the memory of trust"), "the memory of trust")
    return Seen(
        fields.integer("root_version"),
        fields.text("root_digest", HEX256),
        fields.integer("ring_version"),
        fields.text("ring_digest", HEX256),
        fields.time("time"),
    )


def guard(home: Path, found: Opened) -> Seen | None:
    """Raise TrustError where `found` is older than, or a fork of, what this machine saw before; return what it saw."""
    seen = recall(home, found.anchor)
    if seen is None:
        return None
    digests = [root.envelope.digest for root in found.roots]
    ring = (*found.ring.history, found.ring.newest.digest)
    for what, chain, version, digest in (
        ("root", digests, seen.root_version, seen.root_digest),
        ("ring", ring, seen.ring_version, seen.ring_digest),
    ):
        if len(chain) < version:
            raise TrustError(
                f"rollback: {what} {len(chain)} is offered, this machine has seen {what} {version}",
                hint="restore the newer files (git log), never go back",
            )
        if chain[version - 1] != digest:
            raise TrustError(f"fork: {what} {version} is not the one that this machine has seen")
    return seen


def guard_clock(found: Opened, seen: Seen | None, now: datetime) -> None:
    """Raise TrustError where `now` lies before the newest event known."""
    newest = max(found.root.envelope.issued, found.ring.newest.issued, found.ring.targets.issued)
    newest = max(newest, seen.time) if seen else newest
    if now < newest:
        text = f"the clock says {times.rfc3339(now)}, before the newest event at {times.rfc3339(newest)}"
        raise TrustError(text, hint="check the clock")


def remember(home: Path, found: Opened, now: datetime) -> None:
    """Store versions, digests and time, durably; never lowers any of them, whoever else does the same meanwhile."""
    with _locked(home):
        seen = recall(home, found.anchor)
        ring, root = (found.ring.version, found.ring.newest.digest), (found.root.version, found.root.envelope.digest)
        if seen is not None:
            ring = max(ring, (seen.ring_version, seen.ring_digest), key=lambda each: each[0])
            root = max(root, (seen.root_version, seen.root_digest), key=lambda each: each[0])
        document = {
            "root_version": root[0],
            "root_digest": root[1],
            "ring_version": ring[0],
            "ring_digest": ring[1],
            "time": times.rfc3339(max(now, seen.time) if seen else now),
        }
        files.write_atomic(home / "seen" / f"{found.anchor}.json", pretty(document), mode=0o600)


def policy_name(digest: str) -> str:
    """Return the name under which the last verdict by a policy is remembered."""
    return f"policy-{digest}"


def last_time(home: Path, policy: str) -> datetime | None:
    """Return when this machine last judged by `policy` (hex SHA-256) without a trust root; raises InputError."""
    path = home / "seen" / f"{policy_name(policy)}.json"
    if not path.is_file():
        return None
    what = "the memory of the last verdict"
    return Fields(read(files.read_bytes(path, _LIMIT), what), what).time("time")


def remember_time(home: Path, policy: str, now: datetime) -> None:
    """Store when this machine judged by `policy`, durably; never lowers it."""
    with _locked(home):
        last = last_time(home, policy)
        document = {"time": times.rfc3339(max(now, last) if last else now)}
        files.write_atomic(home / "seen" / f"{policy_name(policy)}.json", pretty(document), mode=0o600)


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    files.make_folder(home, mode=0o700)
    files.make_folder(home / "seen", mode=0o700)
    with locks.lock(home / "seen" / ".lock"):
        yield
