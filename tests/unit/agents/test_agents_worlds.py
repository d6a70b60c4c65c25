"""Corpora written before the rules were read: hostile worlds are found, honest twins are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.core.finding import Severity
from secpipe.scan.agents.scan import scan
from secpipe.system.tree import walk
from tests.unit.agents import worlds


def _found(root: Path, name: str, files: worlds.Files) -> list[str]:
    folder = root / name
    folder.mkdir()
    worlds.write(folder, files)
    return [finding.rule for finding in scan(walk(folder)).findings if finding.severity > Severity.INFO]


@pytest.mark.parametrize(
    "corpus", ["first_hostile.txt", "second_hostile.txt", "third_hostile.txt", "fourth_hostile.txt"]
)
def test_hostile_worlds_are_found(tmp_path: Path, corpus: str) -> None:
    made = worlds.read(corpus)
    missed = [name for name, files in made if not _found(tmp_path, name, files)]
    assert len(missed) <= len(made) * 0.05, missed


@pytest.mark.parametrize("corpus", ["first_honest.txt", "second_honest.txt", "third_honest.txt", "fourth_honest.txt"])
def test_honest_worlds_are_left_alone(tmp_path: Path, corpus: str) -> None:
    made = worlds.read(corpus)
    flagged = {name: found for name, files in made if (found := _found(tmp_path, name, files))}
    assert len(flagged) <= len(made) * 0.01, flagged
