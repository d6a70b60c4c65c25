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
from secpipe.core.verdict import Decision, Effect, Judgement, Reason
from secpipe.gate.conditions import cel
from secpipe.gate.decide import decide
from secpipe.gate.explaining import counterfactual, repairs
from secpipe.gate.explaining.explain import ALWAYS, BY_CHECK, CHECKS, DEMANDS, QUIET, explain, origin_of
from secpipe.gate.explaining.repairs import MAKERS, NOT_OURS
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
    keys_of,
)
from secpipe.gate.ruling import Situation
from secpipe.scan.shadow_ai.allow import KEYS
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
    ("evidence", "policy", "expected"),
    [
        (clean(audit=audit("torch")), {}, ["upgrade torch to 2.0"]),
        (clean(audit=audit("torch", "numpy")), {}, ["upgrade torch to 2.0", "upgrade numpy to 2.0"]),
        (
            clean(signatures=ok("signatures", covered={})),
            {},
            ["sign 1 file: m/a.safetensors"],
        ),
        (clean(shadow_ai=ok("shadow-ai", uses=[use()])), {}, ["get approval for Openai (1 use), or remove it"]),
        (
            clean(models=replace(ok("models"), findings=(finding(path="m/a.safetensors"),))),
            {},
            ["replace m/a.safetensors by a file that scans clean"],
        ),
        (
            clean(models=ok("models", files={"m/a.safetensors": {"format": "pickle", "outcome": "ok"}})),
            {"models": Models(formats=("safetensors",))},
            ["convert m/a.safetensors to safetensors"],
        ),
        (
            clean(sbom=ok("sbom", licenses={"AGPL-3.0": ["x"]}, profiles={"g7-ai": 10})),
            {"licenses": Licenses(deny=("AGPL-*",)), "sbom": Sbom(profiles={"g7-ai": 90})},
            ["complete the AI-BOM to 90% of g7-ai", "replace what is under licence AGPL-3.0: x"],
        ),
        (
            clean(),
            {"attestations": Attestations((Demand("bias", 30),)), "minimum": Minimum(ring=4)},
            [
                "bring ring 4 of the trust root, or newer",
                'pass the test "bias" of m/a.safetensors, and attest the result',
            ],
        ),
        (
            clean(),
            {"provenance": Provenance(required=True, builders=("https://ci/*",))},
            ["attest where m/a.safetensors comes from"],
        ),
        (
            clean(models=replace(ok("models"), skips=(Skip("m/b.pt", "a Git-LFS pointer"),))),
            {},
            ["bring or repair what models could not look at, and it finds nothing there: m/b.pt"],
        ),
        (
            clean(sbom=Evidence("sbom", State.FAILED, "the bill of materials is not valid")),
            {},
            ["mend what does not hold: the bill of materials is not valid"],
        ),
        # Advisory data that is not there: carrying the audit out is not enough, its data must bear a date.
        (
            clean(audit=Evidence("audit", State.SKIPPED, "no advisory data")),
            {},
            ["update the advisory data, and it knows of nothing new"],
        ),
        # What must be signed shows only when the models were scanned.
        (
            clean(
                models=replace(ok("models"), state=State.SKIPPED, reason="broke"),
                signatures=ok("signatures", covered={}),
            ),
            {},
            [
                "let the model files be scanned, and nothing is found in them (broke)",
                "sign 1 file: m/a.safetensors",
            ],
        ),
    ],
)
def test_the_least_for_each_reason(evidence: dict[str, Evidence], policy: dict[str, Any], expected: list[str]) -> None:
    made = situation(evidence, replace(Policy(), name="t", owner="sec", **policy))
    assert decide(made).decision in (Decision.DENY, Decision.UNDECIDED)
    least = counterfactual.least(made)
    assert least.passes
    assert least.smallest
    assert sorted(change.what for change in least.changes) == sorted(expected)


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
    ("rule", "evidence", "policy", "expected"),
    [
        ("gate/not-promoted", clean(promotion=ok("promotion", verdicts=[])), {"promotion": Promotion(("qa", "stage"))},
         ["let this very release pass in qa, and keep its signed verdict",
          "let this very release pass in stage, and keep its signed verdict"]),
        ("gate/not-checked", clean(), {"promotion": Promotion(("qa",))},
         ["let this very release pass in qa, and keep its signed verdict",
          "name the store that holds the verdicts of the earlier stages"]),
        ("gate/root-algorithm", clean(trust=ok("trust", root_algorithms=["ed25519"])),
         {"keys": Keys(root_algorithms=("ml-dsa-87",))},
         ["judge by a trust root whose keys are of ml-dsa-87 only"]),
        ("gate/clock", clean(clock=Evidence("clock", State.SKIPPED, "it is behind")), {},
         ["set the clock right (it is behind)"]),
        ("gate/review-missing", clean(signatures=signed_by_alice), {"signatures": Signatures(roles={"review": 2})},
         ["let 2 other people than the signer attest a review of m"]),
        ("gate/key-algorithm", clean(signatures=signed_by_alice), {"keys": CNSA2},
         ["sign m again with ecdsa-p384 + ml-dsa-87"]),
        ("gate/key-too-old", clean(signatures=signed_by_alice), {"keys": Keys(max_age_days=90)},
         ["sign m again with a newer key"]),
        ("gate/key-algorithm", clean(signatures=signed_by_alice),
         {"signatures": Signatures(phase=(Phase(date(2026, 1, 1), algorithms=CNSA2.algorithms),))},
         ["sign m again with ecdsa-p384 + ml-dsa-87"]),
        ("gate/key-algorithm", attested("bias") | {"signatures": ok("signatures", covered={MODEL: "builder"})},
         {**NEEDS_BIAS, "keys": CNSA2, "signatures": Signatures(required=False)},
         [f'attest the "bias" test-result of {MODEL} again, with ecdsa-p384 + ml-dsa-87']),
        ("gate/test-failed", attested("bias", state="failed", reason="the bias result is FAILED"), NEEDS_BIAS,
         [f'pass the test "bias" of {MODEL}, and attest the result']),
        ("gate/missing-evidence", attested("bias", since="2026-01-01T00:00:00Z"), NEEDS_BIAS,
         [f'pass the test "bias" of {MODEL}, and attest the result']),
        ("gate/missing-evidence", attested("bias", state="skipped", reason="the ring is expired"), NEEDS_BIAS,
         [f'let the "bias" attestation of {MODEL} be verified, and it holds (the ring is expired)']),
        ("gate/builder-not-allowed", attested("provenance"), origin(builders=("https://acme/*",)),
         [f"build {MODEL} where the policy accepts it: https://acme/*"]),
        ("gate/source-not-allowed", made_of("source"), origin(sources=("git+https://a/*",)),
         [f"make {MODEL} from a source that the policy accepts: git+https://a/*"]),
        ("gate/base-model-not-allowed", made_of("base-model"), origin(base_models=("pkg:a/*",)),
         [f"make {MODEL} from a base model that the policy accepts: pkg:a/*"]),
        ("gate/dataset-not-allowed", made_of("dataset"), origin(datasets=("https://d/*",)),
         [f"make {MODEL} from training data that the policy accepts: https://d/*"]),
        ("gate/missing-evidence", attested("provenance"), origin(sources=("*",)),
         [f"name the source of {MODEL} in its provenance, or say there that there is none"]),
        ("gate/input-missing", attested("provenance"), origin(inputs=("seed",)),
         [f"name seed in the provenance of {MODEL}"]),
        ("gate/check-failed", attested("provenance", state="failed", reason="it was replayed"), origin(),
         [f"attest again where {MODEL} comes from (it was replayed)"]),
        ("gate/missing-evidence", clean(sbom=ok("sbom", shipped=[])), {"sbom": Sbom(shipped=True)},
         ["ship an SBOM made from this very release"]),
        ("gate/sbom-disagrees", clean(sbom=ok("sbom", shipped=[{**SHIPPED, "agrees": False}])),
         {"sbom": Sbom(shipped=True)}, ["ship an SBOM made from this very release"]),
        ("gate/sbom-format", clean(sbom=ok("sbom", shipped=[SHIPPED])),
         {"sbom": Sbom(shipped=True, spec=("SPDX>=3.0",))}, ["ship an SBOM made from this very release, as SPDX>=3.0"]),
        ("gate/sbom-too-old", clean(sbom=ok("sbom", shipped=[SHIPPED])),
         {"sbom": Sbom(shipped=True, max_age_days=30)}, ["ship an SBOM made from this very release"]),
        ("gate/license-review", clean(sbom=ok("sbom", licenses={"": ["x", "y"]})),
         {"licenses": Licenses(review=("NOASSERTION",))},
         ["find out and state under which licence these are, or replace them: x, y"]),
        ("shadow-ai/not-local", clean(shadow_ai=ok("shadow-ai", uses=[use()])), {"shadow_ai": {"local_only": True}},
         ["run the model on this machine or its private network, or remove the call (Openai): a.py"]),
    ],
)  # fmt: skip
def test_every_demand_has_words_for_what_would_meet_it(
    rule: str, evidence: dict[str, Evidence], policy: dict[str, Any], expected: list[str]
) -> None:
    made = situation(evidence, replace(Policy(), name="t", owner="sec", **policy))
    assert rule in {reason.rule for reason in decide(made).reasons}
    least = counterfactual.least(made)
    assert sorted(change.what for change in least.changes) == sorted(expected)
    assert least.passes
    assert least.smallest
    assert all(part["key"] or part["from"] == "always" for one in explained(made) for part in one["demanded"])


