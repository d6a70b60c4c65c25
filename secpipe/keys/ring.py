"""The keyring: TUF targets signed by the root's people, extended by the bounded `rotation` role."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.errors import InputError, TrustError
from secpipe.core.shape import Fields
from secpipe.core.trust import Identity, KeyState, KeyVersion
from secpipe.keys.identity import pair_name, parse_identity
from secpipe.keys.metadata import EXTRA, Envelope, Quorum, parse_envelope, parse_keys, parse_quorum, signed_header
from secpipe.keys.root import Root
from secpipe.keys.successor import Proofs, Successor, parse_successor, proof_of
from secpipe.keys.wire import HEX256, NAME

ROTATION = "rotation"
_SUCCESSOR = re.compile(r"([a-z0-9-]{1,64})/([1-9][0-9]{0,5})\.json\Z")
_IDENTITY = re.compile(r"([a-z0-9-]{1,64})\.json\Z")
_NAMED = re.compile(r"[^\x00-\x1f\x7f]{1,200}\Z")
MOST_GRANDFATHERED = 10_000
_PAIR = re.compile(r"[a-z0-9-]{1,40}(\+[a-z0-9-]{1,40})?\Z")

#: (target path, hex SHA-256, length) -> content; raises InputError. The caller reads, the ring checks the digest.
Load = Callable[[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Delegation:
    """What the rotation role may do on its own: make keys of these algorithm sets, valid for at most so many days."""

    quorum: Quorum
    algorithms: tuple[str, ...]  # `ecdsa-p256+ml-dsa-65`
    key_days: int  # not_before to sign_until of one key version
    ring_days: int  # issued to expires of one rotation
    late_days: int | None = None  # how long after its sign_until a version may still endorse; None: as ring_days

    @property
    def late(self) -> timedelta:
        """How long the newest version may endorse after it stopped signing: for a scheduler that stood still."""
        return timedelta(days=self.ring_days if self.late_days is None else self.late_days)


@dataclass(frozen=True, slots=True)
class Suspension:
    """One key version that automation took out of use; only the root quorum brings it back."""

    identity: str
    version: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Ring:
    """The keyring after every check. `history` holds the digests of all its earlier files, oldest first."""

    targets: Envelope
    rotation: Envelope | None
    identities: tuple[Identity, ...]
    delegation: Delegation
    history: tuple[str, ...]
    fresh_until: datetime
    base: tuple[Identity, ...]  # as the quorum signed them
    successors: tuple[Successor, ...] = ()
    suspended: tuple[Suspension, ...] = ()
    grandfathered: tuple[tuple[str, str], ...] = ()  # (digest, name): signed in time, though no time stamp says so
    epoch: int = 0  # the holders raise it where a stolen rotation key led verifiers onto another line

    @property
    def newest(self) -> Envelope:
        return self.rotation or self.targets

    @property
    def version(self) -> int:
        return self.newest.version

    @property
    def expires(self) -> datetime:
        return min(self.targets.expires, self.rotation.expires if self.rotation else self.fresh_until)

    def identity(self, name: str) -> Identity | None:
        """Return the identity `name`, or None."""
        return next((identity for identity in self.identities if identity.name == name), None)


def read_ring(
    root: Root, anchor: str, targets: bytes, rotation: bytes | None, load: Load, proofs: Proofs | None = None
) -> Ring:
    """Verify the ring under `root` and return it; `anchor` is the hex SHA-256 of root 1.

    `proofs` says which endorsements need no second verification, and is told which were used. Time is not judged here.
    Raises InputError where something is malformed, TrustError where it does not hold.
    """
    ring = parse_base(root, targets, load)
    ring.targets.demand(root.ring_quorum, f"root {root.version}")
    if rotation is None:
        return ring
    extended = _extend(ring, anchor, parse_envelope(rotation, ROTATION, "the rotation"), load, proofs or Proofs())
    _unique(extended.identities, root, ring.delegation.quorum)
    return extended


def parse_base(root: Root, targets: bytes, load: Load) -> Ring:
    """Read the quorum's part of a ring WITHOUT checking who signed it: to show a draft, or to check afterwards."""
    envelope = parse_envelope(targets, "targets", "the ring")
    fields = Fields(envelope.signed, "the ring")
    delegation = _delegation(fields)
    extra = fields.fields(EXTRA)
    base = tuple(_identities(fields, load))
    _unique(base, root, delegation.quorum)
    fresh_until = extra.time("fresh_until")
    history = _history(extra, envelope)
    old = _grandfathered(extra)
    return Ring(
        envelope, None, base, delegation, history, fresh_until, base, grandfathered=old, epoch=epoch_of(envelope)
    )


