"""Break-glass: two different people, one text, one release, one environment, one verdict, for hours."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.trust import HalfClass
from secpipe.gate.policies.policy import BreakGlass, Policy
from secpipe.gate.verdicts import override
from secpipe.sign.verdicts import sign_verdict
from tests.unit.gate_builders import NOW
from tests.unit.verdict_world import DIGEST, KEYS, Gate, halves

HOUR = timedelta(hours=1)
BOTH = ("alice-key", "bob-key")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture
def blocked(gate: Gate) -> Path:
    return gate.sign(gate.denied())


def test_two_people_let_it_out_until_it_ends(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, *BOTH)
    answer = gate.ask()
    assert answer.exit_code == 0
    assert answer.sentence == (
        "OVERRIDDEN for prod by alice and bob until 2026-11-21T16:00:00Z: BLOCKED was the verdict. "
        "Reason: checkout is down"
    )
    assert gate.ask(now=NOW + 4 * HOUR - timedelta(seconds=1)).exit_code == 0
    assert gate.ask(now=NOW + 4 * HOUR).exit_code == 1


@pytest.mark.parametrize("names", [("alice-key",), ("bob-key", "bob-other"), ("bob-key", "bob-key")])
def test_one_person_is_never_enough(gate: Gate, blocked: Path, names: tuple[str, ...]) -> None:
    gate.let(blocked, *names)
    for holders in (0, 1, 2):
        assert gate.ask(policy=Policy(break_glass=BreakGlass(holders=holders))).exit_code == 1
    lax = gate.sign(gate.denied(at=NOW + HOUR), holders=0)  # neither policy asks for anybody
    gate.let(lax, *names, now=NOW + HOUR)
    assert gate.ask(now=NOW + HOUR, policy=Policy(break_glass=BreakGlass(holders=0))).exit_code == 1


def test_one_persons_pair_in_two_places_is_one_person(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, "bob-key")
    for half, path in halves(blocked, "override.bob").items():
        shutil.copy(path, halves(blocked, "override.alice")[half])
    assert gate.ask().exit_code == 1


def test_a_holder_who_names_another(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, "bob-key")
    gate.let(blocked, "bob-other", holder="alice")
    assert gate.ask().exit_code == 1


def test_a_policy_may_ask_for_more_people_and_so_may_the_verdict(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, *BOTH)
    three = Policy(break_glass=BreakGlass(holders=3))
    assert gate.ask(policy=three).exit_code == 1
    gate.let(blocked, *BOTH, "carol-key")
    assert gate.ask(policy=three).exit_code == 0
    strict = gate.sign(gate.denied(at=NOW + HOUR), holders=3)
    gate.let(strict, *BOTH, now=NOW + HOUR)
    assert gate.ask(now=NOW + HOUR).exit_code == 1


def test_a_policy_may_allow_fewer_hours_and_so_may_the_verdict(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, *BOTH, hours=8)
    assert gate.ask(policy=Policy(break_glass=BreakGlass(max_hours=4))).exit_code == 1
    assert gate.ask(policy=Policy(break_glass=BreakGlass(max_hours=8))).exit_code == 0
    strict = gate.sign(gate.denied(at=NOW + HOUR), max_hours=2)
    gate.let(strict, *BOTH, hours=8, now=NOW + HOUR)
    assert gate.ask(now=NOW + HOUR, policy=Policy(break_glass=BreakGlass(max_hours=0))).exit_code == 1


def test_longer_than_a_day_only_if_the_policy_says_so(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, *BOTH, hours=25)
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": "staging"},
        {"verdict": "f" * 64},
        {"not_before": NOW + HOUR},
        {"not_after": NOW},
        {"not_after": NOW - HOUR},
    ],
)
def test_an_override_of_something_else(gate: Gate, blocked: Path, changes: dict[str, Any]) -> None:
    gate.let(blocked, *BOTH, **changes)
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize("change", [{"nonce": "6" * 64}, {"reason": "another"}, {"not_after": NOW + 5 * HOUR}])
def test_people_who_did_not_sign_the_same(gate: Gate, blocked: Path, change: dict[str, Any]) -> None:
    gate.let(blocked, "alice-key")
    gate.let(blocked, "bob-key", **change)
    assert gate.ask().exit_code == 1


def test_an_override_does_not_follow_to_the_next_verdict(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, *BOTH)
    newer = gate.sign(gate.denied(at=NOW + HOUR))
    assert gate.ask(now=NOW + HOUR).exit_code == 1
    for who in ("alice", "bob"):
        for half, path in halves(blocked, f"override.{who}").items():
            shutil.copy(path, halves(newer, f"override.{who}")[half])
    assert gate.ask(now=NOW + HOUR).exit_code == 1


def test_an_override_for_another_release(gate: Gate, blocked: Path) -> None:
    other = gate.sign(gate.denied(digest="b" * 64))
    gate.let(other, *BOTH)
    for who in ("alice", "bob"):
        for half, path in halves(other, f"override.{who}").items():
            shutil.copy(path, halves(blocked, f"override.{who}")[half])
    assert gate.ask().exit_code == 1


def test_the_subject_of_the_statement_counts_too(gate: Gate, blocked: Path) -> None:
    one = gate.let(blocked, "alice-key")
    who = next(each for each in gate.trust.identities if each.name == "bob-key")
    key = KEYS["bob-key"]
    body = override.predicate(one, "bob")
    data = sign_verdict("override", "acme-chat", "b" * 64, body, who, key.version, key.signers, now=NOW)
    for path, content in zip(halves(blocked, "override.bob").values(), data, strict=True):
        path.write_bytes(content)
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize("half", list(HalfClass))
def test_half_an_override_is_none(gate: Gate, blocked: Path, half: HalfClass) -> None:
    gate.let(blocked, *BOTH)
    halves(blocked, "override.bob")[half].unlink()
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize("change", [{"compromised_since": NOW - HOUR}, {"suspended_since": NOW - HOUR}])
def test_a_stolen_override_key(gate: Gate, blocked: Path, change: dict[str, Any]) -> None:
    gate.let(blocked, *BOTH)
    gate.retrust(name="bob-key", **change)
    assert gate.ask().exit_code == 1


def test_neither_builders_nor_verdict_keys_override(gate: Gate, blocked: Path) -> None:
    for name in ("builder", "verdict", "mixed"):
        with pytest.raises(TrustError):
            gate.let(blocked, name)
    wide = tuple(
        replace(one, authority=replace(one.authority, purposes=("override", "model"))) if one.name == "bob-key" else one
        for one in gate.trust.identities
    )
    gate.let(blocked, *BOTH)
    gate.trust = replace(gate.trust, identities=wide)
    assert gate.ask().exit_code == 1


def test_an_identity_without_a_holder_counts_for_nobody(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, *BOTH)
    nobody = tuple(replace(one, holder="") if one.name == "bob-key" else one for one in gate.trust.identities)
    gate.trust = replace(gate.trust, identities=nobody)
    assert gate.ask().exit_code == 1


def test_only_a_no_by_pinned_rules_is_overridden(gate: Gate) -> None:
    passed = gate.sign(gate.outcome())
    with pytest.raises(ConfigError):
        override.grant(gate.held(passed), "no need", 4, "5" * 64, NOW, 24)
    gate.let(passed, *BOTH, hours=24)
    assert override.overridden(gate.held(passed), DIGEST, gate.trust, BreakGlass(), NOW) is None
    loose = gate.sign(gate.denied(at=NOW + HOUR, self_judged="the policy came without a pin"))
    with pytest.raises(InputError):
        override.grant(gate.held(loose, NOW + HOUR), "no pins", 4, "5" * 64, NOW, 24)
    gate.let(loose, *BOTH, now=NOW + HOUR)
    assert gate.ask(now=NOW + HOUR).exit_code == 3


def test_an_override_cannot_make_up_for_a_verdict_that_does_not_hold(gate: Gate, blocked: Path) -> None:
    gate.let(blocked, *BOTH)
    (blocked / "evidence.json").write_bytes(b"{}")
    assert gate.ask().exit_code == 1
    (blocked / "evidence.json").unlink()
    assert gate.ask().exit_code == 0
    assert gate.ask(policy_digest="f" * 64).exit_code == 1
    halves(blocked)[HalfClass.PQ].unlink()
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize(
    ("reason", "hours"),
    [("", 4), ("  ", 4), ("x" * 1001, 4), ("down\x1b[2J", 4), ("down", 0), ("down", -1), ("down", 25)],
)  # fmt: skip
def test_what_would_never_count_is_not_begun(gate: Gate, blocked: Path, reason: str, hours: int) -> None:
    with pytest.raises(ConfigError):
        override.grant(gate.held(blocked), reason, hours, "5" * 64, NOW, 24)


def test_damaged_predicates_are_errors_never_crashes(gate: Gate, blocked: Path) -> None:
    one = gate.let(blocked, "alice-key")
    good = json.dumps(override.predicate(one, "alice"))
    assert override.read(json.loads(good), "it") == (one, "alice")
    for name in ("grant", "holder", "extra"):
        for value in (None, 3, "x y", [], {}, {"grant": {}}):
            with pytest.raises(InputError):
                override.read(json.loads(good) | {name: value}, "it")
    for name in (*override.fields_of(one), "extra"):
        for value in (None, 3, [], {}, "\x00" * 2000):
            with pytest.raises(InputError):
                override.read({"grant": override.fields_of(one) | {name: value}, "holder": "alice"}, "it")


def test_what_is_known_to_be_exploited_is_never_overridden(gate: Gate, blocked: Path) -> None:
    """And a verdict that does not say whether anything is, neither: an older version may have left it out."""
    for hours, count in ((1, 1), (2, None)):
        now = NOW + hours * HOUR
        place = gate.sign(gate.denied(at=now), exploited=count)
        gate.let(place, *BOTH, now=now)
        assert gate.ask(now=now).exit_code == 1
        with pytest.raises(InputError, match="exploited"):
            override.grant(gate.held(place, now), "cannot wait", 4, "5" * 64, now, 24)


def test_what_nobody_could_decide_is_let_out_for_three_days_at_most(gate: Gate) -> None:
    place = gate.sign(gate.denied(), decision="undecided", max_hours=1000)
    assert override.hours_of(gate.held(place), BreakGlass(max_hours=1000)) == 72
