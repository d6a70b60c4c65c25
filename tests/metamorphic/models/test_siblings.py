"""Every attack of `siblings` is told of, its honest twin is not, and neither takes longer than its size allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.core.evidence import Evidence
from secpipe.scan.models.scan import scan
from secpipe.system.tree import open_tree
from tests.metamorphic.models.siblings import CASES, Files

NAMES = [f"{kind} {name}" for kind, name, _, _ in CASES]


def scanned(folder: Path, files: Files) -> Evidence:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return scan(open_tree(folder))


def test_the_cases_have_names_of_their_own() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 120


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_attack_is_told_of_and_its_twin_is_not(case: tuple[str, str, Files, Files], tmp_path: Path) -> None:
    _, _, bad, good = case
    told = scanned(tmp_path / "bad", bad)
    assert told.findings or told.skips
    spared = scanned(tmp_path / "good", good)
    assert not spared.findings
    assert not spared.skips
