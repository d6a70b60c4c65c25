"""Promotion: the same digests have a signed PASSED verdict where the policy says; evidence and rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.trust import HalfClass
from secpipe.core.verdict import Decision
from secpipe.gate import record
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Policy, Promotion, Verdicts
from secpipe.gate.verdicts import promotion
from tests.unit.gate_builders import NOW, clean, ok, situation
from tests.unit.verdict_world import DIGEST, Gate, halves

HOUR = timedelta(hours=1)
STAGED = Policy(promotion=Promotion(("staging",), 7))


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def decided(gate: Gate, policy: Policy = STAGED, now: Any = NOW, digest: str = DIGEST, links: str = "") -> Decision:
    evidence = promotion.gather(gate.store, digest, links, gate.trust, now)
    asked = situation(clean(promotion=evidence), policy, now=now)
    written = record.Record(now, "prod", {"name": "x", "digest": {"dirHash": digest}}, asked.evidence)
    again = record.decode(record.encode(written), "it").situation(policy, now)
    assert decide(again).decision is decide(asked).decision  # the store is not needed to judge it again
    return decide(asked).decision


def test_passed_in_staging_promotes(gate: Gate) -> None:
    gate.sign(gate.outcome(environment="staging"))
    assert decided(gate) is Decision.PASS


def test_every_environment_named_is_wanted(gate: Gate) -> None:
    gate.sign(gate.outcome(environment="staging"))
    policy = Policy(promotion=Promotion(("staging", "canary")))
    assert decided(gate, policy) is Decision.DENY
    gate.sign(gate.outcome(environment="canary"))
    assert decided(gate, policy) is Decision.PASS


@pytest.mark.parametrize("options", [{"environment": "dev"}, {"environment": "staging", "digest": "b" * 64}])
def test_another_place_or_another_release_does_not_count(gate: Gate, options: dict[str, Any]) -> None:
    gate.sign(gate.outcome(**options))
    assert decided(gate) is Decision.DENY


def test_other_links_are_another_release(gate: Gate) -> None:
    gate.sign(gate.outcome(environment="staging"))
    assert decided(gate, links="c" * 64) is Decision.DENY


def test_a_newer_no_counts(gate: Gate) -> None:
    gate.sign(gate.outcome(environment="staging"))
    gate.sign(gate.denied(environment="staging", at=NOW + HOUR))
    assert decided(gate, now=NOW + HOUR) is Decision.DENY
    gate.sign(gate.outcome(environment="staging", at=NOW + 2 * HOUR))
    assert decided(gate, now=NOW + 2 * HOUR) is Decision.PASS


def test_damaging_a_newer_no_promotes_nothing(gate: Gate) -> None:
    gate.sign(gate.outcome(environment="staging"))
    no = gate.sign(gate.denied(environment="staging", at=NOW + HOUR))
    halves(no)[HalfClass.PQ].write_bytes(b"{")
    assert decided(gate, now=NOW + HOUR) is Decision.DENY


def test_its_age(gate: Gate) -> None:
    gate.sign(gate.outcome(environment="staging"))
    assert decided(gate, now=NOW + timedelta(days=7)) is not Decision.DENY
    assert decided(gate, now=NOW + timedelta(days=7, seconds=1)) is Decision.DENY
    any_age = Policy(promotion=Promotion(("staging",)))
    assert decided(gate, any_age, now=NOW + timedelta(days=20)) is not Decision.DENY


def test_only_accepted_verifiers_promote(gate: Gate) -> None:
    gate.sign(gate.outcome(environment="staging"))
    mine = replace(STAGED, verdicts=Verdicts(verifiers=("https://secpipe.dev/verifier/verdict",)))
    other = replace(STAGED, verdicts=Verdicts(verifiers=("https://acme.example/verdict",)))
    assert decided(gate, mine) is Decision.PASS
    assert decided(gate, other) is Decision.DENY


def test_an_overridden_no_is_no_pass(gate: Gate) -> None:
    folder = gate.sign(gate.denied(environment="staging"))
    verdict = gate.held(folder, environment="staging")
    assert not verdict.summary.passed
    assert decided(gate) is Decision.DENY


def test_of_two_verdicts_of_one_second_the_no_counts() -> None:
    yes = {"environment": "staging", "at": "2026-11-21T00:00:00Z", "result": "PASSED", "verifier": "v"}
    for facts in ([yes, yes | {"result": "FAILED"}], [yes | {"result": "REFUSED"}, yes]):
        assert decide(situation(clean(promotion=ok("promotion", verdicts=facts)), STAGED)).decision is Decision.DENY


def test_nothing_known_is_undecided() -> None:
    assert decide(situation(policy=STAGED)).decision is Decision.UNDECIDED
    broken = clean(promotion=Evidence("promotion", State.SKIPPED, "the store cannot be read"))
    assert decide(situation(broken, STAGED)).decision is Decision.UNDECIDED


def test_a_store_that_is_not_there(gate: Gate) -> None:
    with pytest.raises(InputError):
        promotion.gather(gate.store, DIGEST, "", gate.trust, NOW)


@pytest.mark.parametrize(
    "facts",
    [{}, {"verdicts": None}, {"verdicts": ["x"]}, {"verdicts": [{}]}, {"verdicts": [{"environment": "staging"}]},
     {"verdicts": [{"environment": "staging", "at": "yesterday", "result": "PASSED"}]},
     {"verdicts": [{"environment": "staging", "at": 7, "result": "PASSED"}]},
     {"verdicts": [{"environment": "staging", "at": "2026-11-21T00:00:00Z", "result": "passed"}]}],
)  # fmt: skip
def test_evidence_of_a_wrong_shape_promotes_nothing(facts: dict[str, Any]) -> None:
    asked = situation(clean(promotion=ok("promotion", **facts)), STAGED)
    assert decide(asked).decision is Decision.DENY
