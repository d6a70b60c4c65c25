"""Hostile items are found, honest ones are left alone: recall of 95 %, one honest item in a hundred at most."""

from __future__ import annotations

from pathlib import Path

from secpipe.core.finding import Severity
from secpipe.scan.agents.scan import scan
from secpipe.system.tree import walk
from tests.unit.agents import corpus, siblings


def _found(root: Path, name: str, files: corpus.Files) -> list[str]:
    folder = root / name.replace("/", "_")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    evidence = scan(walk(folder))
    assert not evidence.skips, (name, evidence.skips)
    return [finding.rule for finding in evidence.findings if finding.severity > Severity.INFO]


def test_the_corpus_is_large_enough_and_says_each_thing_once() -> None:
    for made in (list(corpus.hostile()), list(corpus.honest())):
        assert len(made) >= 150
        assert len({name for name, _ in made}) == len(made)


def test_hostile_items_are_found(tmp_path: Path) -> None:
    missed = [name for name, files in corpus.hostile() if not _found(tmp_path, name, files)]
    total = len(list(corpus.hostile()))
    assert len(missed) <= total * 0.05, missed


def test_siblings_of_hostile_items_are_found(tmp_path: Path) -> None:
    missed = [name for name, files in siblings.SIBLINGS if not _found(tmp_path, name, files)]
    assert len(missed) <= len(siblings.SIBLINGS) * 0.05, missed


def test_honest_items_are_left_alone(tmp_path: Path) -> None:
    flagged = {name: found for name, files in corpus.honest() if (found := _found(tmp_path, name, files))}
    total = len(list(corpus.honest()))
    assert len(flagged) <= total * 0.01, flagged