def test_a_trust_root_brings_every_attestation_that_waited_for_it() -> None:
    why = "there is no trust root"
    evidence = attested("bias", state="skipped", reason=why) | {"trust": Evidence("trust", State.SKIPPED, why)}
    made = situation(evidence, replace(Policy(), **NEEDS_BIAS))  # type: ignore[arg-type]
    assert whats(made) == [f"judge by a trust root that holds ({why})"]


def test_what_only_the_policy_can_mend_remains() -> None:
    made = situation(attested("provenance"), replace(Policy(), provenance=Provenance(named_builders=True)))
    least = counterfactual.least(made)
    assert [reason.rule for reason in least.remaining] == ["gate/builders-not-named"]
    impossible = replace(Policy(), keys=Keys(algorithms=("ed448",)))
    least = counterfactual.least(situation(clean(signatures=signed_by_alice), impossible))
    assert not least.passes
    assert least.changes == ()


def test_pinning_is_a_change_and_an_expired_policy_is_none() -> None:
    assert whats(situation(self_judged="no pin")) == ["pin the policy and the trust root"]
    expired = replace(Policy(), name="old", owner="sec", expires=date(2026, 1, 1))
    least = counterfactual.least(situation(clean(audit=audit("torch")), expired))
    assert not least.passes
    assert [reason.rule for reason in least.remaining] == ["gate/policy-expired"]
    assert [change.what for change in least.changes] == ["upgrade torch to 2.0"]  # needed, and not enough


