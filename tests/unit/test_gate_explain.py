"""--explain names the key behind every reason; --explain-min finds what is enough, and nothing that is not needed."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secpipe.cli.main import run
from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.sections import keys_of
from secpipe.core.verdict import Decision, Effect, Judgement, Reason
from secpipe.gate.conditions import cel
from secpipe.gate.decide import decide
from secpipe.gate.explaining import counterfactual
from secpipe.gate.explaining.explain import ALWAYS, BY_CHECK, CHECKS, DEMANDS, QUIET, explain, origin_of
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import (
    Attestations,
    Condition,
    Demand,
    Keys,
    Licenses,
    Minimum,
    Models,
    Phase,
    Policy,
    Promotion,
    Provenance,
    Sbom,
    Signatures,
    Waiver,
)
from secpipe.gate.ruling import Situation
from secpipe.scan.shadow_ai.allow import ShadowAI
from tests import skips
from tests.unit.gate_builders import clean, finding, ok, situation

ROOT = Path(__file__).resolve().parents[2]
RULES = [rule["id"] for rule in tomllib.loads((ROOT / "policies/rules/gate.toml").read_text())["rule"]]


ALL_RULES = {
    rule["id"]
    for page in sorted((ROOT / "policies/rules").glob("*.toml"))
    for rule in tomllib.loads(page.read_text()).get("rule", ())
}
WINGS_THAT_BLOCK = ("audit", "models", "shadow-ai", "signatures", "sbom")  # whose findings the rules judge


def audit(*packages: str) -> Evidence:
    found = tuple(
        Finding(
            "audit/known-vulnerability", f"{name} is vulnerable", Severity.HIGH, path="uv.lock",
            subject=f"pkg:pypi/{name}@1.0 GHSA-{name}-{number}", fix=f"upgrade {name} to 1.{number}",
            details={"id": f"GHSA-{name}-{number}", "package": name, "version": "1.0", "ecosystem": "PyPI",
                     "upgrade": "2.0"},
        )
        for name in packages for number in (1, 2)
    )  # fmt: skip
    return replace(ok("audit"), findings=found)


TORCH = "torch 1.0 has 2 known vulnerabilities: GHSA-torch-1, GHSA-torch-2"


def whats(made: Situation, tree: Policy | None = None) -> list[str]:
    return [change.what for change in counterfactual.least(made, tree).changes]


def use(provider: str = "openai", **changes: Any) -> dict[str, Any]:
    return {
        "id": f"use-{provider}", "provider": provider, "name": provider.title(), "kind": "model-api", "host": "",
        "mechanism": "sdk", "model": "", "path": "a.py", "line": 3, "region": "code", "confidence": "high",
        "evidence": [], "jurisdiction": "US", "sdk": "", "local": False, "context": False, "waiver": None,
    } | changes  # fmt: skip


def test_what_passes_needs_no_change() -> None:
    least = counterfactual.least(situation())
    assert (least.passes, least.smallest, least.changes, least.judged) == (True, True, (), 1)


@pytest.mark.parametrize(
    ("evidence", "policy", "changes", "remaining"),
    [
        (clean(audit=audit("torch")), {}, ["torch 1.0 has 2 known vulnerabilities"], []),
        (
            clean(audit=audit("torch", "numpy")),
            {},
            ["numpy 1.0 has 2 known vulnerabilities", "torch 1.0 has 2 known vulnerabilities"],
            [],
        ),
        (
            clean(signatures=ok("signatures", covered={})),
            {},
            ["m/a.safetensors is not covered by any signature"],
            [],
        ),
        # A check that failed by what it found holds without it.
        (
            clean(
                signatures=Evidence(
                    "signatures", State.FAILED, "a file was changed", facts=ok("signatures").facts,
                    findings=(finding("signatures/changed-file", path="m/x"),),
                )
            ),
            {"signatures": Signatures(required=False)},
            ["m/x: "],
            [],
        ),
        (clean(shadow_ai=ok("shadow-ai", uses=[use()])), {}, ["a.py:3 calls Openai, which nobody approved"], []),
        (
            clean(models=ok("models", files={"m/a.safetensors": {"format": "pickle", "outcome": "ok"}})),
            {"models": Models(formats=("safetensors",))},
            ["m/a.safetensors is pickle; the policy accepts safetensors"],
            [],
        ),
        (
            clean(audit=audit("torch"), sbom=Evidence("sbom", State.FAILED, "the bill of materials is not valid")),
            {"minimum": Minimum(ring=4)},
            ["torch 1.0 has 2 known vulnerabilities"],
            ["gate/check-failed", "gate/trust-below-minimum"],
        ),
        (
            clean(models=replace(ok("models"), skips=(Skip("m/b.pt", "a Git-LFS pointer"),))),
            {},
            [],
            ["gate/incomplete"],
        ),
    ],
)  # fmt: skip
def test_the_least_that_must_change(
    evidence: dict[str, Evidence], policy: dict[str, Any], changes: list[str], remaining: list[str]
) -> None:
    made = situation(evidence, replace(Policy(), name="t", owner="sec", **policy))
    assert decide(made).decision in (Decision.DENY, Decision.UNDECIDED)
    least = counterfactual.least(made)
    assert least.smallest
    told = sorted(change.what for change in least.changes)
    assert [what.startswith(begin) for what, begin in zip(told, changes, strict=True)] == [True] * len(changes), told
    assert sorted(reason.rule for reason in least.remaining) == remaining
    assert least.passes == (not remaining)
    assert all(one.to_dict()["do"] for one in (*least.changes, *least.remaining))


MODEL = "m/a.safetensors"
PAIR = {"halves": ["ecdsa-p256", "ml-dsa-65"], "classes": ["classical", "pq"]}
SIGNED = {"path": "m", "kind": "model", "verified": True, "identity": "builder", "holder": "alice", **PAIR,
          "not_before": "2025-01-01T00:00:00Z", "trusted_time": None}  # fmt: skip
SHIPPED = {"path": "b.json", "spec": "CycloneDX", "version": "1.5", "made": "2026-01-01T00:00:00Z", "agrees": True}


def row(purpose: str, **changes: Any) -> dict[str, Any]:
    return {**SIGNED, "path": MODEL, "purpose": purpose, "state": "ok", "reason": "", "since": "2026-11-20T00:00:00Z",
            "builder": "https://ci/x", "materials": [], "declared": [], "inputs": [], **changes}  # fmt: skip


def attested(kind: str, **changes: Any) -> dict[str, Evidence]:
    made = row("provenance" if kind == "provenance" else "test-result", **changes)
    return clean() | {f"attestation:{kind}": ok(f"attestation:{kind}", each=[made])}


def made_of(role: str) -> dict[str, Evidence]:
    return attested("provenance", materials=[{"roles": [role], "uri": "x"}], declared=[role])


def origin(**lists: Any) -> dict[str, Any]:
    return {"provenance": Provenance(required=True, **lists)}


NEEDS_BIAS = {"attestations": Attestations((Demand("bias", 30), Demand("bias")))}
CNSA2 = Keys(algorithms=("ecdsa-p384", "ml-dsa-87"))
signed_by_alice = ok("signatures", artifacts=[SIGNED])


@pytest.mark.parametrize(
    ("rule", "evidence", "policy"),
    [
        ("gate/not-promoted", clean(promotion=ok("promotion", verdicts=[])), {"promotion": Promotion(("qa", "stage"))}),
        ("gate/not-checked", clean(), {"promotion": Promotion(("qa",))}),
        ("gate/root-algorithm", clean(trust=ok("trust", root_algorithms=["ed25519"])),
         {"keys": Keys(root_algorithms=("ml-dsa-87",))}),
        ("gate/clock", clean(clock=Evidence("clock", State.SKIPPED, "it is behind")), {}),
        ("gate/review-missing", clean(signatures=signed_by_alice), {"signatures": Signatures(roles={"review": 2})}),
        ("gate/key-algorithm", clean(signatures=signed_by_alice), {"keys": CNSA2}),
        ("gate/key-too-old", clean(signatures=signed_by_alice), {"keys": Keys(max_age_days=90)}),
        ("gate/key-algorithm", clean(signatures=signed_by_alice),
         {"signatures": Signatures(phase=(Phase(date(2026, 1, 1), algorithms=CNSA2.algorithms),))}),
        ("gate/key-algorithm", attested("bias") | {"signatures": ok("signatures", covered={MODEL: "builder"})},
         {**NEEDS_BIAS, "keys": CNSA2, "signatures": Signatures(required=False)}),
        ("gate/test-failed", attested("bias", state="failed", reason="the bias result is FAILED"), NEEDS_BIAS),
        ("gate/missing-evidence", attested("bias", since="2026-01-01T00:00:00Z"), NEEDS_BIAS),
        ("gate/missing-evidence", attested("bias", state="skipped", reason="the ring is expired"), NEEDS_BIAS),
        ("gate/builder-not-allowed", attested("provenance"), origin(builders=("https://acme/*",))),
        ("gate/source-not-allowed", made_of("source"), origin(sources=("git+https://a/*",))),
        ("gate/base-model-not-allowed", made_of("base-model"), origin(base_models=("pkg:a/*",))),
        ("gate/dataset-not-allowed", made_of("dataset"), origin(datasets=("https://d/*",))),
        ("gate/missing-evidence", attested("provenance"), origin(sources=("*",))),
        ("gate/input-missing", attested("provenance"), origin(inputs=("seed",))),
        ("gate/check-failed", attested("provenance", state="failed", reason="it was replayed"), origin()),
        ("gate/missing-evidence", clean(sbom=ok("sbom", shipped=[])), {"sbom": Sbom(shipped=True)}),
        ("gate/sbom-disagrees", clean(sbom=ok("sbom", shipped=[{**SHIPPED, "agrees": False}])),
         {"sbom": Sbom(shipped=True)}),
        ("gate/sbom-format", clean(sbom=ok("sbom", shipped=[SHIPPED])),
         {"sbom": Sbom(shipped=True, spec=("SPDX>=3.0",))}),
        ("gate/sbom-too-old", clean(sbom=ok("sbom", shipped=[SHIPPED])),
         {"sbom": Sbom(shipped=True, max_age_days=30)}),
        ("gate/license-review", clean(sbom=ok("sbom", licenses={"": ["x", "y"]})),
         {"licenses": Licenses(review=("NOASSERTION",))}),
        ("shadow-ai/not-local", clean(shadow_ai=ok("shadow-ai", uses=[use()])),
         {"shadow_ai": ShadowAI(local_only=True)}),
    ],
)  # fmt: skip
def test_every_demand_is_explained_and_says_what_to_do(
    rule: str, evidence: dict[str, Evidence], policy: dict[str, Any]
) -> None:
    made = situation(evidence, replace(Policy(), name="t", owner="sec", **policy))
    reason = next(reason for reason in decide(made).reasons if reason.rule == rule)
    least = counterfactual.least(made)
    told = {one.what: one.do for one in (*least.changes, *least.remaining)}
    assert told[reason.what] == reason.do
    assert reason.do
    assert least.smallest
    assert all(part["key"] or part["from"] == "always" for one in explained(made) for part in one["demanded"])


def test_what_rests_on_no_finding_remains_with_what_to_do() -> None:
    least = counterfactual.least(situation(self_judged="no pin"))
    assert ([reason.rule for reason in least.remaining], least.changes) == (["gate/self-judged"], ())
    expired = replace(Policy(), name="old", owner="sec", expires=date(2026, 1, 1))
    least = counterfactual.least(situation(clean(audit=audit("torch")), expired))
    assert not least.passes
    assert [reason.rule for reason in least.remaining] == ["gate/policy-expired"]
    assert [change.what for change in least.changes] == [TORCH]  # needed, and not enough


@skips.unless_installed(cel.available(), "secpipe[cel] is not installed")
def test_one_change_that_ends_two_reasons_is_told_once() -> None:
    """A condition over a finding ends with it: the smallest set does without a step of its own."""
    policy = replace(
        Policy(), condition=(Condition("c", "vulnerability", 'vulnerability.package == "torch"', message="not torch"),)
    )
    made = situation(clean(audit=audit("torch")), policy)
    assert {reason.rule for reason in decide(made).reasons} == {"audit/known-vulnerability", "gate/condition"}
    assert whats(made) == [TORCH]


def test_what_an_expired_waiver_covered_must_be_mended_or_waived_again() -> None:
    waiver = Waiver(id="W", rule="audit/*", owner="o", reason="r", expires=date(2026, 1, 1))
    made = situation(clean(audit=audit("torch")), replace(Policy(), waiver=(waiver,)))
    assert whats(made)[0] == TORCH


def test_the_policy_of_the_tree_counts_too() -> None:
    made = situation(clean(models=ok("models", files={"m/a.safetensors": {"format": "gguf", "outcome": "ok"}})))
    tree = replace(Policy(), models=Models(formats=("safetensors",)))
    assert decide(made).decision is Decision.PASS
    (what,) = whats(made, tree)
    assert what.endswith("m/a.safetensors is gguf; the policy accepts safetensors")
    stuck = counterfactual.least(made, replace(tree, expires=date(2026, 1, 1)))
    assert [reason.rule for reason in stuck.remaining] == ["gate/tree-policy-denies"]


def test_thousands_of_reasons_stay_bounded() -> None:
    made = situation(clean(audit=audit(*[f"package-{number}" for number in range(200)])))
    least = counterfactual.least(made)
    assert least.passes
    assert least.smallest
    assert len(least.changes) == 1
    assert "(and 199 more)" in least.changes[0].what
    assert least.judged < 3 * counterfactual.MAX_STEPS


# --- explain


def explained(made: Situation) -> list[dict[str, Any]]:
    return explain(decide(made), made.policy, lambda key: "policy.toml")


def test_every_reason_names_rule_evidence_file_and_the_key_behind_it() -> None:
    (one,) = explained(situation(clean(audit=audit("torch"))))
    assert one["rule"] == "audit/known-vulnerability"
    assert one["demanded"] == [{"key": "vulnerabilities.block", "value": '"high"', "from": "policy.toml"}]
    assert one["evidence"]["check"] == "audit"
    assert one["evidence"]["state"] == "ok"
    assert [item["path"] for item in one["findings"]] == ["uv.lock", "uv.lock"]


def test_a_warning_names_the_key_that_warns() -> None:
    low = replace(ok("models"), findings=(finding(severity=Severity.LOW, path="m/a.safetensors"),))
    assert explained(situation(clean(models=low)))[0]["demanded"][0]["key"] == "models.warn"


@skips.unless_installed(cel.available(), "secpipe[cel] is not installed")
def test_a_condition_is_named_with_its_expression() -> None:
    conditions = (
        Condition("one", "model", "model.format == 'x'"),
        Condition("two", "model", "model.format == 'safetensors'", message="no"),
        Condition("three", "model", "model.nothing"),
    )
    told = explained(situation(policy=replace(Policy(), condition=conditions)))
    assert [(one["rule"], one["demanded"][0]["key"]) for one in told] == [
        ("gate/condition", "condition.two.when"),
        ("gate/condition-unknown", "condition.three.when"),
    ]
    assert told[0]["demanded"][0]["value"] == "\"model.format == 'safetensors'\""


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_the_gate_has_something_that_demands_it(rule: str) -> None:
    policy = replace(
        Policy(), waiver=(Waiver(id="W"),), condition=(Condition("c", "model", "true"),), expires=date(2026, 1, 1)
    )
    what = 'waiver W (o) expired: condition "c" could not be decided'
    for check in CHECKS:
        reason = Reason(rule, Effect.DENY, what, check)
        judgement = Judgement(Decision.DENY, Decision.DENY, (reason,), (), (), ())
        (one,) = explain(judgement, policy, lambda key: "p")
        assert one["demanded"]
        assert all(
            part["key"] or part["value"] in {*ALWAYS.values(), "the gate itself asks for it"}
            for part in one["demanded"]
        )


def keys_of_a_policy() -> set[str]:
    """Every key that a policy may have, from what declares them."""
    made = set()
    for name in keys_of(Policy):
        inner = getattr(Policy(), name)
        if dataclasses.is_dataclass(inner):
            made |= {f"{name}.{key}" for key in keys_of(type(inner))}
        else:
            made.add(name)
    return made


def test_every_key_of_a_policy_is_explained_or_said_to_be_quiet() -> None:
    """A new key fails here until --explain can name it, or says why it never has to."""
    told = {key for table in (DEMANDS, BY_CHECK, CHECKS) for keys in table.values() for key in keys}
    assert told & set(QUIET) == set()
    assert told | set(QUIET) == keys_of_a_policy()


def test_explain_names_only_rules_that_there_are() -> None:
    assert {rule for rule, _ in BY_CHECK} | {rule for rule in DEMANDS if "/" in rule} | set(ALWAYS) <= ALL_RULES
    assert set(WINGS_THAT_BLOCK) <= set(DEMANDS)


def test_where_a_value_came_from() -> None:
    text = (
        'schema = "secpipe.policy/1"\nname = "t"\nowner = "o"\nexpires = 2027-06-30\noverridable = ["*"]\n'
        '[models]\nblock = "high"\n[env.dev.vulnerabilities]\nblock = "critical"\n'
    )
    loaded = policy_file.parse(text.encode(), "t.toml")
    dev, prod = origin_of(loaded, "dev"), origin_of(loaded, "prod")
    assert [dev("vulnerabilities.block"), prod("vulnerabilities.block"), prod("models.block")] == [
        "t.toml, env.dev", "default", "t.toml",
    ]  # fmt: skip


def test_hostile_names_are_escaped() -> None:
    made = situation(clean(models=replace(ok("models"), findings=(finding(path="m/\x1b[2J\u202e.pt"),))))
    text = json.dumps(explained(made), ensure_ascii=False) + json.dumps(
        counterfactual.least(made).to_dict(), ensure_ascii=False
    )
    assert "\x1b" not in text
    assert "\u202e" not in text


# --- the command


def test_check_prints_both_and_the_document_is_valid(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "app.py").write_text("import openai\nopenai.OpenAI()\n")
    out = tmp_path.parent / "verdict.json"
    argv = ["check", str(tmp_path), "--explain", "--explain-min", "-q", "-f", "terminal", "-f", f"json={out}"]
    code = run(argv)
    text = capsysbinary.readouterr().out.decode()
    document = json.loads(out.read_text())
    schema = json.loads((ROOT / "policies/schema/verdict.schema.json").read_text())
    Draft202012Validator(schema).validate(document)
    assert code == document["exit_code"]
    assert len(document["explanation"]["reasons"]) == len(document["reasons"])
    assert 'shadow_ai.default = "deny" (builtin:baseline)' in text
    assert "(OpenAI), which nobody approved" in text.partition("For a pass, ")[2]
    assert run(["report", str(out)]) == 0
    assert "(OpenAI), which nobody approved" in capsysbinary.readouterr().out.decode().partition("For a pass, ")[2]
    assert run(["check", str(tmp_path), "-q", "-f", "json"]) == code
    assert "explanation" not in json.loads(capsysbinary.readouterr().out)


def test_a_saved_explanation_is_read_as_hostile(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    document = json.loads((ROOT / "tests/data/reports/verdict.json").read_text())
    why = {
        "rule": "a/b",
        "effect": "deny",
        "what": "x\x1b[2J",
        "demanded": [{"key": "k", "value": "v\u202e", "from": "f"}],
    }
    saved = tmp_path / "v.json"
    for explanation, code in (
        (
            {
                "reasons": [why],
                "least": {"passes": False, "changes": [{"what": "do\x1b"}], "remaining": [{"what": "r"}]},
            },
            0,
        ),
        ({"reasons": [why | {"effect": "x"}]}, 3),
        ({"reasons": "x"}, 3),
        ({"least": {"changes": []}}, 3),
        (["x"], 3),
    ):
        saved.write_text(json.dumps(document | {"explanation": explanation}))
        assert run(["report", str(saved)]) == code
        printed = capsysbinary.readouterr().out
        assert b"\x1b" not in printed
        assert "\u202e" not in printed.decode()
