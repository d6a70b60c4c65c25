"""Twin bundles against the trust state: every declared half, by one key version of one identity, over one payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core import times
from secpipe.core.errors import MissingDependency, SecpipeError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.trust import HalfClass, Identity, KeyVersion, PublicHalf, Trust
from secpipe.keys.schemes import scheme
from secpipe.sign import statement as statements
from secpipe.sign.bundle import Bundle, decode
from secpipe.sign.envelope import pae
from secpipe.sign.refusal import INVALID, STRIPPED, UNKNOWN_KEY, Refused
from secpipe.sign.statement import Declared, Statement

_NAMES = {HalfClass.CLASSICAL: "classical", HalfClass.PQ: "post-quantum"}


@dataclass(frozen=True, slots=True)
class Signed:
    """What the halves of one artifact establish together; `bundles` pairs each half with its bundle."""

    statement: Statement
    identity: Identity
    version: KeyVersion
    bundles: tuple[tuple[PublicHalf, Bundle], ...]

    @property
    def classes(self) -> frozenset[HalfClass]:
        return frozenset(half.half for half, _ in self.bundles)

    @property
    def signer(self) -> str:
        return f"{self.identity.name} key version {self.version.version}"


def signer_facts(signed: Signed) -> dict[str, Any]:
    """Return what evidence says of who signed: `identity`, `holder`, `key_version`, `not_before`, `sign_until` of it,
    and the scheme ids (`halves`) with their classes (`classes`), in the same order."""
    return {
        "identity": signed.identity.name,
        "holder": signed.identity.holder or signed.identity.name,
        "key_version": signed.version.version,
        "not_before": times.rfc3339(signed.version.not_before),
        "sign_until": times.rfc3339(signed.version.sign_until),
        "halves": [half.algorithm for half, _ in signed.bundles],
        "classes": [str(half.half) for half, _ in signed.bundles],
    }


def verify_halves(found: Mapping[HalfClass, tuple[str, bytes]], trust: Trust, limits: Limits = DEFAULT) -> Signed:
    """Verify the bundles of one artifact, given as class -> (name, bytes) by the place they stand at.

    The algorithm of each half comes from the ring only; the hint selects, the declaration binds. Raises Refused, and
    MissingDependency where no library here can verify a half.
    """
    bundles = {half: (name, _read(name, data, limits)) for half, (name, data) in found.items()}
    payloads = {bundle.payload for _, bundle in bundles.values()}
    if len(payloads) != 1:
        raise Refused(INVALID, "the halves sign different payloads", "payloads-differ", hint="sign it again")
    name = " and ".join(name for name, _ in bundles.values())
    try:
        statement = statements.decode(payloads.pop(), name, limits)
    except SecpipeError as error:
        raise Refused(INVALID, error.message, "statement-malformed") from error
    if not statement.halves:
        raise Refused(
            INVALID,
            f"{name} declares no hybrid key: it was made by another tool",
            "undeclared",
            hint="--allow-legacy REASON --public-key PEM",
        )
    _check_declared(statement.halves, {half: bundle for half, (_, bundle) in bundles.items()})
    signer, halves = _find_signer(statement.halves, bundles, trust)
    for public, (label, bundle) in halves:
        try:
            scheme.get(public.algorithm).verify(public.pem, bundle.signature, pae(bundle.payload))
        except MissingDependency:
            raise  # not a bad signature: nobody here can tell
        except SecpipeError as error:
            raise Refused(INVALID, f"{label}: {error.message}", "bad-signature") from error
    return Signed(statement, *signer, tuple((public, bundle) for public, (_, bundle) in halves))


def _read(name: str, data: bytes, limits: Limits) -> Bundle:
    try:
        return decode(data, name, limits)
    except SecpipeError as error:
        raise Refused(INVALID, error.message, "bundle-malformed") from error


def _check_declared(declared: tuple[Declared, ...], bundles: Mapping[HalfClass, Bundle]) -> None:
    """Every declared half is there and no other: stripping one half invalidates the other, under any floor."""
    wanted = {half.keyid for half in declared}
    hints = [bundle.hint for bundle in bundles.values()]
    if len(set(hints)) != len(hints):
        raise Refused(INVALID, "both bundles hold the same half", "half-repeated")
    if set(hints) - wanted:
        raise Refused(INVALID, "a bundle points at a key that the signed payload does not declare", "half-undeclared")
    if wanted - set(hints):
        lost = [name for half, name in _NAMES.items() if half not in bundles]
        raise Refused(
            STRIPPED, f"the {' and the '.join(lost) or 'other'} half is missing, and the signed payload declares it",
            "half-missing", hint="restore the missing bundle, or sign it again",
        )  # fmt: skip


def _find_signer(
    declared: tuple[Declared, ...], bundles: Mapping[HalfClass, tuple[str, Bundle]], trust: Trust
) -> tuple[tuple[Identity, KeyVersion], list[tuple[PublicHalf, tuple[str, Bundle]]]]:
    signers: list[tuple[Identity, KeyVersion]] = []
    halves = []
    said = {half.keyid: half.algorithm for half in declared}
    for place, (name, bundle) in bundles.items():
        known = trust.find(bundle.hint)
        if known is None:
            raise Refused(UNKNOWN_KEY, f"{name} is signed by a key that is not in the ring ({bundle.hint[:16]}…)")
        identity, version, public = known
        if public.half is not place:
            raise Refused(
                INVALID,
                f"{name} holds a {_NAMES[public.half]} signature at the {_NAMES[place]} half's place",
                "wrong-place",
            )
        if said[bundle.hint] != public.algorithm:
            raise Refused(
                INVALID, f"{name} claims another algorithm than the ring knows for its key", "wrong-algorithm"
            )
        signers.append((identity, version))
        halves.append((public, (name, bundle)))
    if any((who.name, version.id) != (signers[0][0].name, signers[0][1].id) for who, version in signers):
        raise Refused(INVALID, "the halves belong to different signers or key versions", "mixed-halves")
    if {half.keyid for half in signers[0][1].halves} != set(said):
        raise Refused(
            STRIPPED,
            "the payload does not declare all halves that the ring knows for this key version",
            "half-left-out",
        )
    return signers[0], halves
