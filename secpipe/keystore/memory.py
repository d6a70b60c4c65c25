"""The newest trust this machine has seen: refuses rollback, forks, and a clock that runs backwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import TrustError
from secpipe.keys.wire import HEX256, Fields, pretty, read, time_text
from secpipe.keystore.trusted import Opened
from secpipe.system import files

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
        text = f"the clock says {time_text(now)}, before the newest event at {time_text(newest)}"
        raise TrustError(text, hint="check the clock")


def remember(home: Path, found: Opened, now: datetime) -> None:
    """Store versions, digests and time, durably; never lowers any of them."""
    seen = recall(home, found.anchor)
    files.make_folder(home, mode=0o700)
    files.make_folder(home / "seen", mode=0o700)
    document = {
        "root_version": found.root.version,
        "root_digest": found.root.envelope.digest,
        "ring_version": found.ring.version,
        "ring_digest": found.ring.newest.digest,
        "time": time_text(max(now, seen.time) if seen else now),
    }
    files.write_atomic(home / "seen" / f"{found.anchor}.json", pretty(document), mode=0o600)
