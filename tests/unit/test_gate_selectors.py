"""A selector that selects nothing: an unknown word is wrong usage, a demand is undecided, the rest is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from secpipe.core.errors import ConfigError
from secpipe.core.verdict import Decision, Effect
from secpipe.gate.decide import decide
from secpipe.gate.pipeline import check
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import Demand, Policy, Signatures, Waiver
from secpipe.gate.request import Request
from secpipe.gate.unmatched import unmatched
from secpipe.scan.shadow_ai.allow import Approval, ShadowAI
from tests.unit.gate_builders import NOW, clean, ok, situation

HEAD = 'schema = "secpipe.policy/1"\nname = "p"\nowner = "o"\nexpires = 2030-01-01\n'


def _parse(text: str) -> policy_file.Loaded:
    return policy_file.parse((HEAD + text).encode(), "p.toml")


@pytest.mark.parametrize("asked", ["dev", "live", "eu-west"])
def test_an_environment_that_the_policy_does_not_name_is_wrong_usage(asked: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    outside = tmp_path.parent / "p.toml"
    outside.write_text(f"{HEAD}[env.canary]\n[env.staging]\n")
    request = Request(path=tmp_path, now=NOW, environment=asked, policy=str(outside))
    with pytest.raises(ConfigError) as caught:
        check(request)
    assert "canary, staging" in (caught.value.hint or "")
    check(replace(request, environment="staging"))


def test_a_policy_without_environments_is_for_any() -> None:
    assert _parse("").ask("eu-west").name == "p"


@pytest.mark.parametrize(
    "text",
    [
        '[signatures]\ncover = ["model"]\n',
        '[signatures]\ncover = ["models", "Prompt"]\n',
        '[signatures]\ncover = ["dataset"]\n',
        "[signatures.roles]\nreveiw = 1\n",
        "[signatures.roles]\nmodel = 1\n",
        "[sbom.profiles]\nntai = 80\n",
        '[env.prod.signatures]\ncover = ["model"]\n',
    ],
)
def test_a_word_outside_a_closed_vocabulary_is_wrong_usage(text: str) -> None:
    with pytest.raises(ConfigError, match=r"p\.toml:\d+:\d+: .* is no ") as caught:
        _parse(text)
    assert caught.value.hint


@pytest.mark.parametrize("word", ["models", "models/**", "models/base.bin", "weights", "model/", "*.py"])
def test_paths_and_known_kinds_may_be_covered(word: str) -> None:
    assert _parse(f'[signatures]\ncover = ["{word}"]\n').resolve("prod").signatures.cover == (word,)


def _covering(*cover: str) -> Policy:
    return replace(Policy(), name="test", owner="sec", signatures=Signatures(cover=cover))


@pytest.mark.parametrize("path", ["dist/app.whl", "weights", "weights/", "m/b.safetensors"])
def test_a_path_that_must_be_signed_and_is_not_there_is_undecided(path: str) -> None:
    made = decide(situation(policy=_covering(path), paths=("m/a.safetensors", "weight", "weights.py")))
    assert made.decision is Decision.UNDECIDED
    assert any(f"{path} signed, and it is not there" in reason.what for reason in made.reasons)


@pytest.mark.parametrize("path", ["m", "m/", "m/a.safetensors", "models"])
def test_a_path_that_is_there_and_signed_passes(path: str) -> None:
    assert decide(situation(policy=_covering(path), paths=("m/a.safetensors",))).decision is Decision.PASS


def test_a_file_in_a_folder_that_must_be_signed_is_asked_for() -> None:
    assert decide(situation(policy=_covering("m"), paths=("m/a.safetensors", "m/b"))).decision is Decision.DENY


def test_what_matches_nothing_is_told_and_holds_nothing_up() -> None:
    waiver = Waiver(id="W-1", rule="models/*", owner="raj", reason="r", expires=date(2026, 11, 30))
    approval = Approval(provider="openai", owner="ann", reason="r", expires=date(2026, 12, 1))
    policy = replace(_covering("models", "*.onnx"), waiver=(waiver,), shadow_ai=ShadowAI(allow=(approval,)))
    made = situation(clean(files=ok("files", not_there=["vendor"])), policy, paths=("m/a.safetensors",))
    judged = decide(made)
    assert judged.decision is Decision.PASS
    assert unmatched(made, judged) == (
        "waiver W-1 (raj, 9 days left) matches no finding",
        "[[shadow_ai.allow]] entry 1 (ann, 10 days left) matches no use",
        "nothing is at vendor, which is to be left out",
        'no file matches "*.onnx", which must be signed',
    )


def test_a_waiver_for_another_environment_is_not_told() -> None:
    waiver = Waiver(id="W-1", rule="models/*", env=("dev",), owner="raj", reason="r", expires=date(2026, 11, 30))
    made = situation(policy=replace(_covering("models"), waiver=(waiver,)))
    assert unmatched(made, decide(made)) == ()


def test_two_models_with_the_same_failed_test_are_two_things() -> None:
    each = [
        {"path": path, "state": "failed", "reason": "the bias result is FAILED", "since": None, "kind": "bias"}
        for path in ("m/a.safetensors", "m/b.safetensors")
    ]
    files = {row["path"]: {"format": "safetensors", "outcome": "ok"} for row in each}
    evidence = clean(models=ok("models", files=files), **{"attestation:bias": ok("attestation:bias", each=each)})
    policy = replace(Policy(), name="t", owner="sec", signatures=Signatures(required=False))
    policy = replace(policy, attestations=replace(policy.attestations, require=(Demand("bias"),)))
    reasons = [r for r in decide(situation(evidence, policy)).reasons if r.effect is Effect.DENY]
    assert [reason.path for reason in reasons] == ["m/a.safetensors", "m/b.safetensors"]
