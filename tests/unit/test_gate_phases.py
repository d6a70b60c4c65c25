"""Dated demands: what adds up, on which day, and that nothing in common means nothing, not everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.verdict import Decision
from secpipe.gate.decide import decide
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.phases import NOTHING, classical_time_until, in_force
from secpipe.gate.policies.policy import REQUIRE, Keys, Phase, Policy, Signatures
from tests.unit.gate_builders import clean, ok, situation

DAY = date(2027, 1, 1)


def dated(*phases: Phase, require: str = "classical", algorithms: tuple[str, ...] = ()) -> Policy:
    return replace(Policy(), signatures=Signatures(require=require, phase=phases), keys=Keys(algorithms))


def on(policy: Policy, day: date) -> tuple[str, tuple[str, ...]]:
    found = in_force(policy, datetime.combine(day, datetime.min.time(), UTC))
    return found.signatures.require, found.keys.algorithms


def test_a_phase_begins_with_its_day_in_utc_and_never_ends() -> None:
    policy = dated(Phase(DAY, "pq"))
    assert on(policy, date(2026, 12, 31)) == ("classical", ())
    assert on(policy, DAY) == ("classical+pq", ())
    assert on(policy, date(2099, 1, 1)) == ("classical+pq", ())
    # 01:00 in Berlin on the day is 00:00 UTC; 00:30 there is still the day before.
    berlin = timezone(timedelta(hours=1))
    assert in_force(policy, datetime(2027, 1, 1, 0, 30, tzinfo=berlin)).signatures.require == "classical"


@pytest.mark.parametrize(
    ("base", "phase", "joined"),
    [("pq", "", "pq"), ("pq", "classical", "classical+pq"), ("classical+pq", "pq", "classical+pq"), ("pq", "pq", "pq")],
)
def test_required_halves_are_joined(base: str, phase: str, joined: str) -> None:
    assert on(dated(Phase(DAY, phase), require=base), DAY)[0] == joined


def test_a_phase_that_says_nothing_of_halves_changes_nothing_of_them() -> None:
    assert on(dated(Phase(DAY, algorithms=("ml-dsa-87",)), require="pq"), DAY) == ("pq", ("ml-dsa-87",))


def test_algorithms_are_intersected_and_nothing_in_common_is_nothing() -> None:
    first, other = Phase(DAY, algorithms=("ecdsa-p384", "ml-dsa-87")), Phase(DAY, algorithms=("ml-dsa-65",))
    assert on(dated(first, algorithms=("ml-dsa-87", "ecdsa-p256")), DAY)[1] == ("ml-dsa-87",)
    assert on(dated(first, other), DAY)[1] == NOTHING
    assert on(dated(first, other, first), DAY)[1] == NOTHING


def test_a_phase_without_a_day_holds_always() -> None:
    assert on(dated(Phase(None, "pq")), date(1990, 1, 1))[0] == "classical+pq"


names = st.sampled_from(["ecdsa-p256", "ecdsa-p384", "ml-dsa-65", "ml-dsa-87"])
phases = st.builds(Phase, st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.sampled_from(["", *REQUIRE]),
                   st.lists(names, max_size=3).map(tuple))  # fmt: skip


@given(st.lists(phases, max_size=4), st.sampled_from(REQUIRE), st.lists(names, max_size=3).map(tuple),
       st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.randoms())  # fmt: skip
def test_laws(many: list[Phase], require: str, algorithms: tuple[str, ...], day: date, random: object) -> None:
    policy = dated(*many, require=require, algorithms=algorithms)
    halves, counted = on(policy, day)
    shuffled = list(many)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = on(dated(*shuffled, require=require, algorithms=algorithms), day)
    assert (again[0], set(again[1])) == (halves, set(counted)), "the order of phases does not matter"
    now = datetime.combine(day, datetime.min.time(), UTC)
    assert in_force(in_force(policy, now), now) == in_force(policy, now), "twice is once"
    later = on(policy, day + timedelta(days=400))
    assert set(halves.split("+")) <= set(later[0].split("+")), "time only adds demands"
    assert not counted or later[1] == NOTHING or (later[1] and set(later[1]) <= set(counted)), "and takes away keys"


def test_evidence_gathered_under_a_laxer_floor_is_judged_by_the_phase() -> None:
    fact = {"path": "m", "kind": "model", "verified": True, "identity": "builder", "holder": "a",
            "halves": ["ecdsa-p256"], "classes": ["classical"]}  # fmt: skip
    evidence = clean(signatures=ok("signatures", artifacts=[fact]))
    assert decide(situation(evidence, dated())).decision is Decision.PASS
    assert decide(situation(evidence, dated(Phase(date(2026, 11, 21), "pq")))).decision is Decision.DENY


def test_the_phases_of_cnsa2_are_days_of_its_deadlines() -> None:
    text = (policy_file.places.shipped() / "deadlines/cnsa2.toml").read_text()
    phases = policy_file.load("builtin:cnsa2").resolve("prod").signatures.phase
    assert [phase.since for phase in phases] == [date(2027, 1, 1), date(2030, 1, 1)]
    assert all(f"at = {phase.since}" in text for phase in phases)
    weak = dated(*phases, algorithms=("ecdsa-p256", "ml-dsa-87"))
    assert on(weak, date(2026, 12, 31)) == ("classical", ("ecdsa-p256", "ml-dsa-87"))
    assert on(weak, date(2027, 1, 1)) == ("classical", ("ml-dsa-87",))
    assert on(weak, date(2030, 1, 1)) == ("classical+pq", ("ml-dsa-87",))


def test_classical_timestamps_end_with_the_first_phase_that_asks_for_post_quantum() -> None:
    assert classical_time_until(dated(Phase(DAY, "classical"), Phase(DAY, algorithms=("ml-dsa-87",)))) is None
    both = dated(Phase(date(2031, 1, 1), "pq"), Phase(DAY, "classical+pq"))
    assert classical_time_until(both) == datetime(2027, 1, 1, tzinfo=UTC)
    assert classical_time_until(dated(Phase(None, "pq"))) == datetime.min.replace(tzinfo=UTC)
    assert classical_time_until(dated(require="pq")) is None
