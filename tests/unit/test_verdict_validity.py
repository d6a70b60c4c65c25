"""How long a verdict holds: the earliest end of anything it rests on, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from secpipe.core.evidence import Evidence, State
from secpipe.core.trust import Trust
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import (
    Attestations,
    Demand,
    Keys,
    Models,
    Phase,
    Policy,
    Promotion,
    Sbom,
    Signatures,
    Verdicts,
    Vulnerabilities,
    Waiver,
)
from secpipe.gate.verdicts.validity import ends, valid_until
from secpipe.scan.shadow_ai.allow import Approval, ShadowAI
from tests.unit.gate_builders import NOW, clean, finding, ok, situation
from tests.unit.sign.world import make_identity, make_key, make_trust

DAY = timedelta(days=1)
KEY = make_key(sign_until=NOW + DAY)
LONG = Policy(verdicts=Verdicts(valid_hours=24 * 300))


def trust_of(**changes: Any) -> Trust:
    version = replace(KEY.version, **changes)
    return make_trust(replace(make_identity("builder", KEY), versions=(version,)))


def until(
    policy: Policy = LONG,
    evidence: dict[str, Evidence] | None = None,
    trust: Trust | None = None,
    tree: Policy | None = None,
) -> tuple[str, datetime]:
    asked = situation(evidence, policy)
    return valid_until(decide(asked), asked, trust or trust_of(), tree)


@pytest.mark.parametrize(("hours", "expected"), [(24, NOW + DAY), (1, NOW + DAY / 24), (24 * 400, NOW + 366 * DAY)])
def test_the_policys_own_bound(hours: int, expected: datetime) -> None:
    far = trust_of()
    far = replace(far, root_expires=NOW + 4000 * DAY, ring_expires=NOW + 4000 * DAY)
    assert until(Policy(verdicts=Verdicts(valid_hours=hours)), trust=far)[1] == expected


def test_no_bound_is_a_year_and_never_for_ever() -> None:
    asked = situation(policy=Policy(verdicts=Verdicts(valid_hours=0)))
    assert valid_until(decide(asked), asked, None)[1] == NOW + 366 * DAY


def test_twenty_four_hours_unless_the_policy_says_otherwise() -> None:
    assert until(Policy()) == ("the policy's verdicts.valid_hours", NOW + DAY)


@pytest.mark.parametrize("name", ["root_expires", "ring_expires"])
def test_the_trust_state(name: str) -> None:
    assert until(trust=replace(trust_of(), **{name: NOW + 3 * DAY}))[1] == NOW + 3 * DAY


def test_the_policy_and_the_one_in_the_tree_end_with_their_day() -> None:
    soon = date(2026, 11, 23)
    end = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
    assert until(replace(LONG, expires=soon))[1] == end
    assert until(tree=Policy(expires=soon)) == ("the project's own policy", end)


def waived(**changes: Any) -> Waiver:
    return replace(Waiver("W-1", rule="models/*", owner="raj", reason="r", expires=date(2026, 11, 25)), **changes)


def test_a_waiver_counts_only_if_it_was_used() -> None:
    found = clean(models=replace(ok("models"), findings=(finding(),)))
    unused = waived(id="W-2", rule="audit/*", expires=date(2026, 11, 22))
    policy = replace(LONG, waiver=(waived(), unused))
    assert until(policy, found) == ("waiver W-1", datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC))
    assert until(policy)[0] == "the trust root"
    assert until(tree=Policy(waiver=(waived(),)))[0] == "waiver W-1"  # whose use is not known


def use(**changes: Any) -> dict[str, Any]:
    return {
        "id": "u", "provider": "openai", "name": "OpenAI", "host": "", "model": "", "models": [],
        "path": "app.py", "line": 1, "region": "code", "context": False, "confidence": "high",
        "mechanism": "sdk", "kind": "model-api",
        "jurisdiction": "US", "local": False, "evidence": [],
    } | changes  # fmt: skip


def approval(provider: str, day: str) -> Approval:
    return Approval(provider=provider, owner="jane", reason="r", expires=date.fromisoformat(day))


def test_an_approval_counts_only_if_it_covers_a_use() -> None:
    section = ShadowAI(allow=(approval("openai", "2026-11-24"), approval("mistral", "2026-11-22")))
    policy = replace(LONG, shadow_ai=section)
    assert until(policy, clean(shadow_ai=ok("shadow-ai", uses=[use()])))[0] == "the approval of openai"
    assert until(policy)[0] == "the trust root"
    assert until(policy, clean(shadow_ai=ok("shadow-ai", uses=[{"path": 3}, "x"])))[0] == "the trust root"


def test_the_age_of_advisory_data() -> None:
    policy = replace(LONG, vulnerabilities=Vulnerabilities(max_age_days=3))
    assert until(policy) == ("the advisory data's age", datetime(2026, 11, 23, tzinfo=UTC))
    stale = clean(audit=Evidence("audit", State.SKIPPED, "no data"))
    assert until(policy, stale)[0] == "the trust root"


def test_the_age_of_test_results() -> None:
    policy = replace(LONG, attestations=Attestations((Demand("bias", 30),)))
    made = Evidence("attestation:bias", State.OK, since=NOW - 25 * DAY, facts={"purpose": "test-result"})
    assert until(policy, clean() | {made.check: made}) == ('the "bias" result\'s age', NOW + 5 * DAY)


def test_the_oldest_of_several_test_results() -> None:
    policy = replace(LONG, attestations=Attestations((Demand("bias", 30),)))
    each = [{"since": (NOW - 26 * DAY).isoformat()}, {"since": None}, "x", {"since": (NOW - 2 * DAY).isoformat()}]
    made = Evidence("attestation:bias", State.OK, since=NOW - DAY, facts={"each": each})
    assert until(policy, clean() | {made.check: made})[1] == NOW + 4 * DAY


def test_the_age_of_a_shipped_sbom() -> None:
    policy = replace(LONG, sbom=Sbom(shipped=True, max_age_days=30))
    rows = [{"made": (NOW - 40 * DAY).isoformat()}, {"made": (NOW - 27 * DAY).isoformat()}, {"made": None}, 7]
    evidence = clean(sbom=ok("sbom", shipped=rows))
    assert until(policy, evidence) == ("the shipped SBOM's age", NOW + 3 * DAY)
    assert until(LONG, evidence)[0] == "the trust root"


def signed(**facts: Any) -> dict[str, Evidence]:
    artifact = {"path": "m", "identity": "builder", "key_version": 1, "trusted_time": None} | facts
    return clean(signatures=ok("signatures", artifacts=[artifact]))


def test_a_key_whose_signatures_stop_counting() -> None:
    trust = trust_of(verify_until=NOW + 2 * DAY)
    assert until(LONG, signed(), trust) == ("the key of builder", NOW + 2 * DAY)
    assert until(LONG, signed(trusted_time="2026-11-01T00:00:00Z"), trust)[0] == "the trust root"
    assert until(LONG, signed(identity="other"), trust)[0] == "the trust root"
    assert until(LONG, signed(key_version="1"), trust)[0] == "the trust root"
    several = Evidence("attestation:bias", State.OK, facts={"each": [{"identity": "builder", "key_version": 1}]})
    assert until(LONG, clean() | {several.check: several}, trust)[0] == "the key of builder"
    attested = Evidence("attestation:provenance", State.OK, facts={"identity": "builder", "key_version": 1})
    assert until(LONG, clean() | {attested.check: attested}, trust)[0] == "the key of builder"


def test_a_key_that_was_suspended_or_grows_too_old() -> None:
    assert until(LONG, signed(), trust_of(suspended_since=NOW + DAY))[1] == NOW + DAY
    assert until(LONG, signed(), trust_of(suspended_since=NOW - DAY))[1] == NOW  # ended already
    assert until(LONG, signed(), trust_of(compromised_since=NOW - DAY))[1] == NOW
    policy = replace(LONG, keys=Keys(max_age_days=330))
    assert until(policy, signed())[1] == KEY.version.not_before + 330 * DAY
    assert until(policy, signed(trusted_time="2026-11-01T00:00:00Z"))[0] == "the trust root"


def test_a_phase_that_begins() -> None:
    phases = (Phase(date(2026, 1, 1)), Phase(date(2026, 12, 1), "classical+pq"))
    policy = replace(LONG, signatures=Signatures(phase=phases))
    assert until(policy)[1] == datetime(2026, 12, 1, tzinfo=UTC)


def test_the_verdict_it_was_promoted_by() -> None:
    fact = {"environment": "staging", "at": "2026-11-20T12:00:00Z", "result": "PASSED", "verifier": "v"}
    policy = replace(LONG, promotion=Promotion(("staging",), 7))
    assert until(policy, clean(promotion=ok("promotion", verdicts=[fact])))[1] == NOW + 6 * DAY


def test_nothing_that_is_over_puts_the_end_before_the_beginning() -> None:
    over = replace(LONG, expires=date(2020, 1, 1))
    assert until(over)[1] == NOW


def test_a_bound_beyond_the_calendar_is_no_crash() -> None:
    policy = replace(
        LONG, vulnerabilities=Vulnerabilities(max_age_days=10**12), keys=Keys(max_age_days=10**12),
        verdicts=Verdicts(valid_hours=10**15), models=Models(), promotion=Promotion(("staging",), 10**12),
        attestations=Attestations((Demand("bias", 10**12),)),
    )  # fmt: skip
    made = Evidence("attestation:bias", State.OK, since=NOW, facts={})
    asked = situation(signed() | {made.check: made}, policy)
    assert all(end >= NOW for _, end in ends(decide(asked), asked, trust_of()))
