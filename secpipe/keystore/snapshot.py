"""`keys/ring/snapshot.json`: the statement that the ring is the newest, read, kept fresh and brought along."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.protocols import Signer
from secpipe.core.trust import SKEW, Freshness, PublicHalf
from secpipe.keys.metadata import parse_envelope
from secpipe.keys.ring import ROTATION, Ring
from secpipe.keys.root import Root
from secpipe.keys.snapshot import judge_snapshot, snapshot_fields
from secpipe.system import files

PATH = "ring/snapshot.json"
LIMIT = 1 << 16


def read_freshness(folder: Path, roots: Sequence[Root], ring: Ring) -> Freshness:
    """Return what the statement in a trust folder says of its verified chain and ring."""
    path = folder / PATH
    try:
        return (
            judge_snapshot(files.read_bytes(path, LIMIT, follow=False), roots, ring) if path.exists() else Freshness()
        )
    except SecpipeError as error:
        return Freshness(problem=error.message)


def snapshot_due(fresh: Freshness, ring: Ring, span: timedelta, now: datetime) -> bool:
    """Return whether a new statement is due: the ring is newer than the one it names, or half of its life is over."""
    if fresh.problem or fresh.issued is None or fresh.expires is None or fresh.issued > now + SKEW:
        return True
    if now >= fresh.issued + span / 2:
        return True
    return fresh.issued < ring.newest.issued or now >= fresh.expires


def write_snapshot(
    folder: Path,
    roots: Sequence[Root],
    ring: Ring,
    halves: Sequence[PublicHalf],
    signers: Sequence[Signer],
    span: timedelta,
    now: datetime,
) -> Freshness:
    """Sign and write the statement that the ring is the newest; return it as a verifier reads it.

    Raises InputError where it would not be accepted.
    """
    from secpipe.keystore.fresh import signed_file  # whoever only verifies does not pay for it

    expires = now + min(span, timedelta(days=ring.delegation.ring_days))
    signed = snapshot_fields(_number(folder) + 1, now, expires, roots, ring)
    data = signed_file(signed, halves, signers, ROTATION)
    fresh = judge_snapshot(data, roots, ring)
    if fresh.problem:
        raise InputError(fresh.problem)
    files.write_atomic(folder / PATH, data)
    return fresh


def take_snapshot(folder: Path, data: bytes, roots: Sequence[Root], ring: Ring, now: datetime) -> None:
    """Keep a statement that came with newer trust, where it holds and is newer than the one that lies here.

    One from after `now` counts as none, there and here.
    """
    theirs, mine = judge_snapshot(data, roots, ring), read_freshness(folder, roots, ring)
    began = [one.issued for one in (mine,) if one.issued and one.issued <= now + SKEW]
    if theirs.issued and theirs.issued <= now + SKEW and all(theirs.issued > other for other in began):
        files.write_atomic(folder / PATH, data)


def _number(folder: Path) -> int:
    try:
        data = files.read_bytes(folder / PATH, LIMIT, follow=False)
        return parse_envelope(data, "snapshot", "the statement").version
    except SecpipeError:
        return 0