def _grandfathered(extra: Fields) -> tuple[tuple[str, str], ...]:
    """Return what the holders vouch for: artifacts that were signed while their key might sign; raises InputError."""
    if "grandfathered" not in extra.table:
        return ()
    table = Fields(extra.mapping("grandfathered"), "what the ring grandfathers")
    if not 0 < len(table.table) <= MOST_GRANDFATHERED or not all(HEX256.match(digest) for digest in table.table):
        raise InputError("what the ring grandfathers is not a table of SHA-256 digests")
    return tuple((digest, table.text(digest, _NAMED)) for digest in sorted(table.table))


def epoch_of(envelope: Envelope) -> int:
    """Return the epoch that the holders' part of a ring names; 0 where it names none. Raises InputError."""
    extra = Fields(envelope.signed, "the ring").fields(EXTRA)
    return extra.integer("epoch") if "epoch" in extra.table else 0


def salvage(root: Root, anchor: str, base: Ring, rotation: bytes, load: Load) -> Ring:
    """Return `base` with what is genuine in a rotation that is not accepted for its number or history.

    Every key version in it is checked as always. For the holders only, who sign it anew. Raises as `read_ring` does.
    """
    extended = _extend(base, anchor, parse_envelope(rotation, ROTATION, "the rotation"), load, Proofs(), follows=False)
    _unique(extended.identities, root, base.delegation.quorum)
    return extended


def _history(extra: Fields, envelope: Envelope) -> tuple[str, ...]:
    history = extra.strings("history", HEX256, 100_000)
    if len(history) != envelope.version - 1:
        raise TrustError(
            f"{envelope.kind} {envelope.version} does not list the ring's versions without a gap", code="ring-history"
        )
    return history


def _delegation(fields: Fields) -> Delegation:
    delegations = fields.fields("delegations")
    keys = parse_keys(delegations.mapping("keys"), delegations.what)
    roles = delegations.listing("roles", 1)
    if len(roles) != 1:
        raise InputError(f"{delegations.what} does not hold exactly the rotation role")
    role = Fields(roles[0], f"{delegations.what}, a role")
    if role.text("name", limit=64) != ROTATION:
        raise InputError(f"{delegations.what} does not hold exactly the rotation role")
    limits = role.fields(EXTRA)
    return Delegation(
        parse_quorum(role, keys),
        limits.strings("algorithms", _PAIR, 100),
        limits.integer("key_days", high=36_500),
        limits.integer("ring_days", high=36_500),
        limits.integer("late_days", low=0, high=36_500) if "late_days" in limits.table else None,
    )


def _target(path: str, value: object, load: Load) -> bytes:
    fields = Fields(value, f"target {path}")
    digest = fields.fields("hashes").text("sha256", HEX256)
    data = load(path, digest)
    if len(data) != fields.integer("length", high=1 << 26) or hashlib.sha256(data).hexdigest() != digest:
        raise TrustError(f"target {path} is not the file that was signed", code="target-mismatch")
    return data


def _identities(fields: Fields, load: Load) -> Iterable[Identity]:
    for path, value in sorted(fields.mapping("targets").items()):
        match = _IDENTITY.match(path)
        if not match or not NAME.match(match[1]):
            raise InputError("the ring holds a target that is not an identity")
        yield parse_identity(_target(path, value, load), match[1])


def _unique(identities: Iterable[Identity], root: Root, rotation: Quorum) -> None:
    """Raise TrustError where one public key has two jobs: another version, identity, holder or the rotation role."""
    holders = {key.public.pem for quorum in (root.quorum, root.ring_quorum) for key in quorum.keys}
    seen = holders | {key.public.pem for key in rotation.keys}
    if len(seen) != len(holders) + len(rotation.keys):
        raise TrustError("the rotation role uses a key of a holder", code="key-reused")
    for identity in identities:
        jobs = [(f"version {version.version}", version.halves) for version in identity.versions]
        for what, halves in (*jobs, ("as its rotation key", identity.rotation)):
            for half in halves:
                if half.pem in seen:
                    raise TrustError(
                        f'"{identity.name}" {what} uses a public key that has another job already', code="key-reused"
                    )
                seen.add(half.pem)


