"""Carrying out a rotation: locked, atomic, durable, idempotent. The plan itself is `keys.plan`, pure.

Order of writes: the record of the new private half, the private half, its public target file, the ring. Only the last
one changes what verifiers see. A crash before it leaves a key that nobody knows; the next run finds and uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.protocols import Signer
from secpipe.core.trust import Identity, KeyVersion
from secpipe.keys.growth import demand_growth, known
from secpipe.keys.plan import Plan, Step, plan_ring
from secpipe.keys.ring import ROTATION, Suspension, read_ring, rotation_fields
from secpipe.keys.schedule import Schedule
from secpipe.keys.successor import Successor, endorse
from secpipe.keystore import home as store
from secpipe.keystore import memory
from secpipe.keystore.custody.custody import Passphrase
from secpipe.keystore.fresh import signed_file
from secpipe.keystore.latest import write_latest
from secpipe.keystore.newkey import succeed
from secpipe.keystore.snapshot import snapshot_due, write_snapshot
from secpipe.keystore.trusted import Opened, anchor_of, loader, open_folder, target_path
from secpipe.keystore.unlock import open_record
from secpipe.system import files, locks

OWN_ROTATION = 'the rotation key of "{}" itself is not on this machine'
LOST_ROTATION = "rotate where it is; lost: the holders run secpipe keys renew --rotation-key-of {}"


@dataclass(frozen=True, slots=True)
class Committed:
    """What a run did: `made` is empty where nothing was due."""

    plan: Plan
    made: tuple[Step, ...]
    ring_version: int


@contextlib.contextmanager
def locked(home: Path, anchor: str) -> Iterator[None]:
    """Hold the one lock under which private halves and the ring of a trust root change."""
    store.prepare(home)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.lock(home / f"{anchor[:32]}.lock"))
        except OSError as error:
            raise SecpipeError(f"cannot write to {home}: {files.reason(error)}") from error
        yield


def rotate(
    folder: Path,
    home: Path,
    schedule: Schedule,
    passphrase: Passphrase,
    now: Callable[[], datetime],
    force: Collection[str] = (),
) -> Committed:
    """Rotate what is due (and `force`) and return what was done; a second run does nothing.

    `now` is read after the lock is held. Raises TrustError where trust, clock or delegation say no, SecpipeError where
    it cannot be written; the ring is unchanged then.
    """
    anchor = anchor_of(folder)
    with locked(home, anchor):
        instant = now()
        found = open_folder(folder, now=instant)
        seen = memory.guard(home, found)
        memory.guard_clock(found, seen, instant)
        plan = plan_ring(found.ring, schedule, instant, force)
        _refuse_unknown(found, force)
        clean(folder)
        if schedule.snapshot and snapshot_due(
            found.trust.freshness, found.ring, schedule.snapshot, instant
        ):  # whatever else is blocked
            found = _stated(found, home, passphrase, schedule.snapshot, instant)
        if not plan.steps:
            write_latest(folder)
            memory.remember(home, found, instant)
            return Committed(plan, (), found.ring.version)
        if not plan.ready:
            raise TrustError(
                _blocked(plan), hint="the holders: secpipe keys replace, reinstate, or renew --adopt-schedule"
            )
        rotation = _rotation_role(found, home, passphrase)
        successors, plan = _endorsed(found, home, plan, passphrase, instant)
        after = publish(found, schedule, rotation, instant, successors, found.ring.suspended)
        memory.remember(home, after, instant)
        return Committed(plan, plan.ready, after.ring.version)


def _endorsed(
    found: Opened, home: Path, plan: Plan, passphrase: Passphrase, now: datetime
) -> tuple[list[Successor], Plan]:
    """Return the successors that could be made, and the plan with a reason at each step that could not.

    One identity whose key is elsewhere stops no other. Raises the first error where none could be made.
    """
    successors: list[Successor] = []
    failed: dict[str, SecpipeError] = {}
    for step in plan.ready:
        try:
            successors.append(_successor(found, home, step, passphrase, now))
        except SecpipeError as error:
            failed[step.identity] = error
    if not successors:
        first, *others = failed.items()
        if not others:
            raise first[1]
        text = "; ".join(f'"{name}": {error.message}' for name, error in failed.items())
        raise type(first[1])(text, hint=first[1].hint)
    reasons = {
        name: f"{error.message} ({error.hint})" if error.hint else error.message for name, error in failed.items()
    }
    steps = (replace(step, blocked=step.blocked or reasons.get(step.identity, "")) for step in plan.steps)
    return successors, replace(plan, steps=tuple(steps))


def state_newest(folder: Path, home: Path, passphrase: Passphrase, span: timedelta, now: datetime) -> Opened:
    """Sign the statement that the ring in `folder` is the newest, for `span`; raises as `rotate` does."""
    with locked(home, anchor_of(folder)):
        found = open_folder(folder, now=now)
        memory.guard_clock(found, memory.guard(home, found), now)
        after = _stated(found, home, passphrase, span, now)
        memory.remember(home, after, now)
        return after


def _stated(found: Opened, home: Path, passphrase: Passphrase, span: timedelta, now: datetime) -> Opened:
    record, signers = _rotation_role(found, home, passphrase)
    fresh = write_snapshot(found.folder, found.roots, found.ring, record.halves, signers, span, now)
    write_latest(found.folder)
    return replace(found, trust=replace(found.trust, freshness=fresh))


def suspend(folder: Path, home: Path, schedule: Schedule, passphrase: Passphrase, now: datetime, name: str) -> int:
    """Take the newest signing version of identity `name` out of use at `now`; return the new ring version.

    The rotation role may do this on its own; only the root quorum reinstates. Raises as `rotate` does.
    """
    anchor = anchor_of(folder)
    with locked(home, anchor):
        found = open_folder(folder, now=now)
        memory.guard_clock(found, memory.guard(home, found), now)
        _refuse_unknown(found, (name,))
        identity = found.ring.identity(name)
        versions = identity.versions if identity else ()
        known = {(mark.identity, mark.version) for mark in found.ring.suspended}
        marks = [
            Suspension(name, version.version, now)
            for version in versions
            if version.sign_until > now and version.suspended_since is None and (name, version.version) not in known
        ]
        if not marks:
            raise ConfigError(f'no key version of "{name}" may sign, so there is nothing to suspend')
        rotation = _rotation_role(found, home, passphrase)
        after = publish(found, schedule, rotation, now, (), (*found.ring.suspended, *marks))
        memory.remember(home, after, now)
        return after.ring.version


def publish(
    found: Opened,
    schedule: Schedule,
    rotation: tuple[store.Record, tuple[Signer, ...]],
    now: datetime,
    successors: Collection[Successor],
    suspended: Collection[Suspension],
) -> Opened:
    """Write the next rotation file after checking it as a verifier would; return the trust that now lies there."""
    ring = found.ring
    everything = (*ring.successors, *successors)
    days = min(schedule.ring_validity, timedelta(days=ring.delegation.ring_days))
    record, signers = rotation
    signed = rotation_fields(
        ring.version + 1,
        now,
        min(now + days, ring.targets.expires),
        (*ring.history, ring.newest.digest),
        everything,
        suspended,
    )
    data = signed_file(signed, record.halves, signers, ROTATION)
    documents = {f"{item.identity}/{item.version.version}.json": item.document() for item in successors}
    _rehearse(found, data, documents)
    place = found.folder / "ring" / f"{ring.version + 1}.rotation.json"
    _write(found.folder, documents, place, data)
    if ring.rotation is not None:  # the new file holds all that this one did, and its digest
        files.remove(found.folder / "ring" / f"{ring.version}.rotation.json")
    write_latest(found.folder)
    return open_folder(found.folder, now=None)


def _write(folder: Path, documents: Mapping[str, bytes], ring_file: Path, ring: bytes) -> None:
    written = []
    try:
        for path, document in documents.items():
            place = target_path(folder, path, hashlib.sha256(document).hexdigest())
            files.make_folder(place.parent)
            written.append(place)
            files.write_atomic(place, document)
            files.sync_folder(place.parent.parent)
        files.write_atomic(ring_file, ring)
    except (SecpipeError, OSError) as error:
        if not ring_file.exists():  # else the ring names these targets already, though the disk may not hold it yet
            for place in written:
                with contextlib.suppress(SecpipeError, OSError):
                    files.remove(place)
        if isinstance(error, OSError):
            raise SecpipeError(f"cannot write the keyring: {files.reason(error)}") from error
        raise


def _rehearse(found: Opened, rotation: bytes, documents: Mapping[str, bytes]) -> None:
    stored = loader(found.folder)
    fresh = {(path, hashlib.sha256(data).hexdigest()): data for path, data in documents.items()}

    def load(path: str, digest: str) -> bytes:
        return fresh[path, digest] if (path, digest) in fresh else stored(path, digest)

    targets = files.read_bytes(found.folder / "ring" / f"{found.ring.targets.version}.targets.json", 1 << 24)
    demand_growth(known(found.ring), read_ring(found.root, found.anchor, targets, rotation, load))


def clean(folder: Path) -> None:
    """Remove temporary files that a crash left behind in public folders (the lock is held)."""
    for place in (folder / "ring", folder / "targets", folder / "root"):
        for path in place.rglob(".*.tmp"):
            files.remove(path)


def _rotation_role(found: Opened, home: Path, passphrase: Passphrase) -> tuple[store.Record, tuple[Signer, ...]]:
    wanted = {key.public.pem for key in found.ring.delegation.quorum.keys}
    for record in store.find(home, "rotation", ROTATION, found.anchor):
        if {half.pem for half in record.halves} <= wanted:
            return record, open_record(record, home, passphrase)
    raise InputError(
        "the rotation key of this keyring is not on this machine",
        hint="rotate where secpipe keys init ran; secpipe keys restore FILE; lost: secpipe keys renew --rotation-key",
    )


def _successor(found: Opened, home: Path, step: Step, passphrase: Passphrase, now: datetime) -> Successor:
    identity = found.ring.identity(step.identity)
    if identity is None:
        raise TrustError(f'the ring has no identity "{step.identity}"')
    newest = identity.versions[-1]
    record = store.read_record(home, newest.id)
    if record is None:
        raise InputError(
            f'the private key of "{step.identity}" version {newest.version} is not here to endorse a new one',
            hint=f"secpipe keys restore FILE; if it is lost: secpipe keys replace {step.identity}",
        )
    old = open_record(record, home, passphrase)
    own: tuple[Signer, ...] = ()
    if identity.rotation:
        held = own_rotation(found, home, identity)
        if held is None:
            raise InputError(OWN_ROTATION.format(step.identity), hint=LOST_ROTATION.format(step.identity))
        own = open_record(held, home, passphrase)
    blank = KeyVersion(step.version, (), step.not_before, step.sign_until, step.verify_until)
    version, new = succeed(home, record, blank, step.algorithms, _known(found), passphrase)
    return endorse(step.identity, version, now, found.anchor, newest, old, new, own, identity.rotation)


def own_rotation(found: Opened, home: Path, identity: Identity) -> store.Record | None:
    """Return the record of the identity's own rotation key, if it is on this machine."""
    records = store.find(home, "rotation", identity.name, found.anchor)
    return next((record for record in records if record.halves == identity.rotation), None)


def _known(found: Opened) -> set[str]:
    return {version.id for identity in found.trust.identities for version in identity.versions}


def _refuse_unknown(found: Opened, names: Collection[str]) -> None:
    known = [identity.name for identity in found.trust.identities]
    for name in names:
        if name not in known:
            raise ConfigError(f'the keyring knows no identity "{name}"', hint=f"known: {', '.join(known)}")


def _blocked(plan: Plan) -> str:
    return "; ".join(f'"{step.identity}" is due, but {step.blocked}' for step in plan.steps)
