"""Waivers: what makes one count, what nothing waives, and that the verdict says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.api.rendering import known_rules
from secpipe.core.errors import ConfigError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Severity
from secpipe.core.verdict import Decision, Effect, Judgement
from secpipe.gate.decide import decide
from secpipe.gate.policies import waiver_file, waivers
from secpipe.gate.policies.persons import same_person
from secpipe.gate.policies.policy import Policy, Waiver, Waivers
from tests.unit.gate_builders import NOW, clean, finding, ok, situation

BASE: dict[str, Any] = {"id": "W-1", "owner": "raj", "reason": "r", "rule": "models/*", "expires": date(2026, 12, 1)}


def waiver(**rest: Any) -> Waiver:
    return Waiver(**(BASE | rest))


def judge(given: Waiver, rules: Waivers = Waivers(), severity: Severity = Severity.HIGH) -> Judgement:  # noqa: B008
    evidence = clean(models=replace(ok("models"), findings=(finding(severity=severity, path="m/a.pt"),)))
    return decide(situation(evidence, replace(Policy(), waiver=(given,), waivers=rules)))


def test_it_counts_where_the_policy_asks_for_nothing() -> None:
    assert judge(waiver()).decision is Decision.PASS


@pytest.mark.parametrize(
    ("given", "rules", "words"),
    [
        (waiver(expires=date(2026, 11, 20)), Waivers(), "expired on 2026-11-20"),
        (waiver(expires=date(2027, 3, 1)), Waivers(horizon_days=90), "allows 90 days ahead, until 2027-02-19"),
        (waiver(), Waivers(approved=True), "nobody approved it"),
        (waiver(approved_by="  "), Waivers(approved=True), "nobody approved it"),
        (waiver(approved_by="raj"), Waivers(approved=True), "its own owner approved it"),
        (waiver(approved_by="Raj "), Waivers(), "its own owner approved it"),
        (waiver(), Waivers(signed=True), "from a file that nobody signed"),
        (waiver(), Waivers(never=("models/*",)), "nothing waives models/a-rule"),
        (waiver(rule="*"), Waivers(never=("*",)), "nothing waives models/a-rule"),
    ],
)
def test_it_does_not_count_and_the_verdict_says_why(given: Waiver, rules: Waivers, words: str) -> None:
    judgement = judge(given, rules)
    assert judgement.decision is Decision.DENY
    told = [reason for reason in judgement.reasons if reason.check == "waivers"]
    assert len(told) == 1
    assert told[0].rule == ("gate/waiver-expired" if "expired" in words else "gate/waiver-refused")
    assert words in told[0].what
    assert "W-1 (raj)" in told[0].what


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        (waiver(expires=date(2027, 2, 19)), Waivers(horizon_days=90)),
        (waiver(approved_by="jane"), Waivers(approved=True)),
        (waiver(signed_by="security"), Waivers(signed=True)),
        (waiver(), Waivers(never=("audit/*",))),
    ],
)
def test_it_counts_where_it_meets_what_is_asked(given: Waiver, rules: Waivers) -> None:
    judgement = judge(given, rules)
    assert judgement.decision is Decision.PASS
    assert (judgement.waivers[0].used, judgement.waivers[0].refused) == (1, "")


def test_a_refused_waiver_of_a_warning_is_told_as_a_warning() -> None:
    judgement = judge(waiver(), Waivers(approved=True), Severity.LOW)
    assert judgement.decision is Decision.WARN
    assert {reason.effect for reason in judgement.reasons if reason.check == "waivers"} == {Effect.WARN}


def test_one_that_counts_stands_in_for_one_that_does_not() -> None:
    both = (waiver(id="old", expires=date(2026, 1, 1)), waiver(id="new"))
    evidence = clean(models=replace(ok("models"), findings=(finding(path="m/a.pt"),)))
    judgement = decide(situation(evidence, replace(Policy(), waiver=both)))
    assert judgement.decision is Decision.PASS
    assert {used.id: (used.used, used.expired) for used in judgement.waivers} == {"old": (0, True), "new": (1, False)}


@pytest.mark.parametrize("rule", sorted(waivers.NEVER))
@pytest.mark.parametrize("glob", ["*", "signatures/*", "exact"])
def test_a_signature_that_does_not_hold_cannot_be_waived(rule: str, glob: str) -> None:
    given = waiver(rule=rule if glob == "exact" else glob)
    found = finding("signatures", Severity.CRITICAL, rule=rule, path="m/a.safetensors")
    evidence = clean(signatures=Evidence("signatures", State.FAILED, "it does not hold", findings=(found,)))
    judgement = decide(situation(evidence, replace(Policy(), waiver=(given,))))
    assert judgement.decision is Decision.DENY
    assert any(f"nothing waives {rule}" in reason.what for reason in judgement.reasons)


def test_nor_by_the_id_of_the_finding() -> None:
    found = finding("signatures", Severity.CRITICAL, rule="signatures/changed-file", path="m/a.safetensors")
    evidence = clean(signatures=Evidence("signatures", State.FAILED, "no", findings=(found,)))
    policy = replace(Policy(), waiver=(waiver(rule="", finding=found.id),))
    assert decide(situation(evidence, policy)).decision is Decision.DENY


def test_the_rules_that_nothing_waives_are_those_of_the_data() -> None:
    wings = {rule.wing for rule in known_rules().values()} - {"gate"}  # the gate's own reasons are no findings
    said = {rule.id for rule in known_rules().values() if not rule.waivable and rule.wing in wings}
    assert said == set(waivers.NEVER)


@given(st.dates(), st.integers(0, 1_000_000), st.datetimes(timezones=st.just(UTC)))
def test_any_date_has_an_answer(expires: date, horizon: int, now: datetime) -> None:
    why = waivers.refusal(waiver(expires=expires), Waivers(horizon_days=horizon), now)
    assert (why == "") == (now.date() <= expires and (not horizon or (expires - now.date()).days <= horizon))


@given(st.text(max_size=12), st.text(max_size=12))
def test_persons_never_raise_and_do_not_depend_on_order(one: str, other: str) -> None:
    assert same_person(one, other) == same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("raj", "Raj"),
        ("raj", " raj\t"),
        ("raj@corp.example", "RAJ@CORP.EXAMPLE"),
        ("raj@corp.example", "Raj Patel <raj@corp.example>"),
        ("raj@corp.example", "mailto:raj@corp.example"),
        ("raj@corp.example", "raj+waivers@corp.example"),
        ("raj@corp.example", "raj@corp.example."),
        ("Raj Patel", "raj  patel <rp@corp.example>"),
        ("raj", "raj@corp.example"),
        ("raj", "r\u200baj"),
        ("raj", "\uff52\uff41\uff4a"),
        ("raj@corp.example", "jane@corp.example, raj@corp.example"),
    ],
)
def test_one_person_in_two_spellings(one: str, other: str) -> None:
    assert same_person(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("raj", "jane"),
        ("raj@corp.example", "jane@corp.example"),
        ("raj@corp.example", "raj@other.example"),
        ("Raj Patel", "Raj Kumar"),
        ("sec-lead", "security"),
        ("raj", ""),
        ("", ""),
    ],
)
def test_two_persons(one: str, other: str) -> None:
    assert not same_person(one, other)


FILE = 'schema = "secpipe.waivers/1"\n[[waiver]]\nid = "W"\nowner = "raj"\nreason = "r"\nrule = "x/*"\n'


def test_a_file_of_waivers() -> None:
    given = waiver_file.parse((FILE + "expires = 2026-12-01\n").encode(), "w.toml")
    assert [(one.id, one.source, one.signed_by) for one in given.waivers] == [("W", "w.toml", "")]
    assert given.loose
    other = waiver_file.parse((FILE + "expires   = 2026-12-01 # soon\n").encode(), "w.toml")
    assert given.digest == other.digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE, "w.toml:2:1: a waiver lacks expires"),
        (FILE + "expires = 2026-12-01\nsource = 'policy'\n", 'w.toml:8:1: unknown key "waiver.source"'),
        (FILE + "expires = 2026-12-01\nsigned_by = 'ceo'\n", 'w.toml:8:1: unknown key "waiver.signed_by"'),
        (FILE + "expires = 2026-12-01\napproved_by = 'RAJ'\n", "w.toml:8:1: waiver"),
        ("schema = 'secpipe.waivers/1'\nwaivers = []\n", 'w.toml:2:1: unknown key "waivers"'),
        ("schema = 'secpipe.waivers/1'\nwaiver = 3\n", "w.toml:2:1"),
        ("schema = 'secpipe.policy/1'\n", "w.toml:1:1: schema"),
        ("[[waiver", "not TOML"),
    ],
)
def test_mistakes_in_a_file_of_waivers(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        waiver_file.parse(text.encode(), "w.toml")
    assert words in caught.value.message


def test_now_is_a_moment_and_a_waiver_holds_its_whole_day() -> None:
    last = datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC)
    assert waivers.refusal(waiver(), Waivers(), last) == ""
    assert waivers.refusal(waiver(), Waivers(), datetime(2026, 12, 2, tzinfo=UTC)) != ""
    assert last > NOW


GLOBS = st.sampled_from(["", "a", "ab", "a/b", "*", "a*", "*b", "?b", "[ab]", "[!a]b", "a[*]"])
FINDINGS = st.builds(
    finding,
    check=st.just("models"),
    rule=st.sampled_from(["models/a", "audit/a", "signatures/invalid"]),
    path=st.sampled_from(["", "a", "ab", "a/b", "b"]),
    subject=st.sampled_from(["", "a", "ab", "b"]),
)
WAIVERS = st.lists(
    st.builds(
        waiver,
        id=st.sampled_from(["1", "2", "3"]),
        finding=st.sampled_from(["", "", finding(rule="models/a", path="a", subject="a").id]),
        rule=st.sampled_from(["", "models/*", "*/a", "signatures/*"]),
        paths=st.lists(GLOBS, max_size=2).map(tuple),
        subjects=st.lists(GLOBS, max_size=2).map(tuple),
        env=st.sampled_from([(), ("prod",), ("dev",)]),
        approved_by=st.sampled_from(["", "jane", "RAJ"]),
        signed_by=st.sampled_from(["", "security"]),
        expires=st.sampled_from([date(2026, 1, 1), date(2026, 12, 1), date(2028, 1, 1)]),
    ),
    max_size=6,
)
RULES = st.builds(
    Waivers,
    horizon_days=st.sampled_from([0, 90]),
    approved=st.booleans(),
    signed=st.booleans(),
    never=st.sampled_from([(), ("models/a",), ("audit/*",)]),
)


@given(WAIVERS, RULES, FINDINGS)
def test_the_index_answers_as_a_walk_over_all_waivers_does(given_: list[Waiver], rules: Waivers, found: Any) -> None:
    policy = replace(Policy(), waiver=tuple(given_), waivers=rules)
    holding, other = None, None
    for one in given_:
        if waivers.applies(one, found, "prod"):
            counts = not waivers.refusal(one, rules, NOW) and not waivers.never(found.rule, rules)
            holding = holding or (one if counts else None)
            other = other or one
    holds, refused, why = waivers.Index(policy, "prod", NOW).find(found)
    assert holds == holding
    assert refused == (None if holding else other)
    assert bool(why) == (refused is not None)
