"""Signatures and attestations as they would be if somebody made them, made them again, or named more in them. Pure.

Every change only adds to what stands in the evidence wherever it can, so that two policies can both be satisfied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import State
from secpipe.core.trust import HalfClass
from secpipe.gate.explaining.worlds import with_evidence, with_facts
from secpipe.gate.facts import listing, mapping
from secpipe.gate.policies.policy import Policy
from secpipe.gate.rules.attestations import without
from secpipe.gate.rules.signed import listing_of, models, statements
from secpipe.gate.ruling import Situation
from secpipe.gate.uris import accepts

Row = Mapping[str, Any]
_PAIR = (("ecdsa-p256", "classical"), ("ml-dsa-65", "pq"))  # the default profile
_ROLES = ("source", "base-model", "dataset")


def halves(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Return (algorithm, class) of a signature that meets the policy; as far as it goes where none can."""
    from secpipe.sign.acceptance import FLOORS

    if not policy.keys.algorithms:
        return _PAIR
    known = [(name, half) for name in policy.keys.algorithms if (half := _class(name)) is not None]
    wanted = FLOORS[policy.signatures.require]
    return tuple(
        next(one for one in known if one[1] == half) for half in sorted(wanted) if half in dict(known).values()
    )


def _class(algorithm: str) -> HalfClass | None:
    from secpipe.keys.schemes import scheme

    try:
        return scheme.get(algorithm).half if algorithm in scheme.SCHEMES else None
    except SecpipeError:
        return None


def signed_again(row: Row, policy: Policy, situation: Situation) -> Row:
    """Return the facts of a signature with halves that count under the policy, by a key of now."""
    made = dict(zip(listing_of(row, "halves"), listing_of(row, "classes"), strict=False)) | dict(halves(policy))
    now = situation.now.isoformat()
    return {**row, "halves": list(made), "classes": [str(half) for half in made.values()],
            "not_before": now, "trusted_time": now}  # fmt: skip


def sample(globs: Sequence[str]) -> str:
    """Return a URI that one of the globs accepts; "" where none was found."""
    tried = (glob.replace("*", "x").replace("?", "x") for glob in globs)
    return next((uri for uri in tried if accepts(globs, uri)), "")


def statement(situation: Situation, policy: Policy, purpose: str, path: str, holder: str) -> Row:
    """Return the facts of an attestation that meets every demand of the policy on one of its kind."""
    provenance = policy.provenance
    row = {
        "path": path, "purpose": purpose, "state": str(State.OK), "reason": "", "since": situation.now.isoformat(),
        "verified": True, "identity": holder, "holder": holder, "result": "PASSED",
        "builder": sample(provenance.builders), "materials": [], "declared": list(_ROLES),
        "inputs": list(provenance.inputs),
    }  # fmt: skip
    return signed_again(row, policy, situation)


def rows(situation: Situation, kind: str) -> list[Row]:
    """Return the attestations of a kind, each with its path and state."""
    evidence = situation.evidence.get(f"attestation:{kind}")
    if evidence is None:
        return []
    if "each" in evidence.facts:
        return [row for row in listing(evidence, "each") if isinstance(row, Mapping)]
    since = evidence.since.isoformat() if evidence.since else None
    return [{"path": "", **evidence.facts, "state": str(evidence.state), "reason": evidence.reason, "since": since}]


def with_rows(situation: Situation, kind: str, made: Sequence[Row]) -> Situation:
    """Return the situation with these attestations of a kind; what was not looked at stays so."""
    check = f"attestation:{kind}"
    fine = all(row.get("state") == State.OK for row in made)
    known = situation.of(check)
    state, reason = (State.OK, "") if fine else (known.state, known.reason)
    return with_evidence(situation, replace(known, check=check, state=state, reason=reason, facts={"each": list(made)}))


def edited(situation: Situation, wanted: Callable[[str, Row], bool], change: Callable[[Row], Row]) -> Situation:
    """Return the situation in which the attestations that `wanted(kind, row)` names were changed."""
    for name in list(situation.evidence):
        kind = name.partition(":")[2]
        if name.startswith("attestation:") and any(wanted(kind, row) for row in rows(situation, kind)):
            made = [change(row) if wanted(kind, row) else row for row in rows(situation, kind)]
            situation = with_rows(situation, kind, made)
    return situation


