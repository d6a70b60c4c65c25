"""Laws of the demands on signatures, provenance, tests and SBOMs: total, monotone, deaf to order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.evidence import Evidence, State
from secpipe.core.verdict import Decision
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Attestations, Demand, Keys, Policy, Provenance, Sbom, Signatures
from tests.unit.gate_builders import NOW, clean, ok, situation

RANK = {Decision.PASS: 0, Decision.WARN: 1, Decision.UNDECIDED: 2, Decision.DENY: 3}
MODELS = {f"m/{name}.safetensors": {"format": "safetensors", "outcome": "ok"} for name in "ab"}
PEOPLE = ("alice", "omar", "eve", "")

words = st.text(max_size=6)
junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
facts = st.fixed_dictionaries(
    {
        "path": st.sampled_from(["m", "m/a.safetensors", "m/b.safetensors", "n", ""]),
        "kind": st.sampled_from(["model", "file"]),
        "state": st.sampled_from([str(state) for state in State]),
        "reason": st.just("because"),
        "since": st.sampled_from([None, NOW.isoformat(), "2025-01-01T00:00:00+00:00", "2030-01-01T00:00:00+00:00"]),
        "purpose": st.sampled_from(["review", "test-result", "provenance", "vuln"]),
        "verified": st.booleans(),
        "identity": st.sampled_from(["builder", "two"]),
        "holder": st.sampled_from(PEOPLE),
        "halves": st.sampled_from([["ecdsa-p256", "ml-dsa-65"], ["ecdsa-p384", "ml-dsa-87"], ["ml-dsa-87"]]),
        "classes": st.sampled_from([["classical", "pq"], ["pq"]]),
        "not_before": st.sampled_from([None, "2026-11-01T00:00:00Z", "2020-01-01T00:00:00Z"]),
        "trusted_time": st.sampled_from([None, "2026-11-02T00:00:00Z"]),
        "builder": st.sampled_from(["https://ci/x", ""]),
        "materials": st.lists(
            st.fixed_dictionaries({"roles": st.sampled_from([["source"], ["base-model"], ["other"]]),
                                   "uri": st.sampled_from(["git+https://a/b", "pkg:huggingface/a/b", "x"])}),
            max_size=2),
        "declared": st.lists(st.sampled_from(["source", "base-model", "dataset"]), max_size=2),
        "inputs": st.lists(st.sampled_from(["seed", "lora"]), max_size=2),
    }
)  # fmt: skip
rows = st.fixed_dictionaries(
    {
        "path": st.just("bom.json"), "spec": st.sampled_from(["CycloneDX", "SPDX"]),
        "version": st.sampled_from(["1.4", "1.7", "x"]), "agrees": st.sampled_from([True, False, None]),
        "made": st.sampled_from(["", NOW.isoformat(), "2020-01-01"]), "problem": st.just("p"),
    }
)  # fmt: skip
policies = st.builds(
    lambda roles, keys, provenance, demands, sbom: replace(
        Policy(), signatures=Signatures(roles=roles), keys=keys, provenance=provenance,
        attestations=Attestations(tuple(demands)), sbom=sbom,
    ),
    st.dictionaries(st.sampled_from(["review", "provenance"]), st.integers(0, 2), max_size=2),
    st.builds(Keys, algorithms=st.sampled_from([(), ("ecdsa-p384", "ml-dsa-87"), ("none",)]),
              max_age_days=st.sampled_from([0, 90])),
    st.builds(Provenance, required=st.booleans(), named_builders=st.booleans(),
              builders=st.sampled_from([(), ("https://ci/*",)]), sources=st.sampled_from([(), ("git+https://a/*",)]),
              base_models=st.sampled_from([(), ("*",)]), inputs=st.sampled_from([(), ("seed",)])),
    st.lists(st.builds(Demand, st.just("bias"), st.sampled_from([0, 30])), max_size=1),
    st.builds(Sbom, shipped=st.booleans(), spec=st.sampled_from([(), ("CycloneDX>=1.6",)]),
              max_age_days=st.sampled_from([0, 30])),
)  # fmt: skip
kinds = st.dictionaries(st.sampled_from(["bias", "provenance", "review-a"]), st.lists(facts, max_size=3), max_size=3)
worlds = st.tuples(policies, st.lists(facts, max_size=3), kinds, st.lists(rows, max_size=2))


def judge(policy: Policy, signed: Any, attested: dict[str, Any], shipped: Any) -> Decision:
    covered = dict.fromkeys(MODELS, "builder")
    evidence = clean(
        models=ok("models", files=MODELS), signatures=ok("signatures", artifacts=signed, covered=covered),
        sbom=ok("sbom", shipped=shipped),
    )  # fmt: skip
    for kind, each in attested.items():
        evidence[f"attestation:{kind}"] = Evidence(f"attestation:{kind}", State.OK, facts={"each": each})
    return decide(situation(evidence, policy)).decision


@given(worlds, st.data())
@settings(max_examples=150, deadline=None)
def test_taking_away_a_review_or_an_sbom_never_makes_it_better(world: Any, data: Any) -> None:
    # Provenance and results may speak against a release, so that it looks better without them; what asks for them sees
    # that they are gone. A review or an SBOM that holds only ever speaks for it.
    policy, signed, attested, shipped = world

    def fewer(items: Any, may_go: Any) -> list[Any]:
        return [one for one in items if not may_go(one) or data.draw(st.booleans())]

    reviews = {
        kind: fewer(each, lambda one: one["state"] == "ok" and one["purpose"] == "review")
        if kind == "review-a"
        else each
        for kind, each in attested.items()
    }
    before = judge(*world)
    assert RANK[judge(policy, signed, reviews, shipped)] >= RANK[before]
    without = judge(policy, signed, attested, fewer(shipped, lambda row: True))
    assert (without in (Decision.PASS, Decision.WARN)) <= (before in (Decision.PASS, Decision.WARN))


@given(worlds, facts)
@settings(max_examples=150, deadline=None)
def test_adding_what_failed_never_makes_it_better(world: Any, failed: dict[str, Any]) -> None:
    policy, signed, attested, shipped = world
    for kind in ("bias", "provenance", "review-a"):
        more = {**attested, kind: [*attested.get(kind, []), {**failed, "state": "failed"}]}
        assert RANK[judge(policy, signed, more, shipped)] >= RANK[judge(*world)]


@given(worlds, st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_does_not_matter(world: Any, random: Any) -> None:
    policy, signed, attested, shipped = world

    def mixed(items: Any) -> list[Any]:
        items = list(items)
        random.shuffle(items)
        return items

    other = {kind: mixed(attested[kind]) for kind in mixed(attested)}
    assert judge(policy, mixed(signed), other, mixed(shipped)) is judge(*world)


@given(policies, junk, junk, junk)
@settings(max_examples=150, deadline=None)
def test_junk_never_raises_nor_meets_a_demand(policy: Policy, signed: Any, each: Any, shipped: Any) -> None:
    decision = judge(policy, signed, dict.fromkeys(("bias", "provenance"), each), shipped)
    asked = policy.attestations.require or policy.provenance.required or policy.sbom.shipped or policy.keys.algorithms
    assert not asked or decision in (Decision.UNDECIDED, Decision.DENY)
