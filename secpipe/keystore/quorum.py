"""What only the root's people decide: holders, identities, authority, revocation, renewal; each is a draft to sign."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError, SecpipeError
from secpipe.core.text import printable
from secpipe.core.trust import Authority, HalfClass, Identity, KeyVersion, TimeAuthority
from secpipe.keys.identity import check_authority, identity_document
from secpipe.keys.metadata import EXTRA, Quorum
from secpipe.keys.ring import MOST_GRANDFATHERED, ROTATION, Delegation, ring_fields, salvage
from secpipe.keys.root import root_fields
from secpipe.keys.schedule import Schedule, key_days
from secpipe.keys.schemes.pkcs8 import Imported
from secpipe.keystore import memory
from secpipe.keystore.custody.custody import Passphrase
from secpipe.keystore.fresh import tuf_keys
from secpipe.keystore.newkey import keep, make
from secpipe.keystore.pending import read_pending, write_pending
from secpipe.keystore.publicfiles import lay_public
from secpipe.keystore.trusted import Opened, loader, open_base, open_folder, target_path

ROOT_DAYS = 3652
_MOST_CERTIFICATES = 10  # of one time authority: its root, what lies between, a signing certificate


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the halves of a first key come from: custody by class of half (default: a file), keys brought along."""

    places: Mapping[HalfClass, str] = field(default_factory=dict)
    imported: tuple[Imported, ...] = ()


_HERE = Origin()


@dataclass(frozen=True, slots=True)
class TrustChange:
    """The next ring, and the next root where `quorum` is given."""

    identities: tuple[Identity, ...]
    delegation: Delegation
    quorum: Quorum | None = None
    note: str = ""
    time_authorities: tuple[TimeAuthority, ...] | None = None  # None: as they are
    epoch: int | None = None  # None: as it is
    grandfathered: tuple[tuple[str, str], ...] | None = None  # None: as they are


def begin(folder: Path, home: Path, now: datetime) -> Opened:
    """Open trust for a change: expired trust may be renewed, but never with a clock that runs backwards."""
    found = open_folder(folder, now=None)
    memory.guard_clock(found, memory.guard(home, found), now)
    return found


def begin_epoch(folder: Path, home: Path, now: datetime) -> tuple[Opened, tuple[Identity, ...], list[str]]:
    """Open the holders' newest ring for a new epoch, with everything genuine that rotations added to it.

    Returns the identities to sign and what was left out, in words. Raises as `begin` does.
    """
    found, rotations = open_base(folder)
    memory.guard_clock(found, memory.guard(home, found, anew=True), now)
    left_out = []
    for data in rotations:
        try:
            ring = salvage(found.root, found.anchor, found.ring, data, loader(folder))
        except SecpipeError as error:
            left_out.append(f"a rotation is left out: {error.message}")
            continue
        return found, ring.identities, left_out
    return found, found.ring.identities, left_out


def new_epoch(found: Opened, identities: tuple[Identity, ...]) -> TrustChange:
    """Return `identities` under the next epoch; it needs a new rotation key (`with_rotation_key`) to be followed."""
    return TrustChange(identities, found.ring.delegation, epoch=found.ring.epoch + 1)


def draft(found: Opened, change: TrustChange, now: datetime) -> str:
    """Write the drafts of `change` to `keys/pending/` and return their digest; raises SecpipeError."""
    root_expires = now + timedelta(days=ROOT_DAYS) if change.quorum else found.root.envelope.expires
    documents = {identity.name: identity_document(identity) for identity in change.identities}
    fresh_until = min(now + timedelta(days=change.delegation.ring_days), root_expires)
    history = (*found.ring.history, found.ring.newest.digest)
    version = found.ring.version + 1
    epoch = found.ring.epoch if change.epoch is None else change.epoch
    old = found.ring.grandfathered if change.grandfathered is None else change.grandfathered
    ring = ring_fields(version, now, root_expires, fresh_until, history, change.delegation, documents, epoch, old)
    if change.note:
        ring[EXTRA]["note"] = change.note
    root = None
    if change.quorum:
        stamps = found.root.time_authorities if change.time_authorities is None else change.time_authorities
        root = root_fields(found.root.version + 1, now, root_expires, change.quorum, stamps)
    for name, data in documents.items():
        lay_public(target_path(found.folder, f"{name}.json", hashlib.sha256(data).hexdigest()), data)
    return write_pending(found.folder, ring, root)


def renewed(found: Opened, *, root: bool = False, schedule: Schedule | None = None) -> TrustChange:
    """Return the present state to be signed again, rotations folded in; with `root` the root too.

    With `schedule` automation gets the bounds that this schedule needs: its periods and its algorithm sets.
    """
    delegation = found.ring.delegation
    if schedule is not None:
        sets = {*delegation.algorithms, *(stage.name for stage in schedule.stages)}
        days = key_days(schedule)
        delegation = replace(
            delegation,
            algorithms=tuple(sorted(sets)),
            key_days=days,
            ring_days=schedule.ring_validity.days,
            late_days=schedule.late.days if schedule.late else None,
        )
    return TrustChange(found.ring.identities, delegation, found.root.quorum if root else None)


