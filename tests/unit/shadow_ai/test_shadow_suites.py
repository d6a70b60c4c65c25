"""The suites: every evasion is found with its true provider, nothing harmless is reported."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

BENCH = runpy.run_path(str(Path(__file__).resolve().parents[3] / "bench/shadow_ai_suites.py"))
EVASIONS = BENCH["cases"]("evasion")
NEGATIVES = BENCH["cases"]("negatives")


def test_the_suites_are_as_large_as_promised() -> None:
    assert len(EVASIONS) >= 250
    assert len({path.rpartition(".")[2] for case in EVASIONS for path in case["files"]}) >= 12
    assert len(NEGATIVES) >= 120


@pytest.mark.parametrize("case", EVASIONS, ids=lambda case: case["name"])
def test_evasion_is_found_at_its_true_destination(case: dict) -> None:
    outcome = BENCH["run"](case)
    assert outcome.found, "\n".join(outcome.said) or "nothing was said"


@pytest.mark.parametrize("case", EVASIONS, ids=lambda case: case["name"])
def test_evasion_blames_no_other_model_service(case: dict) -> None:
    # An agent's or a server's own presence beside the call is a true finding of its own, as is what `also` says.
    beside = {*case.get("also", ()), "cursor", "claude-code", "litellm", "tgi", "kserve", "vllm", "openai-codex"}
    outcome = BENCH["run"](case)
    assert not [line for line in outcome.wrong if line.split()[0] not in beside]


@pytest.mark.parametrize("case", NEGATIVES, ids=lambda case: case["name"])
def test_harmless_code_is_not_reported(case: dict) -> None:
    outcome = BENCH["run"](case)
    assert outcome.found, "\n".join(outcome.said)
