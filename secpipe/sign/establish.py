"""Who signed an artifact, when, and whether that satisfies the verifier: all that needs no file but the bundles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from secpipe.core.errors import ConfigError, MissingDependency
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.core.trust import FLOORS, HalfClass, Trust
from secpipe.sign.acceptance import check_authority, check_dates, check_floor, check_suspension
from secpipe.sign.halves import Signed, verify_halves
from secpipe.sign.predicates import PredicateType, by_uri
from secpipe.sign.refusal import INVALID, REPLAYED, WRONG_PURPOSE, Refused


@dataclass(frozen=True, slots=True)
class Demand:
    """What the verifier asks for; nothing here ever comes from the artifact.

    `require` is the floor of halves. `environment` is where the artifact is going ("": none named). `purpose`, `name`
    and `min_version` pin what it must be ("": any the identity may sign). `ignore` lists paths the verifier knowingly
    leaves out. From `classical_time_until` on, a timestamp signed classically proves nothing.
    """

    require: str = "classical+pq"
    environment: str = ""
    purpose: str = ""
    name: str = ""
    min_version: str = ""
    ignore: tuple[str, ...] = ()
    classical_time_until: datetime | None = None
    limits: Limits = DEFAULT

    def __post_init__(self) -> None:
        if self.require not in FLOORS:
            raise ConfigError(f'unknown floor "{self.require}"', hint=f"known: {', '.join(FLOORS)}")


@dataclass(frozen=True, slots=True)
class Established:
    """A signature that counts: by whom, for what, and since when it provably exists (None: no trusted time)."""

    signed: Signed
    predicate: PredicateType
    trusted_time: datetime | None


def establish(found: Mapping[HalfClass, tuple[str, bytes]], trust: Trust, demand: Demand, now: datetime) -> Established:
    """Verify the bundles of one artifact against trust, dates, authority and the demand's pins.

    Raises Refused, or MissingDependency where this machine cannot tell.
    """
    signed = verify_halves(found, trust, demand.limits)
    check_floor(signed.classes, demand.require)
    check_suspension(signed.signer, signed.version, now)  # first: no stamp, read or not, changes that
    trusted, accuracy = trusted_time(signed, trust, demand, now)
    check_dates(signed.signer, signed.version, trusted, accuracy, now)
    statement = signed.statement
    predicate = by_uri(statement.predicate_type)
    if predicate is None:
        raise Refused(
            WRONG_PURPOSE, f"the predicate type {statement.predicate_type!a} is not a vetted one", "unvetted-type"
        )
    if predicate.empty and statement.predicate:
        raise Refused(INVALID, f"a {predicate.purpose} statement must have an empty predicate", "predicate-not-empty")
    check_authority(signed.identity, predicate.purpose, statement.name, demand.environment)
    if demand.purpose and predicate.purpose != demand.purpose:
        raise Refused(WRONG_PURPOSE, f"this is signed as {predicate.purpose}, not as {demand.purpose}")
    if demand.name and statement.name != demand.name:
        raise Refused(
            REPLAYED, f'this is signed as "{printable(statement.name)}", not as "{printable(demand.name)}"',
            "wrong-name", hint=f"is it the one you mean? then: --name {printable(statement.name)}",
        )  # fmt: skip
    if demand.min_version:
        _check_version(statement.version, demand.min_version)
    return Established(signed, predicate, trusted)


def trusted_time(signed: Signed, trust: Trust, demand: Demand, now: datetime) -> tuple[datetime | None, timedelta]:
    """Return when all halves provably existed (the later of them), with the uncertainty; None if one lacks a proof."""
    none: tuple[datetime | None, timedelta] = (None, timedelta(0))
    if not trust.time_authorities or not all(bundle.timestamps for _, bundle in signed.bundles):
        return none
    if demand.classical_time_until is not None and now >= demand.classical_time_until:
        return none  # every RFC 3161 authority we can verify signs classically
    from secpipe.sign.timestamps import earliest

    proofs = []
    for _, bundle in signed.bundles:
        try:
            proof = earliest(bundle.timestamps, bundle.signature, trust.time_authorities, now)
        except MissingDependency:
            return none  # whoever could take the timestamps away gains nothing by our not reading them
        if proof is None:
            return none
        proofs.append(proof)
    return max(proofs)


def _check_version(version: str, minimum: str) -> None:
    from packaging.version import InvalidVersion, Version

    try:
        least = Version(minimum)
    except InvalidVersion:
        raise ConfigError(f'"{minimum}" is not a version', hint="--min-version 1.4.0") from None
    if not version:
        raise Refused(REPLAYED, f"the signature names no version, and {minimum} is the least accepted", "old-version")
    try:
        old = Version(version) < least
    except InvalidVersion:
        raise Refused(
            REPLAYED, f"the signed version {version!a} cannot be compared with {minimum}", "old-version"
        ) from None
    if old:
        raise Refused(
            REPLAYED,
            f"the signed version {version} is older than {minimum}",
            "old-version",
            hint="deploy the newer one",
        )