def _extend(ring: Ring, anchor: str, envelope: Envelope, load: Load, proofs: Proofs, *, follows: bool = True) -> Ring:
    """Apply what the rotation role signed on top of the quorum's ring; its place in the chain only if it `follows`."""
    envelope.demand(ring.delegation.quorum, "the rotation role")
    fields = Fields(envelope.signed, "the rotation")
    extra = fields.fields(EXTRA)
    history = _history(extra, envelope)
    base = ring.targets
    if follows and history[: base.version] != (*ring.history, base.digest):
        raise TrustError(
            f"rotation {envelope.version} does not extend ring {base.version}",
            hint="secpipe keys merge; a stolen rotation key: secpipe keys renew --new-epoch",
            code="rotation-does-not-extend",
        )
    _bounded(ring, envelope)
    successors = []
    identities = {identity.name: identity for identity in ring.base}
    for path, value in sorted(fields.mapping("targets").items(), key=lambda item: (len(item[0]), item[0])):
        match = _SUCCESSOR.match(path)
        if not match or match[1] not in identities:
            raise TrustError(
                "the rotation role adds something that is not a version of an identity in the ring",
                code="rotation-beyond-role",
            )
        data = _target(path, value, load)
        successor = parse_successor(data, match[1], int(match[2]))
        identity = identities[match[1]]
        newest = identity.versions[-1]
        proof = proof_of(hashlib.sha256(data).hexdigest(), newest, identity.rotation)
        _appendable(ring, identity, successor, envelope)
        successor.verify(newest, anchor, identity.rotation, proven=proof in proofs.known)
        proofs.used.add(proof)
        identities[match[1]] = replace(identity, versions=(*identity.versions, successor.version))
        successors.append(successor)
    suspended = tuple(_suspension(item, identities) for item in extra.listing("suspended", 1000))
    if follows:
        _no_jump(envelope.version - base.version, len(successors), suspended)
    for mark in suspended:
        if any(_endorsed_by(item, mark) for item in successors):
            raise TrustError(
                f'version {mark.version} of "{mark.identity}" is suspended and endorses no successor',
                code="endorser-state",
            )
        identities[mark.identity] = _suspend(identities[mark.identity], mark)
    return replace(
        ring,
        rotation=envelope,
        identities=tuple(identities[identity.name] for identity in ring.base),
        history=history,
        successors=tuple(successors),
        suspended=suspended,
    )


def _bounded(ring: Ring, envelope: Envelope) -> None:
    if envelope.issued < ring.targets.issued:
        raise TrustError(
            f"rotation {envelope.version} is issued before ring {ring.targets.version}", code="rotation-bounds"
        )
    if "delegations" in envelope.signed:
        raise TrustError("the rotation role may not delegate", code="rotation-beyond-role")
    limit = min(envelope.issued + timedelta(days=ring.delegation.ring_days), ring.targets.expires)
    if envelope.expires > limit:
        raise TrustError(
            f"rotation {envelope.version} lives longer than the root quorum allows", code="rotation-bounds"
        )


def _no_jump(steps: int, made: int, suspended: Collection[Suspension]) -> None:
    """Raise TrustError where the number rose by more than was appended: each rotation adds something, or is none."""
    if steps > made + len({(mark.identity, mark.version) for mark in suspended}):
        raise TrustError(
            f"the ring's number rose by {steps} with fewer changes: a rotation that appends nothing, or a jump",
            hint="the holders run secpipe keys renew --new-epoch",
            code="rotation-jump",
        )


