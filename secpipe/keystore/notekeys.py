"""The keys of a log or a witness: an Ed25519 and an ML-DSA-44 half, kept and backed up as every private key is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.core.protocols import Signer
from secpipe.core.text import printable
from secpipe.core.trust import KeyVersion, PublicHalf
from secpipe.keystore import home as store
from secpipe.keystore import newkey
from secpipe.keystore.custody.custody import Passphrase
from secpipe.keystore.unlock import open_record

#: role -> its algorithms. A log has both halves; a witness one that is safe against quantum computers.
ROLES = {"log": ("ed25519", "ml-dsa-44"), "witness": ("ml-dsa-44",)}
_END = datetime(9999, 1, 1, tzinfo=UTC)  # who trusts a log or a witness names its keys, and ends that himself


def make(home: Path, role: str, name: str, passphrase: Passphrase, now: datetime) -> tuple[PublicHalf, ...]:
    """Make and keep new keys under `name`; raises InputError where this machine has some already."""
    if _record(home, role, name) is not None:
        raise InputError(f"this machine has keys of the {role} {printable(name, 80)} already")
    new = newkey.make(_slug(name), ROLES[role], {}, passphrase)
    version = KeyVersion(1, new.halves, now.replace(microsecond=0), _END)
    newkey.keep(home, role, _slug(name), _bound(name), version, new, passphrase)
    return new.halves


def public(home: Path, role: str, name: str) -> tuple[PublicHalf, ...]:
    """Return the public halves under `name`, none where this machine has none; raises InputError."""
    found = _record(home, role, name)
    return found.halves if found is not None else ()


def unlock(home: Path, role: str, name: str, passphrase: Passphrase) -> Sequence[tuple[PublicHalf, Signer]]:
    """Return the halves under `name`, each with its signer; raises InputError where they are not here."""
    found = _record(home, role, name)
    if found is None:
        raise InputError(
            f"the private keys of the {role} {printable(name, 80)} are not on this machine",
            hint="sign where they were made, or secpipe keys restore FILE",
        )
    return tuple(zip(found.halves, open_record(found, home, passphrase), strict=True))


def _record(home: Path, role: str, name: str) -> store.Record | None:
    found = store.find(home, role, _slug(name), _bound(name))
    return found[-1] if found else None


def _bound(name: str) -> str:
    """Return what a record is bound to: these keys stand under no trust root, but under a name that is spelled out."""
    return hashlib.sha256(name.encode("utf-8")).hexdigest()


def _slug(name: str) -> str:
    """Return a name that a record can have."""
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')[:40].strip('-') or 'log'}-{_bound(name)[:8]}"