def with_rotation_key(
    found: Opened, change: TrustChange, home: Path, passphrase: Passphrase, now: datetime
) -> TrustChange:
    """Return `change` with a new rotation key, made in `home`; the old one can do nothing from then on."""
    algorithms = [key.public.algorithm for key in found.ring.delegation.quorum.keys]
    new = make(ROTATION, algorithms, {}, passphrase)
    version = KeyVersion(found.ring.version + 1, new.halves, now, now + timedelta(days=ROOT_DAYS))
    keep(home, "rotation", ROTATION, found.anchor, version, new, passphrase)
    return replace(change, delegation=replace(change.delegation, quorum=Quorum((tuf_keys(new.halves, ROTATION),), 1)))


def with_own_rotation_key(found: Opened, home: Path, name: str, passphrase: Passphrase, now: datetime) -> TrustChange:
    """Give identity `name` a rotation key of its own, made in `home`: without it no rotation adds a version to it."""

    def change(identity: Identity) -> Identity:
        _demand_ours(identity)
        new = make(
            f"{name}-{ROTATION}", [key.public.algorithm for key in found.ring.delegation.quorum.keys], {}, passphrase
        )
        version = KeyVersion(found.ring.version + 1, new.halves, now, now + timedelta(days=ROOT_DAYS))
        keep(home, "rotation", name, found.anchor, version, new, passphrase)
        return replace(identity, rotation=new.halves)

    return _edit(found, name, change)


