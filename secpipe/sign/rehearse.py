"""A trial of key versions to come: each is made in memory, signs, and is verified as a consumer would do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from secpipe.core.errors import SecpipeError
from secpipe.core.trust import Authority, HalfClass, Identity, KeyVersion, PublicHalf, Trust
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.signer import LocalSigner
from secpipe.sign import statement as statements
from secpipe.sign.establish import Demand, establish
from secpipe.sign.predicates import by_purpose, purposes
from secpipe.sign.sign import Twins, sign_payload
from secpipe.sign.statement import Statement

_NAME, _DIGEST = "rehearsal", "00" * 32


@dataclass(slots=True)
class Rehearsal:
    """What was signed so far, by identity: (floor, bundles) of each key version tried."""

    made: dict[str, list[tuple[str, Twins]]] = field(default_factory=dict)
    versions: dict[str, list[KeyVersion]] = field(default_factory=dict)

    def publish(
        self, identity: Identity, blank: KeyVersion, algorithms: Sequence[str], require: str
    ) -> tuple[tuple[PublicHalf, ...], str]:
        """Return the halves of a new key version (`blank` with `algorithms`), and "" or why it cannot be used.

        Where the algorithms change, all that older versions have signed is verified again. Implements
        `keys.simulate.Trial`.
        """
        try:
            keys = [(name, scheme.get(name).generate()) for name in algorithms]
        except SecpipeError as error:
            halves = tuple(PublicHalf(name, scheme.get(name).half, f"{blank.version}/{name}") for name in algorithms)
            return halves, f"this machine cannot make the key: {error.message}"
        signers = [LocalSigner(PublicHalf(name, scheme.get(name).half, key.public_pem()), key) for name, key in keys]
        version = replace(blank, halves=tuple(signer.public for signer in signers))
        known = self.versions.setdefault(identity.name, [])
        moved = bool(known) and [half.algorithm for half in known[-1].halves] != list(algorithms)
        known.append(version)
        who = replace(identity, versions=tuple(known))
        signed, at = self.made.setdefault(identity.name, []), version.not_before
        try:
            twins = sign_payload(_payload(who, version), signers, version, now=at)
            signed.append((require, twins))
            for floor, older in signed if moved else signed[-1:]:
                _verify(who, older, floor, at)
        except SecpipeError as error:
            return version.halves, f"what it signs cannot be used: {error.message}"
        return version.halves, ""


def _payload(identity: Identity, version: KeyVersion) -> bytes:
    granted = next((name for name in purposes() if name in identity.authority.purposes), "file")
    row = by_purpose(granted)
    digests = {"dirHash": _DIGEST} if row.form == "verdict" else {"sha256": _DIGEST}
    return statements.encode(Statement(row.uri, _NAME, digests, {}, statements.declare(version.halves)))


def _verify(identity: Identity, twins: Twins, require: str, now: datetime) -> None:
    """Raise Refused unless the bundles count; whatever names and places the identity may sign for, they count here."""
    anyone = replace(identity, authority=Authority(("*",)))
    far = now + timedelta(days=1)
    trust = Trust(1, _DIGEST, far, 1, _DIGEST, far, (anyone,))
    found = {
        half: (f"the {half} bundle", data) for half, data in zip(HalfClass, twins, strict=True) if data is not None
    }
    establish(found, trust, Demand(require), now)
