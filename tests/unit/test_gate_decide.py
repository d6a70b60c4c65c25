"""decide: the table of states, modes and thresholds; what denies, what leaves it undecided, and that nothing slips."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Severity
from secpipe.core.verdict import Decision, Effect, Result
from secpipe.gate.decide import by_tree, decide
from secpipe.gate.policies.policy import (
    Attestations,
    Demand,
    Licenses,
    Minimum,
    Models,
    Policy,
    Sbom,
    Signatures,
    Vulnerabilities,
    Waiver,
)
from tests.unit.gate_builders import CHECKS, NOW, clean, finding, ok, situation

STATES = {
    State.OK: Decision.PASS,
    State.FAILED: Decision.DENY,
    State.SKIPPED: Decision.UNDECIDED,
    State.STALE: Decision.UNDECIDED,
}


def made(check: str, state: State) -> Evidence:
    whole = ok(check)
    return whole if state is State.OK else replace(whole, state=state, reason="because")


@pytest.mark.parametrize("mode", ["enforce", "warn"])
@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("check", CHECKS)
def test_every_state_of_every_required_check_has_one_outcome(check: str, state: State, mode: str) -> None:
    policy = replace(Policy(), mode=mode)
    judgement = decide(situation(clean(**{check: made(check, state)}), policy))
    expected = STATES[state]
    assert judgement.would_be is expected
    assert judgement.decision is (Decision.WARN if mode == "warn" and expected is not Decision.PASS else expected)


@pytest.mark.parametrize("check", CHECKS)
def test_missing_evidence_is_never_a_pass(check: str) -> None:
    evidence = clean()
    del evidence[check]
    assert decide(situation(evidence)).decision is Decision.UNDECIDED


@pytest.mark.parametrize("check", [check for check in CHECKS if check != "trust"])
def test_evidence_that_did_not_look_everywhere_is_not_green(check: str) -> None:
    evidence = clean(**{check: replace(ok(check), skips=(Skip("a/b.pt", "cannot be read"),))})
    judgement = decide(situation(evidence))
    assert judgement.decision is Decision.UNDECIDED
    assert any("a/b.pt" in reason.what for reason in judgement.reasons)


def test_a_dependency_that_cannot_be_judged_is_the_policys_question() -> None:
    evidence = clean(audit=replace(ok("audit"), skips=(Skip("pyproject.toml", "no version", soft=True),)))
    assert decide(situation(evidence)).decision is Decision.WARN
    strict = replace(Policy(), vulnerabilities=Vulnerabilities(complete=True))
    assert decide(situation(evidence, strict)).decision is Decision.UNDECIDED
    hard = clean(audit=replace(ok("audit"), skips=(Skip("uv.lock", "not TOML"),)))
    assert decide(situation(hard)).decision is Decision.UNDECIDED


def test_a_failed_check_whose_findings_are_below_the_threshold_still_denies() -> None:
    evidence = clean(signatures=Evidence("signatures", State.FAILED, "no", findings=(finding(severity=Severity.INFO),)))
    policy = replace(Policy(), signatures=Signatures(), models=Models(block="never"))
    assert decide(situation(evidence, policy)).decision is Decision.DENY


def test_a_waiver_for_a_finding_is_none_for_a_failure_beside_it() -> None:
    """An AI-BOM that is not valid stays so, whatever of its findings is waived; a signature fails by its findings."""
    found = finding("sbom", Severity.HIGH, rule="sbom/lfs-pointer")
    policy = replace(Policy(), waiver=(waiver(rule="*"),))
    broken = Evidence("sbom", State.FAILED, "the bill of materials is not valid", findings=(found,))
    assert decide(situation(clean(sbom=broken), policy)).decision is Decision.DENY
    unsigned = ok("signatures", covered={}, artifacts=[])
    failed = replace(unsigned, state=State.FAILED, reason="no")
    assert decide(situation(clean(signatures=unsigned), policy)).decision is Decision.PASS
    assert decide(situation(clean(signatures=failed), policy)).decision is Decision.DENY
    named = replace(failed, findings=(finding("signatures", rule="signatures/expired-key"),))
    assert decide(situation(clean(signatures=named), policy)).decision is Decision.PASS
    never = replace(failed, findings=(finding("signatures", rule="signatures/invalid"),))
    assert decide(situation(clean(signatures=never), policy)).decision is Decision.DENY


def test_deny_beats_undecided_and_both_are_told() -> None:
    evidence = clean(models=replace(ok("models"), findings=(finding(),)), audit=made("audit", State.SKIPPED))
    judgement = decide(situation(evidence))
    assert judgement.decision is Decision.DENY
    assert [reason.effect for reason in judgement.reasons] == [Effect.DENY, Effect.UNDECIDED]


@pytest.mark.parametrize(
    ("severity", "decision"),
    [(Severity.INFO, Decision.PASS), (Severity.LOW, Decision.WARN), (Severity.MEDIUM, Decision.WARN),
     (Severity.HIGH, Decision.DENY), (Severity.CRITICAL, Decision.DENY)],
)  # fmt: skip
def test_thresholds(severity: Severity, decision: Decision) -> None:
    evidence = clean(audit=replace(ok("audit"), findings=(finding("audit", severity),)))
    assert decide(situation(evidence)).decision is decision


def test_an_unsigned_model_denies_and_a_signed_one_does_not() -> None:
    models = ok("models", files={"m/a.safetensors": {"format": "safetensors", "outcome": "ok"}})
    unsigned = ok("signatures", covered={}, artifacts=[])
    assert decide(situation(clean(models=models, signatures=unsigned))).decision is Decision.DENY
    signed = ok("signatures", covered={"m/a.safetensors": "builder"}, artifacts=[{"identity": "builder"}])
    assert decide(situation(clean(models=models, signatures=signed))).decision is Decision.PASS
    policy = replace(Policy(), signatures=Signatures(identities=("release",)))
    assert decide(situation(clean(models=models, signatures=signed), policy)).decision is Decision.DENY


def test_what_must_be_signed_is_not_known_while_models_were_not_scanned() -> None:
    policy = replace(Policy(), models=Models(required=False))
    judgement = decide(situation(clean(models=made("models", State.SKIPPED)), policy))
    assert judgement.decision is Decision.UNDECIDED


def test_cover_takes_globs_over_every_file() -> None:
    policy = replace(Policy(), signatures=Signatures(cover=("dist/*.whl",)))
    assert decide(situation(policy=policy, paths=("dist/x.whl", "src/a.py"))).decision is Decision.DENY
    assert decide(situation(policy=policy, paths=("src/a.py",))).decision is Decision.PASS


def test_a_format_that_is_not_on_the_list_denies() -> None:
    policy = replace(Policy(), models=Models(formats=("safetensors",)), signatures=Signatures(required=False))
    models = ok("models", files={"a.pt": {"format": "pickle", "outcome": "ok"}})
    assert decide(situation(clean(models=models), policy)).decision is Decision.DENY


@pytest.mark.parametrize(
    ("days", "max_age", "decision"),
    [(1, 7, Decision.PASS), (7, 7, Decision.PASS), (8, 7, Decision.UNDECIDED), (400, 0, Decision.WARN),
     (5, 0, Decision.PASS), (-5, 7, Decision.UNDECIDED)],
)  # fmt: skip
def test_old_advisory_data_is_stale(days: int, max_age: int, decision: Decision) -> None:
    policy = replace(Policy(), vulnerabilities=Vulnerabilities(max_age_days=max_age))
    audit = ok("audit", advisories={"date": (NOW - timedelta(days=days)).isoformat()})
    assert decide(situation(clean(audit=audit), policy)).decision is decision


def test_advisory_data_without_a_date_or_below_the_minimum_is_undecided() -> None:
    assert decide(situation(clean(audit=ok("audit", advisories={})))).decision is Decision.UNDECIDED
    policy = replace(Policy(), minimum=Minimum(advisories=date(2026, 11, 21)))
    assert decide(situation(policy=policy)).decision is Decision.UNDECIDED


def test_trust_is_needed_only_where_something_must_be_signed() -> None:
    evidence = clean(models=ok("models", files={}), signatures=ok("signatures", covered={}, artifacts=[]))
    del evidence["trust"]
    assert decide(situation(evidence)).decision is Decision.PASS


def test_self_judged_and_an_expired_policy_are_undecided() -> None:
    assert decide(situation(self_judged="no pin")).decision is Decision.UNDECIDED
    policy = replace(Policy(), expires=date(2026, 11, 20))
    assert decide(situation(policy=policy)).decision is Decision.UNDECIDED
    assert decide(situation(policy=replace(policy, expires=date(2026, 11, 21)))).decision is Decision.PASS


def test_trust_below_the_pinned_minimum_is_undecided() -> None:
    policy = replace(Policy(), minimum=Minimum(ring=2))
    assert decide(situation(policy=policy)).decision is Decision.UNDECIDED


def test_licences() -> None:
    sbom = ok("sbom", licenses={"AGPL-3.0-only": ["x"], "MIT": ["y"]})
    policy = replace(Policy(), licenses=Licenses(deny=("AGPL-*",)))
    assert decide(situation(clean(sbom=sbom), policy)).decision is Decision.DENY
    assert (
        decide(situation(clean(sbom=sbom), replace(Policy(), licenses=Licenses(allow=("MIT",))))).decision
        is Decision.DENY
    )
    assert decide(situation(clean(sbom=sbom))).decision is Decision.PASS


def test_sbom_completeness() -> None:
    policy = replace(Policy(), sbom=Sbom(profiles={"g7-ai": 90}))
    assert decide(situation(policy=policy)).decision is Decision.UNDECIDED
    assert decide(situation(clean(sbom=ok("sbom", profiles={"g7-ai": 89})), policy)).decision is Decision.DENY
    assert decide(situation(clean(sbom=ok("sbom", profiles={"g7-ai": 90})), policy)).decision is Decision.PASS


def test_a_demanded_test_result_must_exist_pass_and_be_fresh() -> None:
    policy = replace(Policy(), attestations=Attestations((Demand("bias", 30),)))
    assert decide(situation(policy=policy)).decision is Decision.UNDECIDED
    fresh = Evidence(
        "attestation:bias", State.OK, since=NOW - timedelta(days=1), facts={"purpose": "test-result", "path": "m"}
    )
    assert decide(situation(clean() | {"attestation:bias": fresh}, policy)).decision is Decision.PASS
    old = replace(fresh, since=NOW - timedelta(days=31))
    assert decide(situation(clean() | {"attestation:bias": old}, policy)).decision is Decision.UNDECIDED
    renamed = replace(fresh, facts={"purpose": "vuln"})
    assert decide(situation(clean() | {"attestation:bias": renamed}, policy)).decision is Decision.DENY
    failed = Evidence("attestation:bias", State.FAILED, "bias test failed")
    assert decide(situation(clean() | {"attestation:bias": failed}, policy)).decision is Decision.DENY


def waiver(**rest: object) -> Waiver:
    values = {"id": "W-1", "owner": "raj", "reason": "r", "rule": "models/*", "expires": date(2026, 12, 1)} | rest
    return Waiver(**values)  # type: ignore[arg-type]


def test_a_waiver_takes_the_sting_and_is_listed() -> None:
    evidence = clean(models=replace(ok("models"), findings=(finding(path="m/a.pt"),)))
    judgement = decide(situation(evidence, replace(Policy(), waiver=(waiver(paths=("m/*",)),))))
    assert judgement.decision is Decision.PASS
    assert judgement.findings[0].effect is Effect.WAIVED
    assert judgement.waivers[0].used == 1
    assert judgement.counts()["waived"] == 1


@pytest.mark.parametrize(
    "changes",
    [{"paths": ("other/*",)}, {"subjects": ("x",)}, {"env": ("dev",)}, {"rule": "audit/*"}, {"finding": "0" * 20}],
)
def test_a_waiver_for_something_else_does_not_hold(changes: dict[str, object]) -> None:
    evidence = clean(models=replace(ok("models"), findings=(finding(path="m/a.pt"),)))
    assert decide(situation(evidence, replace(Policy(), waiver=(waiver(**changes),)))).decision is Decision.DENY


def test_an_expired_waiver_denies_and_says_so() -> None:
    evidence = clean(models=replace(ok("models"), findings=(finding(path="m/a.pt"),)))
    judgement = decide(situation(evidence, replace(Policy(), waiver=(waiver(expires=date(2026, 11, 20)),))))
    assert judgement.decision is Decision.DENY
    assert any(reason.rule == "gate/waiver-expired" and "W-1" in reason.what for reason in judgement.reasons)


def test_the_trees_own_policy_can_only_tighten() -> None:
    evidence = clean(models=replace(ok("models"), findings=(finding(severity=Severity.LOW),)))
    lax = decide(situation(evidence, replace(Policy(), models=Models(block="never"), mode="warn")))
    strict = decide(situation(evidence, replace(Policy(), models=Models(block="low"))))
    base = situation(evidence)
    assert decide(base, lax).decision is decide(base).decision
    tightened = decide(base, strict)
    assert tightened.decision is Decision.DENY
    assert tightened.reasons[0].rule == "gate/tree-policy-denies"


def test_a_rule_that_breaks_leaves_it_undecided() -> None:
    class Hostile(dict):  # type: ignore[type-arg]
        def items(self) -> object:  # type: ignore[override]
            raise RuntimeError("boom")

    policy = replace(Policy(), signatures=Signatures(required=False))
    judgement = decide(situation(clean(models=ok("models", files=Hostile(a={}))), policy))
    assert judgement.decision is Decision.UNDECIDED
    assert any(check.result is Result.UNDECIDED for check in judgement.checks)


def test_licences_of_what_was_not_looked_at_are_not_known() -> None:
    """The AI-BOM need not be there, but whoever sets licence rules wants them held against everything."""
    partly = replace(ok("sbom"), skips=(Skip("uv.lock", "larger than 8 MB"),))
    lenient = replace(Policy(), sbom=replace(Policy().sbom, required=False))
    assert decide(situation(clean(sbom=partly), lenient)).decision is Decision.WARN
    asked = replace(lenient, licenses=replace(Policy().licenses, deny=("AGPL-*",)))
    assert decide(situation(clean(sbom=partly), asked)).decision is Decision.UNDECIDED


@pytest.mark.parametrize("each", [[], [{"path": "m", "state": "ok", "purpose": "test-result", "result": "PASSED"}]])
@pytest.mark.parametrize(("state", "decision"), [(State.FAILED, Decision.DENY), (State.SKIPPED, Decision.UNDECIDED)])
def test_attestations_are_no_better_than_their_evidence(each: Any, state: State, decision: Decision) -> None:
    """Evidence that failed as a whole is no pass, whatever its single attestations say of themselves."""
    policy = replace(Policy(), attestations=Attestations((Demand("bias", 0),)))
    made = Evidence("attestation:bias", state, "it does not hold", facts={"path": "m", "each": each})
    assert decide(situation(clean() | {"attestation:bias": made}, policy)).decision is decision


def test_a_rule_that_breaks_names_its_check_and_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def licences(_: Any) -> Any:
        raise LookupError

    monkeypatch.setattr("secpipe.gate.decide.RULES", (licences,))
    judgement = decide(situation())
    (row,) = judgement.checks
    assert (row.check, row.state, row.result, row.required) == ("licences", State.SKIPPED, Result.UNDECIDED, True)
    assert row.reason == "the rule could not read its evidence (LookupError)"
    (reason,) = judgement.reasons
    assert (reason.rule, reason.effect, reason.what, reason.check) == (
        "gate/not-checked", Effect.UNDECIDED, row.reason, "licences",
    )  # fmt: skip


def test_what_is_wrong_with_the_trust_root_comes_before_what_comes_of_it() -> None:
    evidence = clean(
        files=made("files", State.FAILED), models=made("models", State.FAILED), trust=made("trust", State.FAILED)
    )
    required = replace(Policy(), signatures=Signatures(required=True))
    reasons = decide(situation(evidence, required)).reasons
    checks = [reason.check for reason in reasons if reason.effect is Effect.DENY]
    assert checks[0] == "trust"
    assert set(checks) >= {"trust", "files", "models"}


def test_the_worst_finding_is_the_first_reason_and_the_first_finding() -> None:
    worse = finding(severity=Severity.CRITICAL, rule="models/z-rule", path="z.pkl", message="worse")
    lesser = finding(severity=Severity.HIGH, rule="models/a-rule", path="a.pkl", message="lesser")
    judgement = decide(situation(clean(models=replace(ok("models"), findings=(lesser, worse)))))
    assert [item.finding.severity for item in judgement.findings] == [Severity.CRITICAL, Severity.HIGH]
    assert [reason.findings[0] for reason in judgement.reasons if reason.findings] == [worse.id, lesser.id]


def test_a_skip_of_several_checks_is_told_once_by_the_first() -> None:
    skip = Skip("a.pt", "cannot be read")
    evidence = clean(models=replace(ok("models"), skips=(skip,)), agents=replace(ok("agents"), skips=(skip,)))
    assert decide(situation(evidence)).skipped == (("models", skip),)


def test_a_refused_waiver_is_told_once_and_another_finding_of_its_rule_needs_none() -> None:
    refused = Waiver(
        id="W-1",
        owner="raj",
        reason="r",
        rule="models/a-rule",
        paths=("a.pkl",),
        expires=NOW.date() - timedelta(days=1),
    )
    both = tuple(finding(path=path, message=f"{path} is wrong") for path in ("a.pkl", "b.pkl"))
    policy = replace(Policy(), waiver=(refused,))
    judgement = decide(situation(clean(models=replace(ok("models"), findings=both)), policy))
    told = [reason for reason in judgement.reasons if reason.check == "waivers"]
    assert [(one.rule, one.effect, one.owner) for one in told] == [("gate/waiver-expired", Effect.DENY, "raj")]
    assert told[0].what == "waiver W-1 (raj) expired on 2026-11-20: a.pkl is wrong"


def test_the_trees_own_policy_gives_its_reasons_with_what_they_rest_on() -> None:
    evidence = clean(models=replace(ok("models"), findings=(finding(path="a.pkl"),)))
    theirs = decide(situation(evidence, replace(Policy(), owner="")))
    ours = replace(Policy(), owner="sec", models=Models(block="never"))
    told = [one for one in decide(situation(evidence, ours), theirs).reasons if one.rule == "gate/tree-policy-denies"]
    assert len(told) == 1
    (before,) = (one for one in theirs.reasons if one.effect is Effect.DENY)
    assert (told[0].effect, told[0].check, told[0].path, told[0].findings, told[0].advice, told[0].do) == (
        before.effect, before.check, before.path, before.findings, before.advice, before.do,
    )  # fmt: skip
    assert told[0].what.endswith(before.what)
    assert told[0].what != before.what
    assert told[0].owner == "sec"


def test_the_trees_policy_is_asked_as_the_trees() -> None:
    asked = situation(self_judged="it names no pin")
    theirs = by_tree(asked, Policy(name="tree"))
    assert (theirs.policy.name, theirs.self_judged, theirs.call) == ("tree", "", asked.call.by_tree())
    assert theirs.evidence == asked.evidence
