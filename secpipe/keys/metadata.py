"""The TUF envelope and its quorum: a holder counts only if both halves verify (docs/spec/keyring.md)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.errors import InputError, TrustError
from secpipe.core.shape import Fields
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass
from secpipe.keys.tufkey import TufKey, parse_key
from secpipe.keys.wire import canonical, pretty, read

SPEC_VERSION = "1.0.31"
#: Where our own fields stand inside TUF metadata; stock clients keep and ignore them.
EXTRA = "x-secpipe"
_TYPES = {"root": "root", "targets": "targets", "rotation": "targets", "snapshot": "snapshot"}


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who signs a role: one pair of keys a holder, and how many people are needed; TUF's threshold is twice that."""

    holders: tuple[tuple[TufKey, ...], ...]
    people: int

    @property
    def keys(self) -> tuple[TufKey, ...]:
        return tuple(key for pair in self.holders for key in pair)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(pair[0].holder for pair in self.holders)

    def to_role(self) -> dict[str, Any]:
        """Return the TUF role object."""
        return {"keyids": [key.keyid for key in self.keys], "threshold": 2 * self.people}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One metadata file: `payload` is the canonical JSON of `signed`, `digest` the hex SHA-256 of the file."""

    kind: str
    signed: dict[str, Any]
    payload: bytes
    signatures: dict[str, bytes]
    digest: str
    version: int
    issued: datetime
    expires: datetime

    def signers(self, quorum: Quorum) -> tuple[str, ...]:
        """Return the holders of `quorum` whose every half signed this file."""
        return tuple(pair[0].holder for pair in quorum.holders if all(self._signed_by(key) for key in pair))

    def _signed_by(self, key: TufKey) -> bool:
        signature = self.signatures.get(key.keyid)
        if signature is None:
            return False
        try:
            key.verify(signature, self.payload)
        except TrustError:
            return False
        return True

    def demand(self, quorum: Quorum, whose: str) -> None:
        """Raise TrustError unless enough people of `quorum` signed; `whose` names it in the error."""
        signed = self.signers(quorum)
        if len(signed) < quorum.people:
            raise TrustError(
                f"{self.kind} {self.version} is signed by {len(signed)} of the {quorum.people} people"
                f" that {whose} needs (both halves of each must verify)",
                code="quorum",
            )


def parse_envelope(data: bytes, kind: str, what: str) -> Envelope:
    """Read TUF metadata; `kind` is root, targets, rotation (of type targets) or snapshot. Raises InputError."""
    outer = Fields(read(data, what), what)
    signed = dict(outer.mapping("signed"))
    fields = Fields(signed, what)
    if fields.text("_type", limit=20) != _TYPES[kind]:
        raise InputError(f"{what} is not {kind} metadata")
    if not fields.text("spec_version", limit=20).startswith("1."):
        raise InputError(f"{what} follows a TUF specification other than 1.x")
    signatures: dict[str, bytes] = {}
    for item in outer.listing("signatures", 1000):
        one = Fields(item, f"{what}, a signature")
        keyid = one.text("keyid", limit=200)
        if keyid in signatures:
            raise InputError(f"{what} has two signatures of key {printable(keyid, 12)}")
        signatures[keyid] = _hex(one.text("sig"), what)
    issued, expires = fields.fields(EXTRA).time("issued"), fields.time("expires")
    if issued >= expires:
        raise InputError(f"{what} expires before it is issued")
    digest = hashlib.sha256(data).hexdigest()
    return Envelope(kind, signed, canonical(signed), signatures, digest, fields.integer("version"), issued, expires)


def _hex(text: str, what: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if data.hex() != text:
        raise InputError(f"{what} has a signature that is not lower-case hex")
    return data


def write_envelope(signed: dict[str, Any], signatures: dict[str, bytes]) -> bytes:
    """Return the bytes of a metadata file; signatures are sorted by keyid."""
    listed = [{"keyid": keyid, "sig": signatures[keyid].hex()} for keyid in sorted(signatures)]
    return pretty({"signatures": listed, "signed": signed})


def signed_header(
    kind: str, version: int, issued: datetime, expires: datetime, extra: dict[str, Any]
) -> dict[str, Any]:
    """Return the fields that every metadata file has."""
    return {
        "_type": _TYPES[kind],
        "spec_version": SPEC_VERSION,
        "version": version,
        "expires": times.rfc3339(expires),
        EXTRA: {"issued": times.rfc3339(issued), **extra},
    }


def parse_keys(table: object, what: str) -> dict[str, TufKey]:
    """Read a `keys` object; the same public value under two ids is refused (stock TUF would count it twice)."""
    if not isinstance(table, dict) or len(table) > 1000:
        raise InputError(f"{what} has no valid keys")
    keys = {keyid: parse_key(keyid, value) for keyid, value in table.items()}
    if len({key.public.pem for key in keys.values()}) != len(keys):
        raise InputError(f"{what} holds one public key under two ids")
    return keys


def parse_quorum(role: Fields, keys: dict[str, TufKey]) -> Quorum:
    """Read a role and hold the class-aware rule: every holder has one classical and one post-quantum key."""
    pairs: dict[str, list[TufKey]] = {}
    for keyid in role.strings("keyids", limit=1000):
        if keyid not in keys:
            raise InputError(f"{role.what} names a key that is not there")
        pairs.setdefault(keys[keyid].holder, []).append(keys[keyid])
    for name, pair in pairs.items():
        if sorted(key.public.half for key in pair) != [HalfClass.CLASSICAL, HalfClass.PQ]:
            raise InputError(f'{role.what}: "{name}" does not hold one classical and one post-quantum key')
    threshold = role.integer("threshold")
    if threshold % 2 or threshold > 2 * len(pairs):
        raise InputError(f"{role.what} has a threshold that is not twice a number of its holders")
    holders = tuple(tuple(sorted(pairs[name], key=lambda key: key.public.half)) for name in sorted(pairs))
    return Quorum(holders, threshold // 2)
