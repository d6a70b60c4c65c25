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
from secpipe.keys.growth import ROLLBACK, Known, demand_growth, demand_lineage, known, parse_known
from secpipe.keys.wire import HEX256, pretty, read
from secpipe.system import files, locks

if TYPE_CHECKING:
    from secpipe.keystore.trusted import Opened

_LIMIT = 1 << 16
_SEEN_LIMIT = 8 << 20  # a digest for each key version that a ring of 4 MiB can hold


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest root, what the newest ring held, and the newest time at which something was committed."""

    root_version: int
    root_digest: str
    ring: Known
    time: datetime

    @property
    def ring_version(self) -> int:
        return self.ring.version

    @property
    def ring_digest(self) -> str:
        return self.ring.digest


def recall(home: Path, anchor: str) -> Seen | None:
    """Return what was seen of the trust root `anchor` (hex SHA-256 of root 1), or None; raises InputError."""
    path = home / "seen" / f"{anchor}.json"
    if not path.is_file():
        return None
    what = "the memory of trust"
    fields = Fields(read(files.read_bytes(path, _SEEN_LIMIT), what), what)
    if "ring" in fields.table:
        ring = parse_known(fields.mapping("ring"))
    else:  # a secpipe that kept numbers only
        ring = Known(fields.integer("ring_version"), fields.text("ring_digest", HEX256))
    return Seen(fields.integer("root_version"), fields.text("root_digest", HEX256), ring, fields.time("time"))


def guard(home: Path, found: Opened, *, anew: bool = False) -> Seen | None:
    """Raise TrustError where `found` is older than, or no growth of, what this machine saw; return what it saw.

    With `anew` the holders begin a new epoch on the newest ring of their own: rotations after it do not count.
    """
    seen = recall(home, found.anchor)
    if seen is None:
        return None
    digests = [root.envelope.digest for root in found.roots]
    if len(digests) < seen.root_version:
        raise TrustError(
            f"rollback: root {len(digests)} is offered, this machine has seen root {seen.root_version}", hint=ROLLBACK
        )
    if digests[seen.root_version - 1] != seen.root_digest:
        raise TrustError(
            f"fork: root {seen.root_version} is not the one that this machine has seen",
            hint="compare secpipe trust pin with the holders; if this machine is wrong: secpipe trust forget --all",
        )
    (demand_lineage if anew else demand_growth)(seen.ring, found.ring)
    return seen


def guard_clock(found: Opened, seen: Seen | None, now: datetime) -> None:
    """Raise TrustError where `now` lies before the newest event known."""
    newest = max(found.root.envelope.issued, found.ring.newest.issued, found.ring.targets.issued)
    newest = max(newest, seen.time) if seen else newest
    if now < newest:
        text = f"the clock says {times.rfc3339(now)}, before the newest event at {times.rfc3339(newest)}"
        raise TrustError(text, hint="check the clock; if it was wrong before: secpipe trust forget")


def remember(home: Path, found: Opened, now: datetime) -> None:
    """Store versions, digests and time, durably; never lowers any of them, whoever else does the same meanwhile."""
    with _locked(home):
        seen = recall(home, found.anchor)
        ring, root = known(found.ring), (found.root.version, found.root.envelope.digest)
        if seen is not None:
            # a memory of numbers only is filled up by the ring that it names
            order = ((each.epoch, each.version, each.base_version) for each in (ring, seen.ring))
            ring = ring if next(order) >= next(order) else seen.ring
            root = max(root, (seen.root_version, seen.root_digest), key=lambda each: each[0])
        document = {
            "root_version": root[0],
            "root_digest": root[1],
            "ring": ring.to_dict(),
            "time": times.rfc3339(max(now, seen.time) if seen else now),
        }
        files.write_atomic(home / "seen" / f"{found.anchor}.json", pretty(document), mode=0o600)


def forget(home: Path, found: Opened, *, keep: bool = False) -> None:
    """Forget what was seen of a trust root; with `keep` only the time, which a wrong clock had put into the future.

    Raises TrustError where `keep` would remember less than was seen.
    """
    seen = guard(home, found) if keep else None
    with _locked(home):
        files.remove(home / "seen" / f"{found.anchor}.json")
    if seen is not None:
        remember(home, found, max(found.root.envelope.issued, found.ring.newest.issued))


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