def _appendable(ring: Ring, identity: Identity, successor: Successor, envelope: Envelope) -> None:
    """Raise TrustError where dates, states, algorithms or the bounds of the rotation role say no."""
    newest = identity.versions[-1]
    version = successor.version
    if identity.origin:
        raise TrustError(
            f'"{identity.name}" belongs to another trust root and gets no version here', code="rotation-beyond-role"
        )
    what = f'version {version.version} of "{identity.name}"'
    if not ring.targets.issued <= successor.issued <= envelope.issued:
        raise TrustError(f"{what} is not made between its ring and its rotation", code="rotation-bounds")
    if newest.state(successor.issued) in {KeyState.COMPROMISED, KeyState.DESTROYED, KeyState.SUSPENDED}:
        raise TrustError(f"{what} is endorsed by a key that is {newest.state(successor.issued)}", code="endorser-state")
    if successor.issued > newest.sign_until + ring.delegation.late:
        raise TrustError(
            f"{what} is endorsed by a key that stopped signing longer ago than the root quorum allows",
            hint=f"the holders run secpipe keys replace {identity.name}",
            code="endorser-state",
        )
    if version.not_before < max(successor.issued, newest.not_before):
        raise TrustError(f"{what} starts in the past", code="rotation-bounds")
    if version.sign_until - version.not_before > timedelta(days=ring.delegation.key_days):
        raise TrustError(f"{what} lives longer than the root quorum allows", code="rotation-bounds")
    if pair_name(version.halves) not in ring.delegation.algorithms:
        raise TrustError(
            f"{what} uses {pair_name(version.halves)}, which the root quorum does not allow", code="rotation-bounds"
        )


def _suspension(item: object, identities: Mapping[str, Identity]) -> Suspension:
    one = Fields(item, "the rotation, a suspension")
    mark = Suspension(one.text("identity", NAME), one.integer("version"), one.time("since"))
    one.close()
    if mark.identity not in identities or mark.version > len(identities[mark.identity].versions):
        raise TrustError("the rotation role suspends a key that is not in the ring", code="rotation-beyond-role")
    return mark


def _endorsed_by(successor: Successor, mark: Suspension) -> bool:
    same = (successor.identity, successor.version.version) == (mark.identity, mark.version + 1)
    return same and successor.issued >= mark.since


def _suspend(identity: Identity, mark: Suspension) -> Identity:
    def marked(version: KeyVersion) -> KeyVersion:
        if version.version != mark.version:
            return version
        since = min(mark.since, version.suspended_since or mark.since)
        return replace(version, suspended_since=since)

    return replace(identity, versions=tuple(marked(version) for version in identity.versions))


def target_entry(data: bytes) -> dict[str, Any]:
    """Return the TUF target object of a file."""
    return {"length": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}


def ring_fields(
    version: int,
    issued: datetime,
    expires: datetime,
    fresh_until: datetime,
    history: Iterable[str],
    delegation: Delegation,
    documents: Mapping[str, bytes],
    epoch: int = 0,
    grandfathered: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return the unsigned `signed` part of the quorum's ring; `documents` is identity name -> target file."""
    extra: dict[str, Any] = {"fresh_until": times.rfc3339(fresh_until), "history": list(history)}
    if epoch:
        extra["epoch"] = epoch
    if old := dict(grandfathered):
        extra["grandfathered"] = old
    late = {} if delegation.late_days is None else {"late_days": delegation.late_days}
    role = delegation.quorum.to_role() | {
        "name": ROTATION,
        "terminating": True,
        "paths": ["*/*.json"],
        EXTRA: {
            "algorithms": list(delegation.algorithms),
            "key_days": delegation.key_days,
            "ring_days": delegation.ring_days,
            **late,
        },
    }
    keys = {key.keyid: key.to_dict() for key in delegation.quorum.keys}
    return signed_header("targets", version, issued, expires, extra) | {
        "targets": {f"{name}.json": target_entry(data) for name, data in documents.items()},
        "delegations": {"keys": keys, "roles": [role]},
    }


def rotation_fields(
    version: int,
    issued: datetime,
    expires: datetime,
    history: Iterable[str],
    successors: Iterable[Successor],
    suspended: Iterable[Suspension],
) -> dict[str, Any]:
    """Return the unsigned `signed` part of a rotation: everything that automation did since the quorum's ring."""
    marks = [
        {"identity": mark.identity, "version": mark.version, "since": times.rfc3339(mark.since)} for mark in suspended
    ]
    extra = {"history": list(history), "suspended": marks}
    documents = {f"{item.identity}/{item.version.version}.json": item.document() for item in successors}
    return signed_header(ROTATION, version, issued, expires, extra) | {
        "targets": {path: target_entry(data) for path, data in documents.items()}
    }