def with_holder(
    found: Opened, home: Path, name: str, people: int | None, passphrase: Passphrase, now: datetime
) -> TrustChange:
    """Make a root pair for holder `name` in `home` and add it to the root, or to the root that waits already."""
    pending = read_pending(found)
    base = pending.root.quorum if pending and pending.root else found.root.quorum
    if name in base.names:
        raise ConfigError(f'"{name}" is a holder already', hint="secpipe keys sign-root")
    algorithms = [key.public.algorithm for key in base.holders[0]]
    new = make(name, algorithms, {}, passphrase)
    version = KeyVersion(1, new.halves, now, now + timedelta(days=ROOT_DAYS))
    keep(home, "holder", name, found.anchor, version, new, passphrase)
    holders = tuple(sorted((*base.holders, tuf_keys(new.halves, name)), key=lambda keys: keys[0].holder))
    wanted = people or max(base.people, len(holders) // 2 + 1)
    if not 1 <= wanted <= len(holders):
        raise ConfigError(f"{wanted} people cannot sign: there are {len(holders)} holders")
    return TrustChange(found.ring.identities, found.ring.delegation, Quorum(holders, wanted))


def replaced(
    found: Opened, home: Path, name: str, schedule: Schedule, passphrase: Passphrase, now: datetime
) -> TrustChange:
    """Give an identity its next key without an endorsement: the newest one, or its passphrase, is lost.

    What the old versions signed stays good; nothing says that a stranger has them (that is `revoked`).
    """
    return _edit(found, name, lambda identity: _next(found, home, identity, schedule, passphrase, now))


def without_holder(found: Opened, name: str, people: int | None) -> TrustChange:
    """Take a holder out of the root."""
    holders = tuple(pair for pair in found.root.quorum.holders if pair[0].holder != name)
    if len(holders) == len(found.root.quorum.holders):
        raise ConfigError(f'"{name}" is not a holder', hint=f"holders: {', '.join(found.root.quorum.names)}")
    wanted = people or min(found.root.quorum.people, len(holders))
    if not 1 <= wanted <= len(holders):
        raise ConfigError(f"{wanted} people cannot sign: there would be {len(holders)} holders")
    return TrustChange(found.ring.identities, found.ring.delegation, Quorum(holders, wanted))


def with_time_authority(found: Opened, name: str, pem: str | None) -> TrustChange:
    """Trust the time stamps of the RFC 3161 authority with certificate `pem`; with None, trust `name` no more."""
    others = tuple(one for one in found.root.time_authorities if one.name != name)
    if pem is None and len(others) == len(found.root.time_authorities):
        raise ConfigError(f'there is no time authority "{name}"', hint="secpipe trust show")
    stamps = others if pem is None else (*others, TimeAuthority(name, certificates(pem)))
    ordered = tuple(sorted(stamps, key=lambda one: one.name))
    return TrustChange(found.ring.identities, found.ring.delegation, found.root.quorum, time_authorities=ordered)


def certificates(text: str) -> str:
    """Return the PEM of the certificates in `text`, ten at most, and nothing else of it; raises InputError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(text.encode("ascii"))
    except ValueError:
        found = []
    if not 1 <= len(found) <= _MOST_CERTIFICATES:
        raise InputError(f"the file does not hold 1 to {_MOST_CERTIFICATES} certificates in PEM")
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in found)


def with_identity(
    found: Opened,
    home: Path,
    identity: Identity,
    algorithms: Sequence[str],
    schedule: Schedule,
    passphrase: Passphrase,
    now: datetime,
    origin: Origin = _HERE,
) -> TrustChange:
    """Make the first key of a new identity in `home` and add it; `identity` comes without versions."""
    if found.ring.identity(identity.name):
        raise ConfigError(f'there is an identity "{identity.name}" already', hint="secpipe keys show")
    check_authority(identity.name, identity.authority)
    version = _first(found, home, identity.name, 1, algorithms, schedule, passphrase, now, origin)
    made = replace(identity, versions=(version,))
    everyone = tuple(sorted((*found.ring.identities, made), key=lambda item: item.name))
    return TrustChange(everyone, _allowing(found.ring.delegation, algorithms))


def with_authority(found: Opened, name: str, authority: Authority) -> TrustChange:
    """Give an identity another authority."""
    check_authority(name, authority)
    return _edit(found, name, lambda identity: replace(identity, authority=authority))


def revoked(
    found: Opened,
    home: Path,
    name: str,
    number: int | None,
    since: datetime,
    reason: str,
    schedule: Schedule,
    passphrase: Passphrase | None,
    now: datetime,
) -> TrustChange:
    """Mark key versions of `name` as compromised since a time that may lie in the past; `number` None is all of them.

    With a passphrase a new version is made in `home`, since a compromised key endorses no successor.
    """
    if since > now:
        raise ConfigError("--compromised-since lies in the future")

    def change(identity: Identity) -> Identity:
        numbers = [version.version for version in identity.versions]
        if number is not None and number not in numbers:
            raise ConfigError(f'"{name}" has no version {number}', hint="secpipe keys list")
        versions = tuple(
            replace(version, compromised_since=min(since, version.compromised_since or since))
            if number in (None, version.version)
            else version
            for version in identity.versions
        )
        marked = replace(identity, versions=versions)
        if passphrase is None or versions[-1].compromised_since is None:
            return marked
        return _next(found, home, marked, schedule, passphrase, now)

    return replace(_edit(found, name, change), note=reason)


def grandfathered(found: Opened, artifacts: Mapping[str, str]) -> TrustChange:
    """Let artifacts (digest -> name) count without a time stamp after their key's end, besides those that do already.

    Raises ConfigError where there are more than a ring can hold, or one counts under another name already.
    """
    known = dict(found.ring.grandfathered)
    for digest, name in artifacts.items():
        if known.setdefault(digest, printable(name, 200)) != printable(name, 200):
            text = (
                f'what is signed as "{printable(name, 200)}" counts already as "{known[digest]}", and bytes count once'
            )
            raise ConfigError(text, hint="sign it again with a present key")
    if len(known) > MOST_GRANDFATHERED:
        raise ConfigError(f"a ring holds at most {MOST_GRANDFATHERED:,} such digests", hint="sign the others again")
    change = TrustChange(found.ring.identities, found.ring.delegation)
    return replace(change, grandfathered=tuple(sorted(known.items())))


def reinstated(found: Opened, name: str) -> TrustChange:
    """Take back every suspension of an identity."""
    return _edit(
        found,
        name,
        lambda identity: replace(
            identity, versions=tuple(replace(version, suspended_since=None) for version in identity.versions)
        ),
    )


def _edit(found: Opened, name: str, change: Callable[[Identity], Identity]) -> TrustChange:
    known: Mapping[str, Identity] = {identity.name: identity for identity in found.ring.identities}
    if name not in known:
        raise ConfigError(f'the keyring knows no identity "{name}"', hint=f"known: {', '.join(known)}")
    edited = {**known, name: change(known[name])}
    return TrustChange(tuple(edited.values()), found.ring.delegation)


def _next(
    found: Opened, home: Path, identity: Identity, schedule: Schedule, passphrase: Passphrase, now: datetime
) -> Identity:
    """Return the identity with a version n+1, made in `home`, that nothing endorses but the holders' signatures."""
    _demand_ours(identity)
    newest = identity.versions[-1]
    algorithms = [half.algorithm for half in newest.halves]
    added = _first(found, home, identity.name, newest.version + 1, algorithms, schedule, passphrase, now)
    return replace(identity, versions=(*identity.versions, replace(added, not_before=max(now, newest.not_before))))


def _demand_ours(identity: Identity) -> None:
    if identity.origin:
        text = f'"{identity.name}" belongs to another trust root, whose people make its keys'
        raise ConfigError(text, hint="secpipe trust federate again; keys revoke --no-replacement ends it here")


def _first(
    found: Opened,
    home: Path,
    name: str,
    number: int,
    algorithms: Sequence[str],
    schedule: Schedule,
    passphrase: Passphrase,
    now: datetime,
    origin: Origin = _HERE,
) -> KeyVersion:
    new = make(f"{name}-{number}", algorithms, origin.places, passphrase, origin.imported)
    version = KeyVersion(number, new.halves, now, now + schedule.period + schedule.overlap)
    keep(home, "identity", name, found.anchor, version, new, passphrase)
    return version


def _allowing(delegation: Delegation, algorithms: Sequence[str]) -> Delegation:
    return replace(delegation, algorithms=tuple(sorted({*delegation.algorithms, "+".join(algorithms)})))
