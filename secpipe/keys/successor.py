"""A rotation's key version (`secpipe.key-version/1`): endorsed by its predecessor, proven by its own halves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.errors import InputError, TrustError
from secpipe.core.protocols import Signer
from secpipe.core.shape import Fields
from secpipe.core.trust import KeyVersion, PublicHalf
from secpipe.keys.identity import parse_version, version_fields
from secpipe.keys.schemes import scheme
from secpipe.keys.wire import HEX256, NAME, b64, canonical, pretty, read, unb64

SCHEMA = "secpipe.key-version/1"
_DOMAIN = b"secpipe key version 1\n"  # no other document that these keys sign starts like this
_PROOFS = ("endorsement", "possession")


@dataclass(slots=True)
class Proofs:
    """Which documents carry both proofs: `known` from before (`proof_of`), `used` by the ring just read."""

    known: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Successor:
    """Version n+1 of an identity with its two proofs, each keyid -> signature over `statement`."""

    identity: str
    version: KeyVersion
    issued: datetime
    ring: str  # hex SHA-256 of root 1: the document means nothing in another ring
    predecessor: str  # id of version n
    endorsement: dict[str, bytes]
    possession: dict[str, bytes]
    authorisation: dict[str, bytes] = field(default_factory=dict)  # by the identity's own rotation key, if it has one

    @property
    def statement(self) -> bytes:
        return statement(self._core())

    def _core(self) -> dict[str, Any]:
        return core(self.identity, self.version, self.issued, self.ring, self.predecessor)

    def document(self) -> bytes:
        """Return the target file."""
        proofs = {"endorsement": self.endorsement, "possession": self.possession}
        proofs |= {"authorisation": self.authorisation} if self.authorisation else {}
        return pretty(
            self._core()
            | {name: {keyid: b64(proof[keyid]) for keyid in sorted(proof)} for name, proof in proofs.items()}
        )

    def verify(
        self, predecessor: KeyVersion, ring: str, rotation: Sequence[PublicHalf] = (), *, proven: bool = False
    ) -> None:
        """Raise TrustError unless every half of `predecessor`, of the new version and of `rotation` signed it.

        `rotation` is the identity's own rotation key, if it has one; without one nobody else signs. `proven`: these
        very bytes carried the signatures before; whom they follow, and where, is judged anyway.
        """
        what = f'version {self.version.version} of "{self.identity}"'
        if self.predecessor != predecessor.id or self.version.version != predecessor.version + 1:
            raise TrustError(f"{what} does not follow version {predecessor.version}", code="successor-order")
        if self.ring != ring:
            raise TrustError(f"{what} was made for another trust root", code="successor-order")
        if proven:
            return
        message = self.statement
        for name, halves, proof in (
            ("endorsed by its predecessor", predecessor.halves, self.endorsement),
            ("proven by its own key", self.version.halves, self.possession),
            ("authorised by the rotation key of its identity", rotation, self.authorisation),
        ):
            if (halves or proof) and not _all_signed(halves, proof, message):
                raise TrustError(f"{what} is not {name} (every half must sign)", code="successor-proof")


def proof_of(digest: str, predecessor: KeyVersion, rotation: Sequence[PublicHalf] = ()) -> str:
    """Return the name of a proof: the hex SHA-256 of the document, the version that endorsed it, who else signed."""
    return ":".join((digest, predecessor.id, *(half.keyid for half in rotation)))


def _all_signed(halves: Sequence[PublicHalf], proof: dict[str, bytes], message: bytes) -> bool:
    if set(proof) != {half.keyid for half in halves}:
        return False
    try:
        for half in halves:
            scheme.get(half.algorithm).verify(half.pem, proof[half.keyid], message)
    except TrustError:
        return False
    return True


def core(identity: str, version: KeyVersion, issued: datetime, ring: str, predecessor: str) -> dict[str, Any]:
    """Return the part of the document that both proofs sign."""
    return {
        "schema": SCHEMA,
        "identity": identity,
        "issued": times.rfc3339(issued),
        "predecessor": predecessor,
        "ring": ring,
        "key": version_fields(version),
    }


def statement(fields: dict[str, Any]) -> bytes:
    """Return the bytes that a proof signs."""
    return _DOMAIN + canonical(fields)


def endorse(
    identity: str,
    version: KeyVersion,
    issued: datetime,
    ring: str,
    predecessor: KeyVersion,
    old: Sequence[Signer],
    new: Sequence[Signer],
    own: Sequence[Signer] = (),
    rotation: Sequence[PublicHalf] = (),
) -> Successor:
    """Return version n+1 signed by every half of version n (`old`), by its own halves (`new`), and by the rotation key
    of its identity (`own`, whose public halves are `rotation`), if it has one."""
    message = statement(core(identity, version, issued, ring, predecessor.id))
    endorsement = {signer.keyid: signer.sign(message) for signer in old}
    possession = {signer.keyid: signer.sign(message) for signer in new}
    authorisation = {signer.keyid: signer.sign(message) for signer in own}
    successor = Successor(identity, version, issued, ring, predecessor.id, endorsement, possession, authorisation)
    successor.verify(predecessor, ring, rotation)
    return successor


def parse_successor(data: bytes, identity: str, number: int) -> Successor:
    """Read the target file `identity/number.json`; raises InputError."""
    what = f'version {number} of "{identity}"'
    fields = Fields(read(data, what), what)
    if fields.text("schema", limit=40) != SCHEMA or fields.text("identity", NAME) != identity:
        raise InputError(f"{what} is not what its target says")
    proofs = {}
    optional = ("authorisation",) if "authorisation" in fields.table else ()
    for name in (*_PROOFS, *optional):
        table = fields.mapping(name)
        proofs[name] = {keyid: unb64(text, f"{what}, a signature") for keyid, text in table.items()}
    successor = Successor(
        identity,
        parse_version(fields.mapping("key"), what),
        fields.time("issued"),
        fields.text("ring", HEX256),
        fields.text("predecessor", HEX256),
        proofs["endorsement"],
        proofs["possession"],
        proofs.get("authorisation", {}),
    )
    fields.close()
    version = successor.version
    if version.compromised_since or version.suspended_since or version.destroyed_since:
        raise InputError(f"{what} is not fresh")
    if version.version != number:
        raise InputError(f"{what} is not what its target says")
    return successor
