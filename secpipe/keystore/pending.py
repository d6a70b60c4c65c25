"""Root and ring versions that wait in `keys/pending/` for the signatures of enough people, and their publication.

The ring is published first: it is signed by the people of the old root and of the new one, so trust holds at every
moment, also when the machine stops between the two files.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.protocols import Signer
from secpipe.keys.changes import Changes, compare
from secpipe.keys.metadata import Envelope, Quorum, parse_envelope, write_envelope
from secpipe.keys.ring import ROTATION, epoch_of, parse_base, read_ring
from secpipe.keys.root import Root, parse_root, verify_successor
from secpipe.keys.wire import canonical
from secpipe.keystore import home as store
from secpipe.keystore import memory
from secpipe.keystore.custody.custody import Passphrase
from secpipe.keystore.fresh import metadata_signatures
from secpipe.keystore.latest import write_latest
from secpipe.keystore.publicfiles import FILE_LIMIT
from secpipe.keystore.trusted import Opened, loader, open_base, open_folder, ring_files
from secpipe.keystore.unlock import open_record
from secpipe.system import files

_NOTHING = "nothing waits for a signature"
_DRAFT = "secpipe keys add-holder, add-identity, revoke or renew"


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits: the next ring, and the next root where it changes. `content`: their files as they were read, once."""

    folder: Path
    ring: Envelope
    root: Root | None
    content: tuple[bytes, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        names = [f"{self.ring.version}.targets.json"]
        return tuple(
            self.folder / "pending" / name for name in names + ([f"{self.root.version}.root.json"] if self.root else [])
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a signing is: who signed, how many more people are needed, and whether it was published."""

    signed: tuple[str, ...]
    missing: int
    published: bool


def write_pending(folder: Path, ring: dict[str, Any], root: dict[str, Any] | None) -> str:
    """Put unsigned drafts where the holders sign them, and return their digest; earlier drafts are replaced."""
    files.make_folder(folder / "pending")
    for path in (folder / "pending").glob("*.json"):
        files.remove(path)
    files.write_atomic(folder / "pending" / f"{ring['version']}.targets.json", write_envelope(ring, {}))
    if root is not None:
        files.write_atomic(folder / "pending" / f"{root['version']}.root.json", write_envelope(root, {}))
    return draft_digest([canonical(one) for one in (ring, root) if one is not None])


def draft_digest(payloads: Sequence[bytes]) -> str:
    """Return what a draft is called: hex SHA-256 over the hex SHA-256 of the `signed` of its ring, and of its root."""
    return hashlib.sha256("".join(hashlib.sha256(one).hexdigest() for one in payloads).encode()).hexdigest()


def open_signing(folder: Path) -> Opened:
    """Return the trust that a waiting draft follows: for a new epoch, what the holders signed last."""
    names = sorted((folder / "pending").glob("*.targets.json"))
    if len(names) == 1:
        waiting = parse_envelope(files.read_bytes(names[0], FILE_LIMIT, follow=False), "targets", "the pending ring")
        if epoch_of(waiting):
            base, _ = open_base(folder)
            if epoch_of(waiting) > base.ring.epoch:
                return base
    return open_folder(folder, now=None)


def read_pending(found: Opened) -> Pending | None:
    """Return what waits for signatures, or None; raises InputError, TrustError where trust has moved on meanwhile."""
    names = {path.name for path in (found.folder / "pending").glob("*.json")}
    if not names:
        return None
    ring_name, root_name = f"{found.ring.version + 1}.targets.json", f"{found.root.version + 1}.root.json"
    if ring_name not in names or names - {ring_name, root_name}:
        raise TrustError("the pending files do not follow the present root and ring", hint="draft the change again")

    content = tuple(
        files.read_bytes(found.folder / "pending" / name, FILE_LIMIT, follow=False)
        for name in (ring_name, root_name)
        if name in names
    )
    return _parsed(found.folder, content)


def _parsed(folder: Path, content: tuple[bytes, ...]) -> Pending:
    ring = parse_envelope(content[0], "targets", "the pending ring")
    return Pending(folder, ring, parse_root(content[1], "the pending root") if content[1:] else None, content)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a holder reads before signing. `digest` is of the drafts without signatures: the same on every machine."""

    changes: Changes
    digest: str
    signed: tuple[str, ...]  # whose both halves hold already; nobody else is known to stand behind the draft

    @property
    def lines(self) -> list[str]:
        who = (
            f"signed already by {', '.join(self.signed)}"
            if self.signed
            else "signed by nobody: anyone may be its author"
        )
        refused = [f"REFUSED: {self.changes.refused}"] if self.changes.refused else []
        spoken = " ".join(self.digest[start : start + 8] for start in range(0, 64, 8))
        return [*self.changes.lines, *refused, who, f"draft {spoken}"]


def shown(found: Opened) -> Shown:
    """Return all that the waiting draft would change; raises ConfigError where nothing waits."""
    pending = read_pending(found)
    if pending is None:
        raise ConfigError(_NOTHING, hint=_DRAFT)
    return _shown(found, pending)


def _shown(found: Opened, pending: Pending) -> Shown:
    ring = parse_base(pending.root or found.root, pending.content[0], loader(found.folder))
    digest = draft_digest([one.payload for one in _envelopes(pending)])
    quorums = _quorums(found, pending)
    who = {name for quorum in quorums for name in pending.ring.signers(quorum)}
    old = {name for quorum in quorums[:2] for name in quorum.names}
    signed = tuple(name if name in old else f"{name} (no holder yet)" for name in sorted(who))
    return Shown(compare(found.root, pending.root, found.ring, ring), digest, signed)


def pending_changes(found: Opened) -> list[str]:
    """Return in words what the waiting draft would change; raises ConfigError where nothing waits."""
    return shown(found).lines


def unlock_holders(found: Opened, home: Path, passphrase: Passphrase) -> int:
    """Open the keys of the holders that are in `home`, so that a wrong passphrase is found before anything is made."""
    mine = list(_mine(home, found.anchor, (found.root.quorum, found.root.ring_quorum)))
    for record, _ in mine:
        open_record(record, home, passphrase)
    return len(mine)


def sign_pending(
    folder: Path,
    home: Path,
    passphrase: Passphrase | None,
    now: datetime,
    *,
    agreed: Shown | str | None = None,
    must_sign: bool = True,
    publish: bool = True,
) -> Progress:
    """Add the signatures of every holder whose key is in `home`; `publish` when enough people signed.

    Signed and published is what was read at the beginning, and only if it is what was `agreed`: all that was shown, or
    the digest of what was drafted here. Without a passphrase no key is used: what others signed is only counted.

    Raises ConfigError where nothing waits, InputError where no holder's key is here (if one `must_sign`), TrustError
    where the draft does not follow the present trust, is not the agreed one, or holds what nobody was shown.
    """
    found = open_signing(folder)
    pending = read_pending(found)
    anew = pending is not None and epoch_of(pending.ring) > found.ring.epoch
    memory.guard_clock(found, memory.guard(home, found, anew=anew), now)
    if pending is None:
        raise ConfigError(_NOTHING, hint=_DRAFT)
    told = _shown(found, pending)
    if agreed is not None and agreed not in (told, told.digest):
        raise TrustError(
            "this is not the draft that was shown: somebody changed the folder meanwhile",
            hint="secpipe keys sign-root shows what waits now",
        )
    if told.changes.refused:
        raise TrustError(
            f"not signed: {told.changes.refused}", hint="delete pending/ and draft the change with secpipe keys"
        )
    quorums = _quorums(found, pending)
    before = pending
    for record, holder in _mine(home, found.anchor, quorums) if passphrase else ():
        pending = _signed(pending, record, open_record(record, home, passphrase) if passphrase else (), holder)
    if must_sign and pending is before:
        raise InputError("this machine has no key of a holder of this trust root", hint="secpipe keys add-holder NAME")
    if pending is not before:
        for path, data in zip(pending.files, pending.content, strict=True):
            files.write_atomic(path, data)
    progress = _progress(pending, quorums)
    if progress.missing or not publish:
        return progress
    _publish(found, pending)
    memory.remember(home, open_folder(folder, now=now), now)
    return Progress(progress.signed, 0, True)


def _signed(pending: Pending, record: store.Record, signers: Sequence[Signer], holder: str) -> Pending:
    """Return the draft with the signatures of one more holder."""
    content = tuple(
        write_envelope(one.signed, one.signatures | metadata_signatures(one.signed, record.halves, signers, holder))
        for one in _envelopes(pending)
    )
    return _parsed(pending.folder, content)


def _envelopes(pending: Pending) -> tuple[Envelope, ...]:
    return (pending.ring, *((pending.root.envelope,) if pending.root else ()))


def _quorums(found: Opened, pending: Pending) -> tuple[Quorum, ...]:
    roots = (found.root, pending.root) if pending.root else (found.root,)
    return tuple(quorum for root in roots for quorum in (root.quorum, root.ring_quorum))


def _mine(home: Path, anchor: str, quorums: tuple[Quorum, ...]) -> Iterator[tuple[store.Record, str]]:
    holders = {
        frozenset(key.public.pem for key in pair): pair[0].holder for quorum in quorums for pair in quorum.holders
    }
    for record in store.records(home):
        keys = frozenset(half.pem for half in record.halves)
        if record.kind == "holder" and record.root == anchor and keys in holders:
            yield record, holders[keys]


def _progress(pending: Pending, quorums: tuple[Quorum, ...]) -> Progress:
    signed: set[str] = set()
    missing = 0
    for envelope in _envelopes(pending):
        for quorum in quorums:
            who = envelope.signers(quorum)
            signed.update(who)
            missing = max(missing, quorum.people - len(who))
    return Progress(tuple(sorted(signed)), missing, False)


def _publish(found: Opened, pending: Pending) -> None:
    """Check as a verifier would, under the old and the new root, then write the ring, then the root."""
    ring_path, *root_path = pending.files
    ring, *root_data = pending.content
    for root in (found.root, pending.root):
        if root is not None:
            after = read_ring(root, found.anchor, ring, None, loader(found.folder))
            if after.history != (*found.ring.history, found.ring.newest.digest):
                raise TrustError("the pending ring does not follow the present one", hint="draft the change again")
    if pending.root:
        verify_successor(found.root, pending.root)
    files.write_atomic(found.folder / "ring" / ring_path.name, ring)
    if epoch_of(pending.ring) > found.ring.epoch:  # rotations of the epoch before mean nothing any more
        for (_, kind), stale in ring_files(found.folder, forked=True).items():
            if kind == ROTATION:
                files.remove(stale)
    for path, data in zip(root_path, root_data, strict=True):
        files.write_atomic(found.folder / "root" / path.name, data)
    write_latest(found.folder)
    for path in pending.files:
        files.remove(path)
    with contextlib.suppress(OSError):
        (found.folder / "pending").rmdir()
