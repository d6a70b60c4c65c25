"""The policy found in the tree can only tighten: its reasons are told as its own, whole, and nothing of it loosens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secpipe.core.artifact import Skip
from secpipe.core.evidence import State
from secpipe.core.finding import Severity
from secpipe.core.verdict import Decision, Effect, Judgement
from secpipe.gate.decide import TREE_SAYS, by_tree, decide, tightened
from secpipe.gate.policies.policy import Models, Policy
from secpipe.gate.ruling import Situation
from tests.unit.gate_builders import clean, finding, ok, situation

THEIRS = replace(Policy(), owner="bob@example.org")


def _found() -> Situation:
    """A situation in which the base lets a finding pass that the tree's policy does not."""
    low = finding("models", Severity.LOW, path="a.pkl")
    return situation(clean(models=replace(ok("models"), findings=(low,))), replace(Policy(), owner="ann@example.org"))


def _strict() -> Policy:
    return replace(THEIRS, models=Models(block="low"))


def test_without_a_policy_in_the_tree_the_base_decides() -> None:
    assert tightened(_found(), None) == decide(_found())
    assert tightened(_found(), None).decision is Decision.WARN


def test_what_the_trees_policy_denies_is_denied_and_told_whole_as_its_own() -> None:
    alone = decide(by_tree(_found(), _strict()))
    (denied,) = (reason for reason in alone.reasons if reason.effect is Effect.DENY)
    judged = tightened(_found(), _strict())
    (told,) = (reason for reason in judged.reasons if reason.rule == "gate/tree-policy-denies")
    assert judged.decision is Decision.DENY
    assert told.what == f"{TREE_SAYS}{denied.what}"
    assert (told.effect, told.check, told.owner) == (Effect.DENY, "models", "bob@example.org")
    assert (told.path, told.findings, told.advice) == (denied.path, denied.findings, denied.advice)
    assert told.findings


def test_what_it_leaves_undecided_is_undecided() -> None:
    skipped = replace(ok("models"), skips=(Skip("a.pkl", "too deep"),))
    base = situation(clean(models=skipped), replace(Policy(), models=Models(required=False)))
    assert decide(base).decision is Decision.WARN
    judged = tightened(base, THEIRS)
    assert judged.decision is Decision.UNDECIDED
    assert {reason.effect for reason in judged.reasons if reason.rule == "gate/tree-policy-denies"} == {
        Effect.UNDECIDED
    }


@pytest.mark.parametrize("state", [State.FAILED, State.SKIPPED])
def test_it_cannot_loosen(state: State) -> None:
    broken = situation(clean(models=replace(ok("models"), state=state, reason="because")))
    lax = replace(THEIRS, models=Models(required=False, block="never"))
    assert tightened(broken, lax).decision is decide(broken).decision


def test_where_the_rules_came_from_is_not_its_question() -> None:
    loose = replace(situation(), self_judged="the policy came without a pin")
    assert by_tree(loose, THEIRS).self_judged == ""
    assert by_tree(loose, THEIRS).policy is THEIRS
    assert by_tree(loose, THEIRS).evidence is loose.evidence
    assert not [reason for reason in _by_tree(loose).reasons if reason.rule == "gate/tree-policy-denies"]


def _by_tree(base: Situation) -> Judgement:
    return tightened(base, THEIRS)
