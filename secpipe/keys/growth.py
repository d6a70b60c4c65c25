"""What may follow a ring that was seen before: automation only appends, and only the holders begin anew.

A rotation file holds everything since the holders' ring, so a thief of the rotation key could simply leave something
out. Whoever remembers what a ring held notices: that is what `Known` keeps (docs/spec/keyring.md, "Growth").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.errors import TrustError
from secpipe.core.shape import Fields
from secpipe.core.trust import KeyVersion
from secpipe.keys.identity import version_fields
from secpipe.keys.ring import Ring
from secpipe.keys.wire import HEX256, canonical

_MARKS = ("compromised_since", "suspended_since", "destroyed_since")
ROLLBACK = "restore the newer files (git log), never go back; an old checkout: --trust FOLDER names the newest keys"
FORK = "two rotations of one ring: secpipe keys merge; a stolen rotation key: secpipe keys renew --new-epoch"
OTHER_HOLDERS = "ask them which one is theirs; if this machine is wrong: secpipe trust forget --all"
NEW_EPOCH = "somebody may hold the rotation key: the holders run secpipe keys renew --new-epoch"


@dataclass(frozen=True, slots=True)
class Known:
    """What one ring held. `versions`: `builder/2` -> digest of that key version; `suspended`: since when."""

    version: int
    digest: str
    epoch: int = 0
    base_version: int = 0  # 0: noted by a secpipe that kept numbers only
    base_digest: str = ""
    rotation_keys: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    suspended: Mapping[str, datetime] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that a memory keeps."""
        return {
            "version": self.version,
            "digest": self.digest,
            "epoch": self.epoch,
            "base": {"version": self.base_version, "digest": self.base_digest},
            "rotation_keys": list(self.rotation_keys),
            "versions": dict(self.versions),
            "suspended": {name: times.rfc3339(since) for name, since in self.suspended.items()},
        }


def known(ring: Ring) -> Known:
    """Return what is to be remembered of a ring."""
    everyone = [(f"{one.name}/{each.version}", each) for one in ring.identities for each in one.versions]
    return Known(
        ring.version,
        ring.newest.digest,
        ring.epoch,
        ring.targets.version,
        ring.targets.digest,
        tuple(sorted(key.keyid for key in ring.delegation.quorum.keys)),
        {name: _digest(version) for name, version in everyone},
        {name: version.suspended_since for name, version in everyone if version.suspended_since},
    )


def _digest(version: KeyVersion) -> str:
    """Hex SHA-256 of a key version without its marks, which may come later."""
    fields = {key: value for key, value in version_fields(version).items() if key not in _MARKS}
    return hashlib.sha256(canonical(fields)).hexdigest()


def parse_known(table: object) -> Known:
    """Read what a memory kept; raises InputError."""
    fields = Fields(table, "the memory of trust")
    base = fields.fields("base")
    suspended = Fields(fields.mapping("suspended"), fields.what)
    versions = Fields(fields.mapping("versions"), fields.what)
    return Known(
        fields.integer("version"),
        fields.text("digest", HEX256),
        fields.integer("epoch", low=0),
        base.integer("version"),
        base.text("digest", HEX256),
        fields.strings("rotation_keys", HEX256),
        {name: versions.text(name, HEX256) for name in versions.table},
        {name: suspended.time(name) for name in suspended.table},
    )


def demand_growth(seen: Known, ring: Ring) -> None:
    """Raise TrustError unless `ring` is what was `seen`, grew from it, or is a new epoch that the holders began."""
    if ring.epoch < seen.epoch:
        raise TrustError(
            f"rollback: a ring of epoch {ring.epoch} is offered, epoch {seen.epoch} was seen",
            hint=ROLLBACK,
            code="rollback",
        )
    chain = (*ring.history, ring.newest.digest)
    if ring.epoch > seen.epoch:
        demand_lineage(seen, ring)
        if set(seen.rotation_keys) & {key.keyid for key in ring.delegation.quorum.keys}:
            raise TrustError(
                f"epoch {ring.epoch} of the ring keeps the rotation key of the epoch before",
                hint=NEW_EPOCH,
                code="epoch-keeps-key",
            )
        return
    if len(chain) < seen.version:
        raise TrustError(
            f"rollback: ring {len(chain)} is offered, ring {seen.version} was seen", hint=ROLLBACK, code="rollback"
        )
    if chain[seen.version - 1] != seen.digest:
        raise TrustError(f"fork: ring {seen.version} is not the one that was seen", hint=FORK, code="fork")
    if ring.targets.version < seen.base_version:
        raise TrustError(
            f"rotation {ring.version} sets aside ring {seen.base_version}, which the holders signed",
            hint=NEW_EPOCH,
            code="fork",
        )
    if ring.targets.version == seen.base_version:
        _only_appends(seen, ring)


def demand_lineage(seen: Known, ring: Ring) -> None:
    """Raise TrustError unless `ring` follows the newest ring of the holders that was seen."""
    chain = (*ring.history, ring.newest.digest)
    if seen.base_version and (len(chain) < seen.base_version or chain[seen.base_version - 1] != seen.base_digest):
        raise TrustError(
            f"fork: ring {ring.version} does not follow ring {seen.base_version} of the holders",
            hint=OTHER_HOLDERS,
            code="fork",
        )


def _only_appends(seen: Known, ring: Ring) -> None:
    now = known(ring)
    for name, digest in seen.versions.items():
        if now.versions.get(name) != digest:
            lost = "is gone" if name not in now.versions else "is another key"
            raise TrustError(
                f"rotation {ring.version} takes back what was known: version {name} {lost}",
                hint=NEW_EPOCH,
                code="taken-back",
            )
    for name, since in seen.suspended.items():
        if name not in now.suspended or now.suspended[name] > since:
            raise TrustError(
                f"rotation {ring.version} lifts the suspension of version {name}, which only the holders may",
                hint=NEW_EPOCH,
                code="taken-back",
            )
    for made in ring.successors:
        before = f"{made.identity}/{made.version.version - 1}"
        if before in seen.suspended and f"{made.identity}/{made.version.version}" not in seen.versions:
            raise TrustError(
                f"version {before} was suspended and endorses no successor any more",
                hint=NEW_EPOCH,
                code="endorser-state",
            )
