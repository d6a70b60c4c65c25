"""A large tree is read by several processes: it comes to what one process finds, whatever befalls the others."""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence
from secpipe.core.limits import DEFAULT
from secpipe.scan.shadow_ai import sharing
from secpipe.scan.shadow_ai.catalogue import read_catalogue
from secpipe.scan.shadow_ai.looking import Eyes, Said
from secpipe.scan.shadow_ai.regions import region_of
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system import forked
from secpipe.system.tree import FolderTree, open_tree
from tests import skips

BENCH = runpy.run_path(str(Path(__file__).resolve().parents[3] / "bench/shadow_ai_suites.py"))
CASES = [*BENCH["cases"]("evasion"), *BENCH["cases"]("negatives")]
forks = skips.unless_possible(sys.platform == "linux", "processes that are copied")
WAIVED = "from openai import OpenAI\nc = OpenAI()  # secpipe: allow shadow-ai because the team agreed\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> FolderTree:
    folder = tmp_path_factory.mktemp("large")
    for number, case in enumerate(CASES):
        BENCH["lay_out"](case, folder / f"{number:04d}")
    (folder / "waived.py").write_text(WAIVED)
    (folder / "key.py").write_text(f"KEY = 'sk-ant-api03-{'q7Rt2Zx9Lm4Vb8Nc' * 6}-x'\n")
    (folder / "halves.js").write_text('const a = "\\ud83d" + "\\ude00"; fetch("https://api.openai.com/v1/" + a);\n')
    return open_tree(folder)


def eyes(tree: FolderTree) -> Eyes:
    return Eyes(tree, read_catalogue(), DEFAULT, region_of)


def look_with(monkeypatch: pytest.MonkeyPatch, tree: FolderTree, cores: int) -> tuple[Evidence, int]:
    """Scan with so many processes at hand; also return how many were started."""
    started = []
    real = forked.started
    monkeypatch.setattr(sharing, "_MANY", 1)
    monkeypatch.setattr(forked, "cores", lambda: cores)
    monkeypatch.setattr(forked, "started", lambda work: started.append(work) or real(work))
    return scan(tree), len(started)


def test_what_a_text_says_survives_the_way_between_processes(tree: FolderTree) -> None:
    read = [found for entry in tree.files if (found := eyes(tree).look(entry))]
    assert len(read) > 400
    assert any(said.waivers for said in read)
    assert any(said.findings for said in read)
    for said in read:
        row = json.dumps(sharing.packed(said), ensure_ascii=False).encode("utf-8", "surrogatepass")
        assert b"\n" not in row
        assert sharing.unpacked(json.loads(row.decode("utf-8", "surrogatepass"))) == said


@forks
def test_several_processes_find_what_one_finds(tree: FolderTree, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, none = look_with(monkeypatch, tree, 1)
    together, others = look_with(monkeypatch, tree, 3)
    assert (none, others) == (0, 2)
    assert together == alone
    assert json.dumps(together.facts) == json.dumps(alone.facts)


@forks
def test_a_process_that_dies_loses_nothing(tree: FolderTree, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, _ = look_with(monkeypatch, tree, 1)
    parent, real = os.getpid(), sharing._all

    def dies(texts: list[FileEntry], look: Callable[[FileEntry], Said | None]) -> bytes:
        if os.getpid() != parent:
            os._exit(9)
        return real(texts, look)

    monkeypatch.setattr(sharing, "_all", dies)
    assert look_with(monkeypatch, tree, 2) == (alone, 1)


@forks
def test_what_another_process_cannot_read_is_told_by_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.py").write_text("from openai import OpenAI\nOpenAI()\n")
    walked = open_tree(tmp_path)
    for name in "abcd":
        (tmp_path / f"{name}.py").write_text("print(1)\n")
    found, others = look_with(monkeypatch, walked, 2)
    assert others == 1
    assert sorted(skip.path for skip in found.skips) == ["a.py", "b.py", "c.py", "d.py"]
    assert set(walked.unsteady) == {"a.py", "b.py", "c.py", "d.py"}


@forks
def test_no_text_is_read_twice(tree: FolderTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_MANY", 1)
    monkeypatch.setattr(forked, "cores", lambda: 2)
    here: list[str] = []

    def look(entry: FileEntry) -> Said | None:
        here.append(entry.path)
        if entry.path == tree.files[0].path:
            raise InputError("gone")
        return None

    shared = sharing.Shared()
    shared.read(tree.files, look)
    assert len(here) == len(set(here)) == (len(tree.files) + 1) // 2
    assert [shared.take(entry.path)[0] for entry in tree.files].count(False) == 1
    assert not any(shared.take(entry.path)[0] for entry in tree.files)  # each is handed over once


def test_a_small_tree_is_read_by_one_process(tree: FolderTree, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(work: Callable[[], bytes]) -> None:
        raise AssertionError("a process for so little")

    monkeypatch.setattr(forked, "started", never)
    small = tuple(entry for entry in tree.files if entry.size < 1000)[:200]
    shared = sharing.Shared()
    shared.read(small, eyes(tree).look)
    assert not any(shared.take(entry.path)[0] for entry in small)
