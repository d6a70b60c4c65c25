"""Verdicts and overrides: twin bundles about a whole release, by identities that sign nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from secpipe.core.errors import TrustError
from secpipe.core.protocols import Signer
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, Identity, KeyVersion, Trust
from secpipe.keys.identity import DUTIES
from secpipe.sign import bundle as bundles
from secpipe.sign import statement as statements
from secpipe.sign.establish import Demand, Established, establish
from secpipe.sign.predicates import by_purpose
from secpipe.sign.refusal import INVALID, REPLAYED, WRONG_PURPOSE, Refused
from secpipe.sign.sign import Timestamper, Twins, sign_payload
from secpipe.sign.statement import Statement

_SKEW = timedelta(minutes=5)


def sign_verdict(
    purpose: str,
    name: str,
    digest: str,
    predicate: Mapping[str, Any],
    identity: Identity,
    version: KeyVersion,
    signers: Sequence[Signer],
    *,
    image: str = "",
    timestamper: Timestamper | None = None,
    now: datetime,
) -> Twins:
    """Return the bundles of a statement `purpose` (`vsa`, `override`) about the release `name`.

    `digest` is its dirHash, `image` the hex SHA-256 of the manifest that names it, if it is an image. Raises TrustError
    for an identity that may not sign this, or may sign other things too.
    """
    row = by_purpose(purpose, "verdict")
    if not keeps_apart(identity, purpose):
        raise TrustError(_mixed(identity, purpose), hint=f"its purposes: {', '.join(identity.authority.purposes)}")
    digests = {"dirHash": digest} | ({"sha256": image} if image else {})
    statement = Statement(row.uri, name, digests, predicate, statements.declare(version.halves), kind=purpose, made=now)
    payload = statements.encode(statement)
    statements.decode(payload, f"the {purpose} to sign")  # what we could not read ourselves is not let out
    return sign_payload(payload, signers, version, timestamper=timestamper, now=now)


def verify_verdict(
    found: Mapping[HalfClass, tuple[str, bytes]], trust: Trust, demand: Demand, now: datetime
) -> Established:
    """Verify the bundles of one verdict or override, of the demand's purpose and environment; raises Refused.

    Beyond what every signature must satisfy: the signer may sign nothing else, and the statement was not made later
    than `now`.
    """
    done = establish(found, trust, demand, now)
    statement = done.signed.statement
    if done.predicate.form != "verdict" or statement.kind != demand.purpose:
        raise Refused(
            WRONG_PURPOSE, f"this is a {done.predicate.purpose} statement, not a {demand.purpose}", "not-a-verdict"
        )
    if not keeps_apart(done.signed.identity, demand.purpose):
        raise Refused(WRONG_PURPOSE, _mixed(done.signed.identity, demand.purpose), "mixed-duties")
    if any(field not in statement.predicate for field in done.predicate.required):
        raise Refused(INVALID, f"the predicate is no {demand.purpose}", "verdict-malformed")
    if statement.made is None or statement.made > now + _SKEW:
        raise Refused(REPLAYED, "the statement does not say when it was made, or says a time to come", "not-yet-made")
    return done


def keeps_apart(identity: Identity, purpose: str) -> bool:
    """Whether all that `identity` may sign belongs to the one duty that `purpose` is of; globs do not count."""
    duty = next(set(purposes) for _, purposes in DUTIES if purpose in purposes)
    return purpose in identity.authority.purposes and set(identity.authority.purposes) <= duty


def payload_digest(data: Twins) -> str:
    """Return the hex SHA-256 of what both bundles are over: a log and an override name it by that."""
    return hashlib.sha256(as_written(next(filter(None, data)), "what was signed")[0]).hexdigest()


def as_written(data: bytes, what: str) -> tuple[bytes, Statement]:
    """Return payload and statement of one bundle, unverified: to show, and to name by digest. Raises InputError."""
    payload = bundles.decode(data, what).payload
    return payload, statements.decode(payload, what)


def _mixed(identity: Identity, purpose: str) -> str:
    return f"{printable(identity.name)} may sign other things than a {purpose}: whoever builds must not judge"
