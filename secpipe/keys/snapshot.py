"""The short-lived statement of the newest ring: TUF's snapshot, signed by the rotation role (docs/spec/keyring.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from secpipe.core.errors import SecpipeError, TrustError
from secpipe.core.shape import Fields
from secpipe.core.trust import Freshness
from secpipe.keys.metadata import EXTRA, Envelope, parse_envelope, signed_header
from secpipe.keys.ring import ROTATION, Ring
from secpipe.keys.root import Root
from secpipe.keys.wire import HEX256

_WHAT = "the statement of the newest ring"
_OLDER = "; here is an older one: secpipe trust update SOURCE"


def snapshot_fields(
    version: int, issued: datetime, expires: datetime, roots: Sequence[Root], ring: Ring
) -> dict[str, Any]:
    """Return the unsigned `signed` part of a statement that `ring` is the newest ring under the newest of `roots`."""
    newest = roots[-1].envelope
    meta = {"targets.json": _file(ring.targets)}
    if ring.rotation is not None:
        meta[f"{ROTATION}.json"] = _file(ring.rotation)
    extra = {"root": _file(newest)}
    return signed_header("snapshot", version, issued, expires, extra) | {"meta": meta}


def _file(envelope: Envelope) -> dict[str, Any]:
    return {"version": envelope.version, "hashes": {"sha256": envelope.digest}}


def judge_snapshot(data: bytes, roots: Sequence[Root], ring: Ring) -> Freshness:
    """Return what the statement in `data` says of a verified chain and ring; what is wrong with it is its `problem`.

    A ring that grew from the one it names is newer still, so that holds. Time is not judged here.
    """
    try:
        envelope = parse_envelope(data, "snapshot", _WHAT)
        _judge(envelope, roots, ring)
    except SecpipeError as error:
        return Freshness(problem=error.message)
    return Freshness(envelope.issued, envelope.expires, "")


def _judge(envelope: Envelope, roots: Sequence[Root], ring: Ring) -> None:
    envelope.demand(ring.delegation.quorum, "the rotation role")
    if envelope.expires > envelope.issued + timedelta(days=ring.delegation.ring_days):
        raise TrustError(f"{_WHAT} lives longer than the root quorum allows")
    fields = Fields(envelope.signed, _WHAT)
    _demand_known(fields.fields(EXTRA).fields("root"), [root.envelope.digest for root in roots], "root")
    meta = fields.fields("meta")
    known = (*ring.history, ring.newest.digest)
    for name in ("targets.json", f"{ROTATION}.json"):
        if name == "targets.json" or name in meta.table:
            _demand_known(meta.fields(name), known, "ring")
    meta.close()


def _demand_known(fields: Fields, known: Sequence[str], word: str) -> None:
    """Raise TrustError unless the file that is named is one of the line that leads to what lies here."""
    version, digest = fields.integer("version"), fields.fields("hashes").text("sha256", HEX256)
    if version > len(known):
        raise TrustError(f"{_WHAT} names {word} {version}{_OLDER}")
    if known[version - 1] != digest:
        raise TrustError(f"{_WHAT} names another {word} {version} than this one grew from")