def test_one_change_that_ends_two_reasons_is_told_once() -> None:
    policy = replace(
        Policy(), condition=(Condition("c", "vulnerability", 'vulnerability.package == "torch"', message="not torch"),)
    )
    made = situation(clean(audit=audit("torch")), policy)
    if cel.available():
        assert {reason.rule for reason in decide(made).reasons} == {"audit/known-vulnerability", "gate/condition"}
        assert whats(made) == ["upgrade torch to 2.0"]
    else:
        assert not counterfactual.least(made).passes


def test_what_an_expired_waiver_covered_must_be_mended_or_waived_again() -> None:
    waiver = Waiver(id="W", rule="audit/*", owner="o", reason="r", expires=date(2026, 1, 1))
    made = situation(clean(audit=audit("torch")), replace(Policy(), waiver=(waiver,)))
    assert whats(made) == ["upgrade torch to 2.0"]


def test_the_policy_of_the_tree_counts_too() -> None:
    made = situation(clean(models=ok("models", files={"m/a.safetensors": {"format": "gguf", "outcome": "ok"}})))
    tree = replace(Policy(), models=Models(formats=("safetensors",)))
    assert decide(made).decision is Decision.PASS
    assert whats(made, tree) == ["convert m/a.safetensors to safetensors"]
    stuck = counterfactual.least(made, replace(tree, expires=date(2026, 1, 1)))
    assert [reason.rule for reason in stuck.remaining] == ["gate/tree-policy-denies"]


def test_thousands_of_reasons_stay_bounded() -> None:
    made = situation(clean(audit=audit(*[f"package-{number}" for number in range(200)])))
    least = counterfactual.least(made)
    assert least.passes
    assert least.smallest
    assert len(least.changes) == 1
    assert "200 changes of one kind" in least.changes[0].what
    assert least.judged < 3 * counterfactual.MAX_CHANGES


def test_where_two_changes_would_do_the_same_it_says_what_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to end one reason: either is enough, none can be left out of what is told, and nothing more is said."""
    made = situation(clean(audit=audit("torch")))
    real = counterfactual.changes

    def twice(case: Any) -> Any:
        for change in real(case):
            yield change
            yield replace(change, key=("other", *change.key), what="replace torch")

    monkeypatch.setattr(counterfactual, "changes", twice)
    least = counterfactual.least(made)
    assert least.passes
    assert len(least.changes) == 1
    assert not least.smallest


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
        if name == "shadow_ai":
            made |= {f"shadow_ai.{key}" for key in KEYS}
        elif dataclasses.is_dataclass(inner):
            made |= {f"{name}.{key}" for key in keys_of(type(inner))}
        else:
            made.add(name)
    return made


def test_every_key_of_a_policy_is_explained_or_said_to_be_quiet() -> None:
    """A new key fails here until --explain can name it, or says why it never has to."""
    told = {key for table in (DEMANDS, BY_CHECK, CHECKS) for keys in table.values() for key in keys}
    assert told & set(QUIET) == set()
    assert told | set(QUIET) == keys_of_a_policy()


def test_every_rule_of_the_gate_has_a_repair_or_a_word_why_not() -> None:
    """A new rule fails here until --explain-min knows what ends it, or says why nothing in the release does."""
    assert set(MAKERS) & set(NOT_OURS) == set()
    assert set(MAKERS) | set(NOT_OURS) == set(RULES)
    assert {rule for rule, _ in repairs.BY_CHECK} <= set(MAKERS)
    assert {rule for rule, _ in BY_CHECK} | {rule for rule in DEMANDS if "/" in rule} | set(ALWAYS) <= ALL_RULES
    assert {rule.partition("/")[0] for rule in ALL_RULES} - {"gate"} >= set(repairs.WINGS)
    for wing in WINGS_THAT_BLOCK:
        assert wing in repairs.WINGS
        assert wing in DEMANDS


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
    assert "get approval for OpenAI" in text
    assert run(["report", str(out)]) == 0
    assert "get approval for OpenAI" in capsysbinary.readouterr().out.decode()
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
