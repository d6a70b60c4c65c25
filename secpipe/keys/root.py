"""The trust root: TUF root metadata, and the rule by which one version follows another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secpipe.core.errors import InputError, TrustError
from secpipe.core.shape import Fields
from secpipe.core.trust import TimeAuthority
from secpipe.keys.metadata import EXTRA, Envelope, Quorum, parse_envelope, parse_keys, parse_quorum, signed_header
from secpipe.keys.wire import NAME

_ROLES = ("root", "snapshot", "targets", "timestamp")


@dataclass(frozen=True, slots=True)
class Root:
    """One version of the root: who signs the next root, who signs the ring, whose time stamps count."""

    envelope: Envelope
    quorum: Quorum
    ring_quorum: Quorum
    time_authorities: tuple[TimeAuthority, ...]

    @property
    def version(self) -> int:
        return self.envelope.version


def parse_root(data: bytes, what: str) -> Root:
    """Read one root file and check that it is consistent with itself; signatures are checked by `verify_chain`."""
    envelope = parse_envelope(data, "root", what)
    fields = Fields(envelope.signed, what)
    keys = parse_keys(fields.mapping("keys"), what)
    roles = fields.fields("roles")
    if sorted(roles.table) != list(_ROLES):
        raise InputError(f"{what} does not have exactly the roles of TUF")
    extra = fields.fields(EXTRA)
    authorities = []
    for item in extra.listing("time_authorities", 100):
        one = Fields(item, f"{what}, a time authority")
        authorities.append(TimeAuthority(one.text("name", NAME), one.text("pem")))
    return Root(
        envelope,
        parse_quorum(roles.fields("root"), keys),
        parse_quorum(roles.fields("targets"), keys),
        tuple(authorities),
    )


def verify_chain(files: Sequence[bytes]) -> tuple[Root, ...]:
    """Return roots 1..N after checking each under itself and under its predecessor.

    Raises InputError for a malformed file, TrustError for a signature, a version or a time that does not follow.
    """
    if not files:
        raise InputError("there is no root metadata", hint="secpipe keys init")
    chain: list[Root] = []
    for number, data in enumerate(files, start=1):
        root = parse_root(data, f"root {number}")
        if root.version != number:
            raise TrustError(f"the root in place {number} says it is version {root.version}", code="root-chain")
        verify_successor(chain[-1] if chain else root, root)
        chain.append(root)
    return tuple(chain)


def verify_successor(old: Root, new: Root) -> None:
    """Raise TrustError unless `new` is signed by its own people and by those of `old`, by both halves of each."""
    if new is not old:
        if new.version != old.version + 1:
            raise TrustError(f"root {new.version} does not follow root {old.version}", code="root-chain")
        if new.envelope.issued < old.envelope.issued:
            raise TrustError(f"root {new.version} is issued before root {old.version}", code="root-chain")
        new.envelope.demand(old.quorum, f"root {old.version}")
    new.envelope.demand(new.quorum, "it")


def root_fields(
    version: int,
    issued: datetime,
    expires: datetime,
    quorum: Quorum,
    time_authorities: Sequence[TimeAuthority] = (),
) -> dict[str, Any]:
    """Return the unsigned `signed` part of a root whose people sign both the root and the ring.

    Snapshot and timestamp have no keys: a ring is fresh by its own expiry, and where asked by a statement of the
    rotation role (docs/spec/keyring.md).
    """
    authorities = [{"name": authority.name, "pem": authority.pem} for authority in time_authorities]
    nobody = {"keyids": [], "threshold": 1}
    return signed_header("root", version, issued, expires, {"time_authorities": authorities}) | {
        "consistent_snapshot": True,
        "keys": {key.keyid: key.to_dict() for key in quorum.keys},
        "roles": {
            "root": quorum.to_role(),
            "targets": quorum.to_role(),
            "snapshot": nobody,
            "timestamp": nobody,
        },
    }
