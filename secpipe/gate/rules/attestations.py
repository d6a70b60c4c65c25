"""Signed statements: provenance and test results."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase

from secpipe.core.evidence import Evidence, State
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.rules.facts import not_asked
from secpipe.gate.ruling import Ruling, Situation, rule_on


def provenance(situation: Situation) -> Ruling:
    """Models come with signed provenance from an accepted builder."""
    policy = situation.policy.provenance
    evidence = situation.of("attestation:provenance") if policy.required else not_asked("provenance")
    extra = []
    builder = str(evidence.facts.get("builder", ""))
    if evidence.state is State.OK and evidence.facts.get("purpose") != "provenance":
        evidence = replace(
            evidence, state=State.FAILED, reason="what is called provenance is a statement of another type"
        )
    if (
        evidence.state is State.OK
        and policy.builders
        and not any(fnmatchcase(builder, glob) for glob in policy.builders)
    ):
        what = f'built by "{builder or "nobody named"}", which the policy does not accept'
        extra.append(
            Reason("gate/builder-not-allowed", Effect.DENY, what, evidence.check, owner=situation.policy.owner)
        )
    return rule_on(situation, evidence, "Origin is known", required=policy.required, findings=(), extra=extra)


def attestations(situation: Situation) -> Ruling:
    """Every test result the policy demands exists, passed, and is fresh."""
    demands = situation.policy.attestations.require
    extra = []
    for demand in demands:
        evidence = situation.of(f"attestation:{demand.type}")
        made = evidence.since
        if evidence.state is State.OK and evidence.facts.get("purpose") != "test-result":
            evidence = replace(evidence, state=State.FAILED, reason=f'"{demand.type}" is no test result')
        if evidence.state is State.FAILED:
            extra.append(
                Reason("gate/test-failed", Effect.DENY, evidence.reason, "attestations", owner=situation.policy.owner)
            )
        elif evidence.state is not State.OK or evidence.skips:
            why = evidence.reason or f"{evidence.skips[0].path} was not looked at ({evidence.skips[0].reason})"
            what = f'no "{demand.type}" result: {why}'
            fix = f"secpipe attest --type test-result --predicate {demand.type}.json PATH"
            extra.append(
                Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", fix, situation.policy.owner)
            )
        elif demand.max_age_days and (made is None or situation.now - made > timedelta(days=demand.max_age_days)):
            age = plural(demand.max_age_days, "day")
            what = f'the "{demand.type}" result is older than {age} or bears no trusted time'
            extra.append(
                Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", owner=situation.policy.owner)
            )
    wanted = {f"attestation:{demand.type}" for demand in demands}
    wanted |= {"attestation:provenance"} if situation.policy.provenance.required else set()
    for name, other in situation.evidence.items():
        if name.startswith("attestation:") and name not in wanted and other.state is not State.OK:
            what = f"{name.partition(':')[2] or 'attestations'}: {other.reason}"
            extra.append(Reason("gate/check-failed", Effect.WARN, what, "attestations", owner=situation.policy.owner))
    own = Evidence("attestations", State.OK) if demands else not_asked("attestations")
    return rule_on(
        situation, own, "Tests were passed", required=bool(demands), findings=(), extra=extra,
        summary=plural(len(demands), "result") if demands else "",
    )  # fmt: skip
