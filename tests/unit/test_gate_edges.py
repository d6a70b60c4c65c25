"""The last digit of the trusted core: one test for each edge that a mutant of it survived on 2026-11-29."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core import times
from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Severity
from secpipe.core.verdict import Decision
from secpipe.gate.cached import cache
from secpipe.gate.cached.parts import Parts
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Condition, Keys, Minimum, Models, Policy, Promotion, Verdicts
from secpipe.gate.rules.attestations import is_fresh
from secpipe.gate.rules.promotion import newest
from secpipe.gate.verdicts.acceptance import Wanted, accept
from secpipe.gate.verdicts.signed import About, Broken
from secpipe.scan.models.scan import Judged
from secpipe.system import believable
from tests.unit.gate_builders import NOW, clean, finding, ok, situation
from tests.unit.test_gate_cache import Machine, machine  # noqa: F401  # a fixture
from tests.unit.verdict_world import DIGEST, Gate

DAY = timedelta(days=1)

HOUR = timedelta(hours=1)
ENTRY = FileEntry("m.pkl", 4, 0o644, "a" * 64)


@pytest.mark.parametrize("skips", [(), (Skip("m.pkl", "not looked into"),)])
def test_what_was_not_read_of_a_model_is_kept_with_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skips: tuple[Skip, ...]
) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "cache" / "parts" / "x"
    made: list[int] = []

    def judge() -> Judged:
        made.append(1)
        return Judged("pickle", "ok", ("pickle",), (), skips)

    for _ in range(2):
        parts = Parts(place, "content")
        assert parts.model(ENTRY, judge).skips == skips
        parts.save()
    assert len(made) == 1


def verdict(**rest: Any) -> dict[str, Any]:
    at = times.rfc3339(NOW - HOUR)
    return {"environment": "qa", "at": at, "result": "PASSED", "verifier": "ci", "reason": "", **rest}


@pytest.mark.parametrize(
    ("verifiers", "decision"), [((), Decision.DENY), (("ci",), Decision.PASS), (("other",), Decision.DENY)]
)
def test_only_verdicts_of_accepted_verifiers_promote(verifiers: tuple[str, ...], decision: Decision) -> None:
    later = verdict(verifier="other", at=times.rfc3339(NOW), result="FAILED", reason="no")
    policy = replace(Policy(), promotion=Promotion(("qa",)), verdicts=Verdicts(verifiers=verifiers))
    asked = situation(clean(promotion=ok("promotion", verdicts=[verdict(), later])), policy)
    assert decide(asked).decision is decision
    assert (newest(asked, "qa") or {})["verifier"] == ("ci" if verifiers == ("ci",) else "other")


def test_a_verdict_that_does_not_hold_counts_whoever_it_may_be_of() -> None:
    broken = verdict(verifier="", at=times.rfc3339(NOW), result="REFUSED")
    policy = replace(Policy(), promotion=Promotion(("qa",)), verdicts=Verdicts(verifiers=("ci",)))
    asked = situation(clean(promotion=ok("promotion", verdicts=[verdict(), broken])), policy)
    assert decide(asked).decision is Decision.DENY


@pytest.mark.parametrize("word", ["root", "ring"])
@pytest.mark.parametrize("version", [None, "7", 1, 2, 3])
def test_a_version_that_is_not_known_is_below_every_minimum(word: str, version: Any) -> None:
    policy = replace(Policy(), minimum=replace(Minimum(), **{word: 2}))
    facts = {"root_version": 9, "ring_version": 9, f"{word}_version": version}
    judgement = decide(situation(clean(trust=ok("trust", **facts)), policy))
    good = isinstance(version, int) and version >= 2
    assert judgement.decision is (Decision.PASS if good else Decision.UNDECIDED)
    assert [reason.rule for reason in judgement.reasons] == ([] if good else ["gate/trust-below-minimum"])


@pytest.mark.parametrize(
    ("facts", "good"),
    [
        ({}, False),
        ({"ring_stated": {"issued": times.rfc3339(NOW), "expires": times.rfc3339(NOW), "problem": ""}}, True),
        ({"ring_stated": {"issued": times.rfc3339(NOW), "expires": times.rfc3339(NOW), "problem": "no"}}, False),
        ({"ring_stated": {"issued": times.rfc3339(NOW - 4 * DAY), "expires": "2099-01-01T00:00:00Z"}}, False),
        ({"ring_stated": {"issued": times.rfc3339(NOW + DAY), "expires": "2099-01-01T00:00:00Z"}}, False),
        ({"ring_stated": {"problem": ""}}, False),
        ({"ring_stated": True}, False),
    ],
)
def test_a_ring_counts_where_it_is_stated_to_be_the_newest_of_late(facts: dict[str, Any], good: bool) -> None:
    evidence = clean(trust=ok("trust", root_version=1, ring_version=1, **facts))
    asked = replace(Policy(), keys=replace(Keys(), max_ring_age_days=3))
    judgement = decide(situation(evidence, asked))
    assert [reason.rule for reason in judgement.reasons] == ([] if good else ["gate/trust-below-minimum"])
    assert judgement.decision is (Decision.PASS if good else Decision.UNDECIDED)
    assert decide(situation(evidence, Policy())).decision is Decision.PASS


def remembered(home: Path, seen: dict[str, Any], now: datetime = NOW, trust: dict[str, Any] | None = None) -> bool:
    """Ask about a verdict by root 1 and ring 2, kept before this machine saw what `seen` says."""
    (home / "seen").mkdir(parents=True, exist_ok=True)
    anchor, base = "b" * 64, {"root_version": 1, "root_digest": "c" * 64, "ring_version": 2, "ring_digest": "d" * 64}
    (home / "seen" / f"{anchor}.json").write_text(json.dumps({**base, "time": times.rfc3339(NOW), **seen}))
    document = {"trust": trust or {"root_version": 1, "ring_version": 2}}
    row = {"memory": [f"{anchor}.json", "what was there before"], "anchor": anchor, "document": document}
    return cache._remembered(row, now)


@pytest.mark.parametrize(
    ("seen", "holds"),
    [({}, True), ({"ring_version": 3}, False), ({"root_version": 2}, False), ({"ring_version": 1}, False)],
)
def test_a_kept_verdict_ends_with_a_newer_ring_or_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: dict[str, Any], holds: bool
) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path))
    assert remembered(tmp_path, seen) is holds


def test_a_kept_verdict_is_not_served_before_what_this_machine_saw_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secpipe.gate.anchor import SKEW

    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path))
    assert remembered(tmp_path, {}, NOW - SKEW)
    assert not remembered(tmp_path, {}, NOW - SKEW - timedelta(seconds=1))


def test_rules_that_change_while_a_verdict_is_made_keep_nothing(machine: Machine) -> None:  # noqa: F811
    from secpipe.gate import pipeline
    from secpipe.system.tree import walk

    request = machine.request
    tree = walk(request.path)
    entry = cache.place_of(request, tree)
    outcome = pipeline.check(request, tree=tree)
    machine.gate.policy_file.write_text(machine.gate.policy_file.read_text() + "\n# an edit\n")
    cache.keep(request, tree, outcome, entry)
    assert cache.find(request, entry) is None
    assert machine.entries == []


@pytest.mark.parametrize(("state", "rule"), [(State.OK, ""), (State.STALE, "gate/condition-unknown")])
def test_a_condition_on_stale_evidence_is_not_known(state: State, rule: str) -> None:
    policy = replace(
        Policy(), condition=(Condition("c", "vulnerability", "vulnerability.severity == 'critical'", "deny", "no"),)
    )
    audit = replace(ok("audit"), state=state, reason="" if state is State.OK else "the data is old")
    judgement = decide(situation(clean(audit=audit), policy))
    assert (rule in {reason.rule for reason in judgement.reasons}) is bool(rule)


@pytest.mark.parametrize("store", ["home", "cache"])
def test_a_tree_inside_the_home_or_the_cache_is_never_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    inside, beside = tmp_path / store / "project", tmp_path / "project"
    inside.mkdir(parents=True)
    beside.mkdir()
    assert believable.is_inside(inside)
    assert believable.is_inside(tmp_path)
    assert not believable.is_inside(beside)


@pytest.mark.parametrize(
    ("since", "days", "fresh"),
    [(NOW, 30, True), (NOW - timedelta(days=30), 30, True), (NOW - timedelta(days=30, seconds=1), 30, False),
     (NOW + timedelta(days=400), 30, False), (NOW + timedelta(days=400), 0, False), (None, 30, False), (None, 0, True)],
)  # fmt: skip
def test_a_result_of_the_future_is_not_fresh(since: datetime | None, days: int, fresh: bool) -> None:
    assert is_fresh(since, days, NOW) is fresh


@pytest.mark.parametrize(("later", "code"), [(-1, 0), (0, 1), (1, 1)])
def test_a_broken_verdict_of_the_same_time_is_not_passed_over(tmp_path: Path, later: int, code: int) -> None:
    gate = Gate(tmp_path)
    good = gate.held(gate.sign(gate.outcome()))
    stamp = times.rfc3339(good.summary.at + timedelta(seconds=later))
    broken = Broken(stamp, InputError("damaged"))
    about = About(DIGEST, "", "prod")
    answer = accept([good, broken], Wanted(about, Policy()), gate.trust, NOW)
    assert (answer.exit_code == 0) is (code == 0)


def test_evidence_of_a_required_check_that_is_stale_is_undecided() -> None:
    stale = Evidence("models", State.STALE, "old", since=NOW)
    assert decide(situation(clean(models=stale))).decision is Decision.UNDECIDED


@pytest.mark.parametrize(
    ("rule", "decision"),
    [
        ("models/resource-limit", Decision.UNDECIDED),
        ("models/unreadable", Decision.UNDECIDED),
        ("models/broken-archive", Decision.DENY),
        ("models/unknown-format", Decision.DENY),
        ("models/malformed", Decision.DENY),
    ],
)
def test_what_a_bound_left_out_is_undecided_and_a_fault_of_the_file_denies(rule: str, decision: Decision) -> None:
    found = finding(rule=rule, severity=Severity.MEDIUM, path="a.pt")
    evidence = replace(ok("models"), findings=(found,), skips=(Skip("a.pt", "only the first bytes"),))
    policy = replace(Policy(), models=Models(block="medium"))
    assert decide(situation(clean(models=evidence), policy)).decision is decision
