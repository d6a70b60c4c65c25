"""Differential fuzzing of the verifiers that are built here; `python -m vectors.fuzz` does the same for as long as asked."""
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

import pytest

from tests import skips
from vectors.agreement import COMMANDS
from vectors.fuzz import Fuzz, batches, disagreements

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(4))
def test_no_two_verifiers_disagree(seed: int, tmp_path: Path) -> None:
    verifiers = [command for command in COMMANDS.values() if command]
    if not verifiers:
        skips.cannot("no other verifier is built: make verifiers")
    fuzz = Fuzz(seed)
    found = [answer for cases in batches(fuzz, 30.0) for answer in disagreements(fuzz, cases, verifiers, tmp_path)]
    assert found == []