def verified(situation: Situation, kind: str) -> Situation:
    """Return the situation in which every attestation of a kind was looked at and holds, as far as it was not."""
    unknown = (str(State.SKIPPED), str(State.STALE))
    made = [{**row, "state": str(State.OK), "reason": ""} if row.get("state") in unknown else row
            for row in rows(situation, kind)]  # fmt: skip
    return with_rows(situation, kind, made)


def lacking(situation: Situation, kind: str) -> list[str]:
    """Return the models that no attestation of a kind is about, however it came out; "" where there is no model."""
    return without(situation, [one for one in statements(situation) if one.kind == kind])


def attested(situation: Situation, policy: Policy, kind: str, purpose: str) -> Situation:
    """Return the situation in which every model that had none has an attestation of a kind that holds."""
    more = [statement(situation, policy, purpose, path, "-") for path in lacking(situation, kind)]
    return with_rows(situation, kind, [*rows(situation, kind), *more])


def covering(situation: Situation, path: str) -> Callable[[Any], bool]:
    """Return whether a fact is that of a verified signature over the file at `path`."""

    def covers(fact: Any) -> bool:
        if not isinstance(fact, Mapping) or fact.get("verified") is not True:
            return False
        where = str(fact.get("path"))
        return where == path or (fact.get("kind") == "model" and (not where or path.startswith(f"{where}/")))

    return covers


def signed(situation: Situation, policy: Policy, paths: Collection[str], identity: str) -> Situation:
    """Return the situation in which files were signed (again): by `identity`, with keys that count."""
    facts = list(listing(situation.of("signatures"), "artifacts"))
    for path in paths:
        row = {"path": path, "kind": "file", "verified": True, "identity": identity, "holder": f"holder of {identity}"}
        facts.append(signed_again(row, policy, situation))
    covered = {**mapping(situation.of("signatures"), "covered"), **dict.fromkeys(paths, identity)}
    return with_facts(situation, "signatures", covered=covered, artifacts=facts)


def strengthened(situation: Situation, policy: Policy, paths: Collection[str]) -> Situation:
    """Return the situation in which whatever was signed under these names is signed again, with keys that count."""
    facts = list(listing(situation.of("signatures"), "artifacts"))
    covered = mapping(situation.of("signatures"), "covered")
    for path in paths:
        same = [
            isinstance(fact, Mapping) and fact.get("verified") is True and str(fact.get("path")) == path
            for fact in facts
        ]
        facts = [signed_again(fact, policy, situation) if it else fact for fact, it in zip(facts, same, strict=True)]
        if not any(same) and path in covered:
            row = {"path": path, "kind": "file", "verified": True, "identity": covered[path], "holder": "the signer"}
            facts.append(signed_again(row, policy, situation))
    return with_facts(situation, "signatures", artifacts=facts)


def reviewed(situation: Situation, policy: Policy, path: str, role: str, count: int) -> Situation:
    """Return the situation in which `count` other people vouched for an artifact, and nobody's word of it is broken."""
    files = [one for one in mapping(situation.of("signatures"), "covered") if one == path or one.startswith(f"{path}/")]
    if path in models(situation) or not files:
        files = [*files, path]

    def about(_: str, row: Row) -> bool:
        return row.get("purpose") == role and any(_is_about(row, one) for one in files)

    situation = edited(situation, lambda kind, row: about(kind, row) and row.get("state") == State.FAILED,
                       lambda row: {**row, "state": str(State.OK), "reason": ""})  # fmt: skip
    situation = _holders_known(situation, policy, files)
    for number in range(count):
        kind = f"{role}-{path}-{number}"
        made = statement(situation, policy, role, path, f"another person {number + 1}")
        situation = with_rows(situation, kind, [made])
    return situation


def _is_about(row: Row, path: str) -> bool:
    where = str(row.get("path", ""))
    return bool(where) and (where == path or path.startswith(f"{where}/"))


def _holders_known(situation: Situation, policy: Policy, files: Collection[str]) -> Situation:
    """Return the situation in which it is known who signed the files: whoever signs again says so."""
    facts = list(listing(situation.of("signatures"), "artifacts"))
    covered = mapping(situation.of("signatures"), "covered")
    for path in files:
        covers = covering(situation, path)
        facts = [
            {**fact, "holder": "the signer"} if covers(fact) and not fact.get("holder") else fact for fact in facts
        ]
        if path in covered and not any(map(covers, facts)):
            row = {"path": path, "kind": "file", "verified": True, "identity": covered[path], "holder": "the signer"}
            facts.append(signed_again(row, policy, situation))
    return with_facts(situation, "signatures", artifacts=facts)
