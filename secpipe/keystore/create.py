"""`keys init`: a trust root, a keyring with its identities, the rotation role; private halves into `$SECPIPE_HOME`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError
from secpipe.core.text import printable
from secpipe.core.trust import Authority, Identity, KeyVersion
from secpipe.keys.identity import check_authority, identity_document
from secpipe.keys.metadata import Quorum
from secpipe.keys.ring import ROTATION, Delegation, ring_fields
from secpipe.keys.root import root_fields
from secpipe.keys.schedule import Schedule, key_days
from secpipe.keys.schemes import scheme
from secpipe.keystore import age
from secpipe.keystore import home as store
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.fresh import fresh, signed_file, tuf_keys
from secpipe.keystore.latest import write_latest
from secpipe.keystore.trusted import target_path
from secpipe.system import files
from secpipe.system.links import judge

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `keys init` makes."""

    holder: str
    identities: Mapping[str, Authority]
    root_pair: tuple[str, str]
    pair: tuple[str, ...]
    period: timedelta
    overlap: timedelta
    root_days: int
    ring_days: int


def create(folder: Path, home: Path, plan: Plan, passphrase: bytes, now: datetime, progress: Progress) -> str:
    """Make everything and return the digest of root 1, which is the pin. Raises SecpipeError; InputError if keys exist.

    Order: private halves, then targets and ring, then the root; a crash leaves a folder without a root, which the next
    run fills.
    """
    judge(folder)
    if (folder / "root" / "1.root.json").exists():
        raise InputError(
            f"{printable(str(folder))} has a trust root already", hint="secpipe keys list, secpipe keys due"
        )
    if home.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            "$SECPIPE_HOME lies inside the folder of public keys", hint="private keys belong outside any repository"
        )
    for name, authority in plan.identities.items():
        check_authority(name, authority)
    for name in ("targets", "ring", "root"):  # where public keys cannot stand, no private ones are made
        files.make_folder(folder / name)
    holder, rotation = fresh(plan.root_pair), fresh(plan.root_pair)
    pairs = {name: fresh(plan.pair) for name in plan.identities}
    root_expires = now + timedelta(days=plan.root_days)
    quorum = Quorum((tuf_keys(holder.halves, plan.holder),), 1)
    signed = root_fields(1, now, root_expires, quorum)
    root = signed_file(signed, holder.halves, holder.signers, plan.holder)
    anchor = hashlib.sha256(root).hexdigest()
    made = [("holder", plan.holder, holder, KeyVersion(1, holder.halves, now, root_expires))]
    identities = []
    for name, authority in plan.identities.items():
        first = KeyVersion(1, pairs[name].halves, now, now + plan.period + plan.overlap)
        identities.append(Identity(name, authority, (first,), plan.holder))
        made.append(("identity", name, pairs[name], first))
    made.append(("rotation", ROTATION, rotation, KeyVersion(1, rotation.halves, now, root_expires)))
    store.prepare(home)
    for title, work, kinds in (
        (f"holder {plan.holder}", age.HARD_WORK, {"holder"}),
        ("identities and rotation", age.WORK, {"identity", "rotation"}),  # one file, opened once a process
    ):
        progress(f"encrypting the keys of {title}")
        together = [(kind, name, pair, first) for kind, name, pair, first in made if kind in kinds]
        file = together[0][3].id
        for kind, name, pair, first in together:
            reference = (f"file:{file}.age",) * len(pair.halves)
            store.write_record(home, store.Record(kind, name, anchor, first, reference))
        keys = [key for _, _, pair, _ in together for key in pair.pkcs8]
        file_custody.store(home, file, keys, passphrase, work=work)
    documents = {identity.name: identity_document(identity) for identity in identities}
    delegation = _delegation(plan, Quorum((tuf_keys(rotation.halves, ROTATION),), 1))
    fresh_until = min(now + timedelta(days=plan.ring_days), root_expires)
    fields = ring_fields(1, now, root_expires, fresh_until, (), delegation, documents)
    ring = signed_file(fields, holder.halves, holder.signers, plan.holder)
    _publish(folder, documents, ring, root)
    return anchor


def _delegation(plan: Plan, quorum: Quorum) -> Delegation:
    post_quantum = [name for name in plan.pair if scheme.get(name).half == "pq"]
    sets = {"+".join(plan.pair), *(["+".join(post_quantum)] if post_quantum else [])}
    return Delegation(
        quorum, tuple(sorted(sets)), key_days(Schedule(period=plan.period, overlap=plan.overlap)), plan.ring_days
    )


def _publish(folder: Path, documents: Mapping[str, bytes], ring: bytes, root: bytes) -> None:
    for name, data in documents.items():
        path = target_path(folder, f"{name}.json", hashlib.sha256(data).hexdigest())
        files.write_atomic(path, data)
    files.write_atomic(folder / "ring" / "1.targets.json", ring)
    files.write_atomic(folder / "root" / "1.root.json", root)
    write_latest(folder)
