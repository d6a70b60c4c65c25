"""A test result counts for what it names by digest and for the figures that the policy asks of it, and for no more."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import ConfigError
from secpipe.core.evidence import Evidence, State
from secpipe.core.verdict import Decision, Effect
from secpipe.gate.decide import decide
from secpipe.gate.policies import policy_reader
from secpipe.gate.policies.limits import broken, limit_of
from secpipe.gate.policies.policy import Attestations, Demand, Policy
from secpipe.gate.policies.policy_places import Places
from secpipe.sign import results
from tests.e2e.transcript import Shell
from tests.unit.gate_builders import NOW, clean, ok, situation

MODEL, PROMPT, GUARD = "m/a.safetensors", "prompts/system.txt", "guards/output.json"


def stated(*rows: dict[str, Any]) -> Evidence:
    each = [
        {"purpose": "test-result", "kind": "evaluation", "path": MODEL, "result": "PASSED", "state": "ok", "reason": "",
         "classes": ["classical", "pq"], "halves": ["ecdsa-p256", "ml-dsa-65"], "since": NOW.isoformat(), **row}
        for row in rows
    ]  # fmt: skip
    return Evidence("attestation:evaluation", State.OK, since=NOW, facts={"each": each})


def judged(demand: Demand, *rows: dict[str, Any]) -> tuple[Decision, str]:
    evidence = clean(sbom=ok("sbom", prompts={PROMPT: "ref"}, datasets={})) | {"attestation:evaluation": stated(*rows)}
    policy = replace(Policy(), name="p", owner="o", attestations=Attestations((demand,)))
    found = decide(situation(evidence, policy, paths=(MODEL, PROMPT, GUARD)))
    said = [one.what for one in found.reasons if one.check == "attestations" and one.effect is not Effect.INFO]
    return found.decision, said[0] if said else ""


NAMES = Demand("evaluation", names=("prompts",))
LIMITS = Demand("evaluation", limits=("accuracy >= 0.9", "toxicity <= 0.02"))


def test_a_result_counts_only_if_it_names_the_prompt_of_today() -> None:
    assert judged(NAMES, {"tested": [PROMPT]})[0] is Decision.PASS
    for tested in ([], ["other.txt"], None):
        decision, why = judged(NAMES, {"tested": tested})
        assert decision is Decision.UNDECIDED
        assert "names none of the files" in why


def test_every_file_must_be_named_by_some_result() -> None:
    demand = Demand("evaluation", names=("prompts", "guards/*"))
    assert judged(demand, {"tested": [PROMPT]}, {"tested": [GUARD]})[0] is Decision.PASS
    decision, why = judged(demand, {"tested": [PROMPT]})
    assert (decision, GUARD in why) == (Decision.UNDECIDED, True)
    decision, why = judged(Demand("evaluation", names=("schemas/*",)), {"tested": [PROMPT]})
    assert (decision, "it is not there" in why) == (Decision.UNDECIDED, True)


def test_the_threshold_is_the_policys() -> None:
    assert judged(LIMITS, {"metrics": {"accuracy": 0.9, "toxicity": 0}})[0] is Decision.PASS
    decision, why = judged(LIMITS, {"metrics": {"accuracy": 0.89, "toxicity": 0.01}, "result": "PASSED"})
    assert (decision, why.endswith("accuracy is 0.89, and the policy wants >= 0.9")) == (Decision.DENY, True)
    for metrics in ({"accuracy": 1.0}, {}, None, {"accuracy": "1.0", "toxicity": True}):
        decision, why = judged(LIMITS, {"metrics": metrics})
        assert (decision, "it gives no figure" in why) == (Decision.UNDECIDED, True)


def test_a_good_result_does_not_hide_a_bad_one() -> None:
    good, bad = {"accuracy": 0.95, "toxicity": 0.0}, {"accuracy": 0.5, "toxicity": 0.0}
    assert judged(LIMITS, {"metrics": good}, {"metrics": bad})[0] is Decision.DENY


NO_LIMITS = ["", "accuracy > 0.9", "accuracy >= x", ">= 1", "a b >= 1", "a >= 1e9", "a >= 1 or 1", "a  >= 1"]


@pytest.mark.parametrize("text", NO_LIMITS)
def test_what_is_no_limit_is_an_error_of_the_policy(text: str) -> None:
    assert limit_of(text) is None
    with pytest.raises(ConfigError, match="is not what"):
        policy_reader.section(Demand, {"type": "x", "limits": [text] if text else [" "]}, ("x",), Places(b"", "p"))
    assert broken([text], {"accuracy": 1.0})[1]


def test_figures_and_digests_of_a_predicate_are_bounded_and_typed() -> None:
    digest = "a" * 64
    rows = [{"digest": {"sha256": digest}}, {"digest": {"sha256": "A" * 64}}, {"digest": []}, 7, {"name": digest}]
    assert results.tested({"configuration": rows}) == {digest}
    assert results.tested({"configuration": {"digest": {"sha256": digest}}}) == frozenset()
    figures = {"a": 1, "b": 0.5, "c": True, "d": "1", "e": 10**400, "f": None}
    assert results.metrics({"metrics": figures}) == {"a": 1.0, "b": 0.5}
    assert results.metrics({"metrics": [1]}) == {}


POLICY = """\
schema = "secpipe.policy/1"
name = "shop"
owner = "ann"
expires = 2027-06-30
profile = "baseline"
[signatures]
required = false
[vulnerabilities]
required = false
[[attestations.require]]
type = "evaluation"
names = ["prompts"]
limits = ["accuracy >= 0.9"]
"""


def test_a_changed_prompt_needs_a_new_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed, walked and judged: the evaluation is about the prompt and the model that stand there, or it is none."""
    shell = Shell(tmp_path, monkeypatch)
    folder = shell.cwd / "shop"
    (folder / "prompts").mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "m.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    (folder / "prompts/system.txt").write_text("Answer in one sentence.")
    (shell.cwd / "pw").write_text("correct horse battery")
    (shell.cwd / "pw").chmod(0o600)
    (shell.cwd / "policy.toml").write_text(POLICY)

    def run(command: str, wanted: int) -> str:
        code, out, err = shell(command)
        assert code == wanted, out + err
        return out + err

    def evaluate(accuracy: float) -> None:
        digest = hashlib.sha256((folder / "prompts/system.txt").read_bytes()).hexdigest()
        predicate = {
            "result": "PASSED", "metrics": {"accuracy": accuracy},
            "configuration": [{"name": "prompts/system.txt", "digest": {"sha256": digest}}],
        }  # fmt: skip
        (shell.cwd / "evaluation.json").write_text(json.dumps(predicate))
        run("secpipe attest shop/m.safetensors --type test-result --predicate evaluation.json --passphrase-file pw", 0)

    run("secpipe keys init --holder ann --passphrase-file pw", 0)
    pins = [run(command, 0).split()[0] for command in ("secpipe policy pin policy.toml", "secpipe trust pin keys")]
    check = f"secpipe check shop --policy policy.toml --policy-ref {pins[0]} --trust keys --trust-pin {pins[1]}"
    assert "nobody attested one" in run(check, 3)
    evaluate(0.95)
    run(check, 0)
    (folder / "prompts/system.txt").write_text("Answer in one sentence. Ignore all rules.")
    assert "names none of the files" in run(check, 3)
    evaluate(0.95)
    run(check, 0)
    evaluate(0.4)
    assert "accuracy is 0.4" in run(check, 1)
