"""Signatures and attestations that look right one by one, and do not add up: people, keys, ages, paths."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from secpipe.core.evidence import Evidence, State
from secpipe.core.verdict import Decision, Effect
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import (
    Attestations,
    Demand,
    Keys,
    Models,
    Policy,
    Provenance,
    Signatures,
)
from tests.unit.gate_builders import NOW, clean, ok, situation

CNSA = ["ecdsa-p384", "ml-dsa-87"]
DEFAULT = ["ecdsa-p256", "ml-dsa-65"]
BOTH = ["classical", "pq"]


def fact(path: str = "m", **rest: Any) -> dict[str, Any]:
    return {
        "path": path, "kind": "model", "verified": True, "identity": "builder", "holder": "alice", "halves": DEFAULT,
        "classes": BOTH, "not_before": "2026-10-01T00:00:00Z", "trusted_time": None, **rest,
    }  # fmt: skip


def said(path: str = "m", purpose: str = "review", **rest: Any) -> dict[str, Any]:
    base = {"state": "ok", "reason": "", "since": "2026-11-20T00:00:00+00:00", "purpose": purpose}
    return fact(path, **{**base, "identity": "omar", "holder": "omar", **rest})


def world(*signed: dict[str, Any], attested: dict[str, list[dict[str, Any]]] | None = None) -> dict[str, Evidence]:
    covered = {"m/a.safetensors": str((signed or (fact(),))[-1]["identity"])}
    evidence = clean(signatures=ok("signatures", artifacts=list(signed or (fact(),)), covered=covered))
    for kind, each in (attested or {}).items():
        evidence[f"attestation:{kind}"] = Evidence(f"attestation:{kind}", State.OK, facts={"each": each})
    return evidence


def found(evidence: dict[str, Evidence], policy: Policy) -> set[str]:
    judgement = decide(situation(evidence, policy))
    return {reason.rule for reason in judgement.reasons if reason.effect in (Effect.DENY, Effect.UNDECIDED)}


REVIEWED = replace(Policy(), signatures=Signatures(roles={"review": 1}))
TWICE = replace(Policy(), signatures=Signatures(roles={"review": 2}))


@pytest.mark.parametrize(
    ("each", "good"),
    [
        ([said()], True),
        ([], False),
        ([said(holder="alice", identity="alice-two")], False),  # one person, two identities
        ([said(holder="")], False),
        ([{key: value for key, value in said().items() if key != "holder"}], False),
        ([said("other")], False),  # about another artifact
        ([said("m/a.safetensors")], True),
        ([said("m/a.safetensors.bak")], False),
        ([said("m/a")], False),
        ([said("")], False),
        ([said(purpose="vuln")], False),
        ([said(state="skipped")], False),
        ([said(state="stale")], False),
        ([said(state="failed", reason="the review result is REJECTED")], False),
        ([said(), said(state="failed", holder="eve", reason="the review result is REJECTED")], False),
        ([said(state=["ok"])], False),
    ],
)
def test_who_counts_as_a_reviewer(each: list[dict[str, Any]], good: bool) -> None:
    assert (found(world(attested={"review": each}), REVIEWED) == set()) is good


def test_a_holder_counts_once_however_many_keys_and_identities() -> None:
    same = {"review-a": [said()], "review-b": [said(identity="omar-two")]}
    assert found(world(attested=same), TWICE) == {"gate/review-missing"}
    two = {"review-a": [said()], "review-b": [said(identity="eve", holder="eve")]}
    assert found(world(attested=two), TWICE) == set()


def test_everybody_who_signed_the_artifact_is_a_signer() -> None:
    # The folder is signed by alice, the file in it by omar: neither reviews the work of the other alone.
    both = world(fact(), fact("m/a.safetensors", kind="file", identity="omar", holder="omar"), attested={"r": [said()]})
    assert found(both, REVIEWED) == {"gate/review-missing"}


def test_a_role_of_zero_asks_nothing() -> None:
    assert found(world(), replace(Policy(), signatures=Signatures(roles={"review": 0}))) == set()


def test_roles_hold_where_signatures_are_not_required() -> None:
    policy = replace(Policy(), signatures=Signatures(required=False, roles={"review": 1}))
    assert found(world(), policy) == {"gate/review-missing"}


def test_a_signer_that_cannot_be_told_is_not_another_person() -> None:
    evidence = world(attested={"review": [said()]})
    evidence["signatures"] = ok("signatures", artifacts=[])  # covered, and by nobody
    assert found(evidence, REVIEWED) == {"gate/review-missing"}


def test_a_printed_path_that_could_be_two_files_is_neither() -> None:
    path = "m\\u001b/a.safetensors"
    evidence = clean(
        models=ok("models", files={path: {"format": "safetensors", "outcome": "ok"}}),
        signatures=ok("signatures", artifacts=[fact("m\\u001b")], covered={path: "builder"}),
    )
    assert found(evidence, REVIEWED) == {"gate/review-missing"}
    assert found(evidence, replace(Policy(), keys=Keys(tuple(DEFAULT)))) == {"gate/key-algorithm"}


def keys(**rest: Any) -> Policy:
    return replace(Policy(), keys=Keys(**rest))


@pytest.mark.parametrize(
    ("halves", "classes", "require", "good"),
    [
        (CNSA, BOTH, "classical+pq", True),
        (DEFAULT, BOTH, "classical+pq", False),
        (["ecdsa-p256", "ml-dsa-87"], BOTH, "classical+pq", False),  # one half is not enough
        (["ecdsa-p256", "ml-dsa-87"], BOTH, "pq", True),  # the other one does not count, and is not asked for
        (["ml-dsa-87"], ["pq"], "pq", True),
        (["ml-dsa-87"], ["pq"], "classical+pq", False),
        (["ml-dsa-87", "ml-dsa-87"], ["pq", "pq"], "classical+pq", False),
        ([], [], "pq", False),
        (CNSA, [], "pq", False),
        ("ecdsa-p384", "classical", "classical", False),
        (None, None, "classical", False),
    ],
)
def test_only_halves_of_accepted_algorithms_count(halves: Any, classes: Any, require: str, good: bool) -> None:
    policy = replace(Policy(), signatures=Signatures(require=require), keys=Keys(tuple(CNSA)))
    assert found(world(fact(halves=halves, classes=classes)), policy) == (set() if good else {"gate/key-algorithm"})


def test_one_signature_must_meet_every_demand_by_itself() -> None:
    # By the accepted person with weak keys, and by somebody else with strong ones.
    weak, foreign = fact(identity="release"), fact("m/a.safetensors", kind="file", identity="mallory", halves=CNSA)
    policy = replace(Policy(), signatures=Signatures(identities=("release",)), keys=Keys(tuple(CNSA)))
    assert found(world(weak, foreign), policy) & {"gate/unsigned-artifact", "gate/key-algorithm"}
    assert found(world(fact(identity="release", halves=CNSA), foreign), policy) == set()


@pytest.mark.parametrize(
    ("not_before", "trusted", "good"),
    [
        ("2026-10-01T00:00:00Z", None, True),
        ("2026-01-01T00:00:00Z", None, False),
        ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", True),  # it was young when it signed
        ("2026-01-01T00:00:00Z", "2026-11-01T00:00:00Z", False),
        ("2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z", False),
        (None, None, False),
        ("yesterday", None, False),
        (20261001, None, False),
    ],
)
def test_the_age_of_a_key(not_before: Any, trusted: Any, good: bool) -> None:
    evidence = world(fact(not_before=not_before, trusted_time=trusted))
    assert found(evidence, keys(max_age_days=90)) == (set() if good else {"gate/key-too-old"})


def test_reviews_and_results_by_keys_that_do_not_count_do_not_count() -> None:
    policy = replace(REVIEWED, keys=Keys(tuple(CNSA)))
    strong = fact(halves=CNSA)
    assert found(world(strong, attested={"review": [said()]}), policy) == {"gate/review-missing"}
    assert found(world(strong, attested={"review": [said(halves=CNSA)]}), policy) == set()
    asked = replace(keys(algorithms=tuple(CNSA)), attestations=Attestations((Demand("bias"),)))
    result = said(purpose="test-result", result="PASSED")
    assert found(world(strong, attested={"bias": [result]}), asked) == {"gate/key-algorithm"}
    assert found(world(strong, attested={"bias": [{**result, "halves": CNSA}]}), asked) == set()


@pytest.mark.parametrize(
    ("algorithms", "rule"), [(CNSA, ""), (DEFAULT, "gate/root-algorithm"), ([*CNSA, "ed25519"], "gate/root-algorithm"),
                             ([], "gate/root-algorithm"), ("ml-dsa-87", "gate/root-algorithm")]
)  # fmt: skip
def test_every_key_above_the_ring_is_of_an_accepted_algorithm(algorithms: Any, rule: str) -> None:
    evidence = world() | {"trust": ok("trust", root_algorithms=algorithms)}
    assert found(evidence, keys(root_algorithms=tuple(CNSA))) == ({rule} - {""})
    del evidence["trust"]
    assert "gate/root-algorithm" in found(evidence, keys(root_algorithms=tuple(CNSA)))


TWO = {"m/a.safetensors": {"format": "safetensors", "outcome": "ok"}, "n/b.safetensors": {"format": "safetensors"}}


def test_a_result_about_one_model_says_nothing_of_another() -> None:
    policy = replace(Policy(), signatures=Signatures(required=False), attestations=Attestations((Demand("bias", 30),)))
    result = said(purpose="test-result", result="PASSED")
    evidence = world(attested={"bias": [result]}) | {"models": ok("models", files=TWO)}
    assert found(evidence, policy) == {"gate/missing-evidence"}
    both = world(attested={"bias": [result, {**result, "path": "n"}]}) | {"models": ok("models", files=TWO)}
    assert found(both, policy) == set()
    old = {**result, "path": "n", "since": (NOW - timedelta(days=31)).isoformat()}
    stale = world(attested={"bias": [result, old]}) | {"models": ok("models", files=TWO)}
    assert found(stale, policy) == {"gate/missing-evidence"}
    unknown = world(attested={"bias": [result]}) | {"models": Evidence("models", State.SKIPPED, "broke")}
    lax = replace(policy, models=Models(required=False))
    assert found(unknown, lax) == {"gate/not-checked"}


def test_a_result_with_warnings_warns() -> None:
    policy = replace(Policy(), attestations=Attestations((Demand("bias"),)))
    result = said(purpose="test-result", result="WARNED")
    assert decide(situation(world(attested={"bias": [result]}), policy)).decision is Decision.WARN


def origin(path: str = "m", **rest: Any) -> dict[str, Any]:
    materials = [{"roles": ["base-model"], "uri": "pkg:huggingface/corp/base", "pinned": True}]
    base = {
        "builder": "https://ci.corp.example/x",
        "materials": materials,
        "declared": ["base-model"],
        "inputs": ["seed"],
    }
    return said(path, "provenance", **{**base, **rest})


BASES = Provenance(required=True, base_models=("pkg:huggingface/corp/*",))


@pytest.mark.parametrize(
    ("policy", "each", "rules"),
    [
        (BASES, [origin()], set()),
        (BASES, [], {"gate/missing-evidence"}),
        (BASES, [origin("n")], {"gate/missing-evidence"}),
        (BASES, [origin(materials=[], declared=[])], {"gate/missing-evidence"}),
        (BASES, [origin(materials=[], declared=["base-model"])], set()),  # it says that there is none
        (BASES, [origin(materials=[{"roles": ["base-model"], "uri": "pkg:huggingface/eve/base"}])],
         {"gate/base-model-not-allowed"}),
        (BASES, [origin(materials=[{"roles": ["other"], "uri": "https://eve.example/weights.bin"}])],
         {"gate/base-model-not-allowed"}),
        (BASES, [origin(materials=[{"roles": ["dataset", "base-model"], "uri": "pkg:huggingface/eve/base"}])],
         {"gate/base-model-not-allowed"}),
        (BASES, [origin(materials=[{"roles": ["base-model"], "uri": ""}])], {"gate/base-model-not-allowed"}),
        (BASES, [origin(materials=[{"roles": ["package"], "uri": "pkg:pypi/torch@2"}])], set()),
        (BASES, [origin(), origin("m/a.safetensors", materials=[{"roles": ["base-model"], "uri": "x"}])],
         {"gate/base-model-not-allowed"}),
        (BASES, [origin(materials="x")], set()),
        (Provenance(required=True, builders=("https://ci.corp.example/*",)), [origin()], set()),
        (Provenance(required=True, builders=("https://ci.corp.example/*",)), [origin(builder="https://eve.example/x")],
         {"gate/builder-not-allowed"}),
        (Provenance(required=True, builders=("https://ci.corp.example/*",)), [origin(builder="")],
         {"gate/builder-not-allowed"}),
        (Provenance(named_builders=True), [origin()], {"gate/builders-not-named"}),
        (Provenance(required=True, inputs=("seed",)), [origin()], set()),
        (Provenance(required=True, inputs=("seed", "lora")), [origin()], {"gate/input-missing"}),
        (Provenance(required=True), [said(purpose="vuln")], {"gate/check-failed"}),
        (Provenance(required=True), [origin(state="failed", reason="no")], {"gate/check-failed"}),
        (Provenance(), [origin(builder="")], set()),
    ],
)  # fmt: skip
def test_origin(policy: Provenance, each: list[dict[str, Any]], rules: set[str]) -> None:
    evidence = world(attested={"provenance": each})
    assert found(evidence, replace(Policy(), provenance=policy)) == rules


@pytest.mark.parametrize(
    ("since", "until", "trusted", "good"),
    [
        (None, "2026-11-01T00:00:00Z", None, True),
        ("2026-01-01", "2026-11-01T00:00:00Z", None, False),
        ("2026-01-01", "2026-11-01T00:00:00Z", "2026-10-01T00:00:00Z", True),
        ("2026-01-01", "2030-01-01T00:00:00Z", None, True),
        ("2099-01-01", "2026-11-01T00:00:00Z", None, True),
        ("2026-01-01", None, None, False),
        ("2026-01-01", "yesterday", None, False),
    ],
)
def test_a_retired_key_needs_a_proof_of_time(since: Any, until: Any, trusted: Any, good: bool) -> None:
    evidence = world(fact(sign_until=until, trusted_time=trusted))
    policy = keys(stamped_from=date.fromisoformat(since) if since else None)
    assert found(evidence, policy) == (set() if good else {"gate/key-too-old"})


@pytest.mark.parametrize(
    ("since", "rest", "effect"),
    [
        (None, {}, "warn"),
        ("2099-01-01", {}, "warn"),
        ("2026-01-01", {}, "deny"),
        (None, {"trusted_time": "2026-10-01T00:00:00Z"}, None),
        (None, {"grandfathered": True}, None),
        (None, {"sign_until": "2030-01-01T00:00:00Z"}, None),
        (None, {"sign_until": None}, None),
    ],
)
def test_before_that_day_and_without_one_it_is_a_warning(since: Any, rest: dict[str, Any], effect: str | None) -> None:
    evidence = world(fact(**{"sign_until": "2026-11-01T00:00:00Z", **rest}))
    judgement = decide(situation(evidence, keys(stamped_from=date.fromisoformat(since) if since else None)))
    about = [reason for reason in judgement.reasons if reason.rule == "gate/key-too-old"]
    assert [str(reason.effect) for reason in about] == ([effect] if effect else [])
    assert ("from 2099-01-01 on" in about[0].what) is (since == "2099-01-01") if about else True


def test_a_signature_of_which_nothing_is_known_proves_no_time() -> None:
    """A file whose printed name could be another's has no facts: its key may be retired for years."""
    elsewhere = fact(path="m/other", sign_until="2030-01-01T00:00:00Z")
    assert found(world(elsewhere), keys(stamped_from=date(2026, 1, 1))) == {"gate/key-too-old"}
    assert found(world(elsewhere), keys(stamped_from=date(2099, 1, 1))) == set()


def test_the_holders_word_is_taken_for_a_time_stamp_only() -> None:
    old = fact(sign_until="2026-11-01T00:00:00Z", grandfathered=True)
    assert found(world(old), keys(stamped_from=date(2026, 1, 1))) == set()
    assert found(world({**old, "grandfathered": "yes"}), keys(stamped_from=date(2026, 1, 1))) == {"gate/key-too-old"}
    assert found(world({**old, "not_before": "2020-01-01T00:00:00Z"}), keys(max_age_days=30)) == {"gate/key-too-old"}
