"""Laws of the decision over random policies and evidence: total, monotone, deaf to order, never a false pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.verdict import Decision
from secpipe.gate.decide import decide
from secpipe.gate.policy import SEVERITIES, Minimum, Models, Policy, Signatures, Vulnerabilities, Waiver
from tests.unit.gate_builders import CHECKS, NOW, ok, situation

RANK = {Decision.PASS: 0, Decision.WARN: 1, Decision.UNDECIDED: 2, Decision.DENY: 3}

words = st.text(max_size=8)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
findings = st.builds(
    Finding,
    rule=st.sampled_from(["models/a", "audit/known-vulnerability", "shadow-ai/x", "signatures/invalid"]),
    message=words,
    severity=st.sampled_from(Severity),
    confidence=st.sampled_from(Confidence),
    path=words,
    subject=words,
    details=st.dictionaries(st.sampled_from(["package", "outcome", "x"]), json_values, max_size=2),
)
facts = st.dictionaries(
    st.sampled_from(
        ["files", "covered", "artifacts", "uses", "advisories", "packages", "unjudged", "licenses", "profiles"]
    ),
    json_values,
    max_size=4,
)


@st.composite
def evidence_sets(draw: st.DrawFn) -> dict[str, Evidence]:
    made = {}
    for check in CHECKS:
        state = draw(st.sampled_from([State.OK, State.OK, State.OK, *State]))
        made[check] = replace(
            ok(check),
            state=state,
            reason="" if state is State.OK else "because",
            findings=tuple(draw(st.lists(findings, max_size=2))),
            skips=tuple(draw(st.lists(st.builds(Skip, words, words), max_size=1))),
        )
    return made


policies = st.builds(
    Policy,
    name=words,
    owner=words,
    expires=st.none() | st.dates(),
    mode=st.just("enforce"),
    signatures=st.builds(Signatures, required=st.booleans(), cover=st.lists(words, max_size=2).map(tuple)),
    models=st.builds(Models, block=st.sampled_from(SEVERITIES), warn=st.sampled_from(SEVERITIES)),
    vulnerabilities=st.builds(
        Vulnerabilities, block=st.sampled_from(SEVERITIES), max_age_days=st.integers(0, 10), complete=st.booleans()
    ),
    minimum=st.builds(Minimum, root=st.integers(0, 2), advisories=st.none() | st.dates()),
    waiver=st.lists(
        st.builds(
            Waiver, id=words, rule=st.sampled_from(["models/*", "*"]), owner=words, reason=words,
            expires=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip


@given(
    policies,
    st.dictionaries(st.sampled_from(CHECKS), st.builds(Evidence, check=words, state=st.just(State.OK), facts=facts)),
)
def test_it_never_raises_whatever_the_facts(policy: Policy, evidence: dict[str, Evidence]) -> None:
    judgement = decide(situation(evidence, policy))
    assert judgement.decision in Decision


@given(
    policies,
    evidence_sets(),
    st.sampled_from(CHECKS),
    st.sampled_from([State.FAILED, State.SKIPPED, State.STALE, None]),
)
@settings(max_examples=200)
def test_worse_or_missing_evidence_never_helps(
    policy: Policy, evidence: dict[str, Evidence], check: str, worse: State | None
) -> None:
    before = decide(situation(evidence, policy)).decision
    changed = dict(evidence)
    if worse is None:
        del changed[check]
    else:
        changed[check] = replace(evidence[check], state=worse, reason="because")
    after = decide(situation(changed, policy)).decision
    if before in (Decision.DENY, Decision.UNDECIDED):
        assert after in (Decision.DENY, Decision.UNDECIDED)
    if worse is State.FAILED and evidence[check].state is State.OK:
        assert RANK[after] >= RANK[before]


@given(policies, evidence_sets(), st.sampled_from(CHECKS), findings)
def test_one_more_finding_never_helps(policy: Policy, evidence: dict[str, Evidence], check: str, more: Finding) -> None:
    before = decide(situation(evidence, policy)).decision
    changed = evidence | {check: replace(evidence[check], findings=(*evidence[check].findings, more))}
    if evidence[check].state is State.FAILED and not evidence[check].findings:
        return  # a finding may explain a failure and be waived by name
    assert RANK[decide(situation(changed, policy)).decision] >= RANK[before]


@given(policies, evidence_sets(), st.randoms())
def test_order_does_not_matter(policy: Policy, evidence: dict[str, Evidence], random: Any) -> None:
    names = list(evidence)
    random.shuffle(names)
    shuffled = {}
    for name in names:
        mixed = list(evidence[name].findings)
        random.shuffle(mixed)
        shuffled[name] = replace(evidence[name], findings=tuple(mixed))
    one, other = decide(situation(evidence, policy)), decide(situation(shuffled, policy))
    assert one.decision == other.decision
    assert {reason.what for reason in one.reasons} == {
        reason.what for reason in other.reasons
    } or one.counts() == other.counts()


@given(policies, evidence_sets())
def test_a_pass_rests_on_complete_ok_evidence_alone(policy: Policy, evidence: dict[str, Evidence]) -> None:
    judgement = decide(situation(evidence, policy))
    if judgement.decision in (Decision.PASS, Decision.WARN):
        required = {row.check for row in judgement.checks if row.required}
        for name in required & set(evidence):
            waived = all(item.waiver for item in judgement.findings) and evidence[name].findings
            assert evidence[name].state is State.OK or (evidence[name].state is State.FAILED and waived)
            assert not evidence[name].skips
        assert not policy.expires or policy.expires >= NOW.date()


@given(st.integers(0, 3000))
def test_time_alone_never_turns_undecided_advisories_into_a_pass(days: int) -> None:
    policy = replace(Policy(), vulnerabilities=Vulnerabilities(max_age_days=5))
    later = decide(situation(policy=policy, now=NOW + timedelta(days=days)))
    assert (later.decision is Decision.PASS) == (days < 4)
