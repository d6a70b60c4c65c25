"""What the policy makes of shipped SBOM files: absent, old, of the future, of another format, and several of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secpipe.core.verdict import Decision
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Policy, Sbom
from tests.unit.gate_builders import NOW, clean, ok, situation

POLICY = replace(Policy(), sbom=Sbom(shipped=True, spec=("CycloneDX>=1.6", "SPDX>=3.0"), max_age_days=90))


def row(**rest: Any) -> dict[str, Any]:
    base = {"path": "bom.json", "spec": "CycloneDX", "version": "1.6", "made": "2026-11-01T00:00:00Z", "agrees": True}
    return {**base, "problem": "", **rest}


def judged(*rows: Any, policy: Policy = POLICY) -> tuple[Decision, set[str]]:
    judgement = decide(situation(clean(sbom=ok("sbom", shipped=list(rows))), policy))
    return judgement.decision, {reason.rule for reason in judgement.reasons}


@pytest.mark.parametrize(
    ("changes", "decision", "rule"),
    [
        ({}, Decision.PASS, ""),
        ({"version": "1.10"}, Decision.PASS, ""),
        ({"spec": "SPDX", "version": "3.0.1"}, Decision.PASS, ""),
        ({"version": "1.5"}, Decision.DENY, "gate/sbom-format"),
        ({"spec": "SPDX", "version": "2.3"}, Decision.DENY, "gate/sbom-format"),
        ({"spec": "SWID", "version": "9"}, Decision.DENY, "gate/sbom-format"),
        ({"version": "2-beta"}, Decision.DENY, "gate/sbom-format"),
        ({"version": ""}, Decision.DENY, "gate/sbom-format"),
        ({"agrees": False, "problem": "m is missing"}, Decision.DENY, "gate/sbom-disagrees"),
        ({"agrees": None}, Decision.UNDECIDED, "gate/missing-evidence"),
        ({"agrees": "yes"}, Decision.DENY, "gate/sbom-disagrees"),
        ({"made": ""}, Decision.UNDECIDED, "gate/sbom-too-old"),
        ({"made": "soon"}, Decision.UNDECIDED, "gate/sbom-too-old"),
        ({"made": 7}, Decision.UNDECIDED, "gate/sbom-too-old"),
        ({"made": "2026-08-01T00:00:00Z"}, Decision.DENY, "gate/sbom-too-old"),
        ({"made": (NOW + timedelta(days=1)).isoformat()}, Decision.DENY, "gate/sbom-too-old"),
        ({"made": (NOW - timedelta(days=90)).isoformat()}, Decision.PASS, ""),
        ({"made": "2026-11-01"}, Decision.PASS, ""),
    ],
)
def test_one_file(changes: dict[str, Any], decision: Decision, rule: str) -> None:
    assert judged(row(**changes)) == (decision, {rule} - {""})


def test_none_and_not_looked_for_are_undecided() -> None:
    assert judged() == (Decision.UNDECIDED, {"gate/missing-evidence"})
    assert decide(situation(policy=POLICY)).decision is Decision.UNDECIDED
    assert (
        decide(situation(policy=replace(POLICY, sbom=replace(POLICY.sbom, required=False)))).decision
        is Decision.UNDECIDED
    )


def test_one_file_must_meet_every_demand_by_itself() -> None:
    old, other = row(made="2020-01-01"), row(version="1.2", path="other.json")
    assert judged(old, other)[0] is Decision.DENY
    assert judged(old, other, row(path="good.json"))[0] is Decision.PASS
    assert judged("x", row())[0] is Decision.PASS


@pytest.mark.parametrize("wanted", ["CycloneDX>=", ">=1.6", "CycloneDX>=1.6.x", "CycloneDX 1.6", ""])
def test_a_wish_that_cannot_be_read_is_met_by_nothing(wanted: str) -> None:
    policy = replace(Policy(), sbom=Sbom(shipped=True, spec=(wanted,)))
    assert judged(row(), policy=policy)[0] is Decision.DENY


def test_what_is_not_asked_is_not_judged() -> None:
    assert judged(row(agrees=False), policy=Policy())[0] is Decision.PASS
