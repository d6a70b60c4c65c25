"""The warm path of the command: a kept result answers only the very same question about the very same files."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.cli.scan import shadow_ai_cache as cache
from secpipe.scan.shadow_ai import sharing
from secpipe.scan.shadow_ai.looking import Eyes
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system import files
from secpipe.system.tree import open_tree
from tests import skips

CALL = 'from openai import OpenAI\n\nclient = OpenAI(base_url="https://api.deepseek.com/v1")\n'
CASES = Path(__file__).parent / "cases"
MINE = """
schema = "secpipe.ai-providers/1"
"""


class Bench:
    """A project, and whether the last run searched it or remembered."""

    def __init__(self, folder: Path, searched: list[str]) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.searched = searched

    def run(self, *arguments: str) -> tuple[bool, int, dict]:
        """Return (searched, exit code, document less its time)."""
        self.searched.clear()
        out = self.folder / "out.json"
        code = run(["scan", "shadow-ai", str(self.project), *arguments, "-f", "json", "-o", str(out)])
        document = json.loads(out.read_text())
        document.pop("at")
        return bool(self.searched), code, document

    @property
    def entries(self) -> list[Path]:
        return sorted((self.folder / "cache" / "shadow-ai").glob("*"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    from secpipe.cli.scan import shadow_ai as command

    searched: list[str] = []
    real = command._scan

    def watched(path: str, options: dict) -> object:
        searched.append(path)
        return real(path, options)

    monkeypatch.setattr(command, "_scan", watched)
    monkeypatch.setattr(cache, "SETTLED", 0)  # the files below were written a moment ago
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "chat.py").write_text(CALL)
    (tmp_path / "project" / "broken.py").write_text("import openai\ndef (:\n")
    return Bench(tmp_path, searched)


def test_an_unchanged_folder_is_remembered_word_for_word(bench: Bench) -> None:
    first = bench.run()
    second = bench.run()
    assert (first[0], second[0]) == (True, False)
    assert first[1:] == second[1:]
    assert second[1] == 1
    assert second[2]["skipped"]


def test_evidence_comes_back_as_it_was(tmp_path: Path, bench: Bench) -> None:
    for case in CASES.glob("*"):
        shutil.copy(case, bench.project)
    evidence = scan(open_tree(bench.project))
    question = cache.question_of(str(bench.project), ())
    assert question is not None
    cache.keep(question, evidence)
    assert cache.find(question) == evidence


def edit_in_place(project: Path) -> None:
    """Same size, same inode, same times: only the time of the change of status, which nobody sets, tells."""
    file = project / "chat.py"
    info = file.stat()
    with open(file, "r+b") as handle:
        handle.write(CALL.replace("deepseek", "cerebras").encode())
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))


CHANGES = {
    "an edit that sets the times back": edit_in_place,
    "a new file": lambda project: (project / "new.py").write_text("x = 1\n"),
    "a file gone": lambda project: (project / "broken.py").unlink(),
    "a file renamed": lambda project: (project / "broken.py").rename(project / "broker.py"),
    "a new time": lambda project: os.utime(project / "chat.py", (1, 1)),
    "a link": lambda project: (project / "link").symlink_to("chat.py"),
    "another mode": lambda project: (project / "chat.py").chmod(0o400),
}


@skips.unless_possible(sys.platform != "win32", "POSIX times, links and modes")
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_searched_again(bench: Bench, change: str) -> None:
    bench.run()
    CHANGES[change](bench.project)
    searched, _, document = bench.run()
    assert searched
    if change.startswith("an edit"):
        assert "api.cerebras.com" in json.dumps(document)
    assert not bench.run()[0]


@pytest.mark.parametrize("options", [("--no-cache",), ("--at", "2027-01-01")])
def test_what_asks_for_a_search_gets_one(bench: Bench, options: tuple[str, ...]) -> None:
    bench.run()
    assert bench.run(*options)[0]


def test_another_catalogue_is_another_question_and_its_entry_no_answer(bench: Bench) -> None:
    bench.run()
    mine = bench.folder / "mine.toml"
    mine.write_text(MINE)
    (first,) = bench.entries
    question = cache.question_of(str(bench.project), (str(mine),))
    assert question is not None
    assert question.entry != first
    shutil.copy(first, question.entry)  # replayed under other options
    assert cache.find(question) is None
    plain = cache.question_of(str(bench.project), ())
    assert plain is not None
    assert cache.find(plain) is not None


def test_another_engine_is_another_question(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    monkeypatch.setattr(cache.diskcache, "engine", lambda: "0" * 64)
    assert bench.run()[0]


def test_an_older_entry_put_back_answers_nothing(bench: Bench) -> None:
    bench.run()
    (entry,) = bench.entries
    old = entry.read_bytes()
    (bench.project / "chat.py").write_text(CALL * 2)
    bench.run()
    entry.write_bytes(old)
    assert bench.run()[0]


@pytest.mark.parametrize("spoil", [lambda data: data[:40], lambda data: data.replace(b"deepseek", b"approved"), bytes])
def test_an_entry_that_was_edited_or_cut_is_searched_anew(bench: Bench, spoil) -> None:
    _, code, document = bench.run()
    (entry,) = bench.entries
    data = entry.read_bytes()
    changed = spoil(data) if spoil is not bytes else b""
    assert changed != data
    entry.write_bytes(changed)
    assert bench.run() == (True, code, document)


def test_an_entry_of_another_home_is_foreign(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    monkeypatch.setenv("SECPIPE_HOME", str(bench.folder / "other"))
    assert bench.run()[0]


def test_what_changed_a_moment_ago_is_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SETTLED", 3600 * 10**9)
    bench.run()
    assert not bench.entries


def test_what_changes_during_the_search_is_not_kept(bench: Bench) -> None:
    question = cache.question_of(str(bench.project), ())
    assert question is not None
    evidence = scan(open_tree(bench.project))
    (bench.project / "new.py").write_text("x = 1\n")
    cache.keep(question, evidence)
    assert not bench.entries


def test_a_cache_or_home_inside_the_folder_is_not_used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECPIPE_CACHE", "SECPIPE_HOME"):
        with monkeypatch.context() as patch:
            patch.setenv(name, str(bench.project / "here"))
            assert cache.question_of(str(bench.project), ()) is None


def test_approvals_are_judged_anew_over_what_is_kept(bench: Bench) -> None:
    assert bench.run()[1] == 1
    policy = bench.folder / "policy.toml"
    rows = '[[shadow_ai.allow]]\nhost = "api.deepseek.com"\nowner = "jane@corp"\nreason = "SEC-1"\nexpires = {}-01-01\n'
    policy.write_text(rows.format(2999))
    (bench.project / "broken.py").unlink()
    bench.run()
    assert bench.run("--policy", str(policy))[:2] == (False, 0)
    policy.write_text(rows.format(2001))
    assert bench.run("--policy", str(policy))[:2] == (False, 1)


def many(project: Path, count: int = 40) -> None:
    for number in range(count):
        (project / f"plain{number}.py").write_text(f"x = {number}\n")
    (project / "weights.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (project / "OTHER.md").write_text("LLM_HOST = api.groq.com\n")


def opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> tuple[dict, set[str]]:
    """Return what a run says, and the files that it opened."""
    seen: set[str] = set()
    real = files.open_descriptor

    def watched(path: str | Path, **options: object) -> object:
        if str(path).startswith(f"{bench.project}{os.sep}"):
            seen.add(os.path.relpath(path, bench.project))
        return real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(files, "open_descriptor", watched)
        return bench.run()[2], seen


@skips.unless_possible(sys.platform != "win32", "POSIX times")
def test_of_a_changed_folder_only_what_changed_is_searched(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    many(bench.project)
    bench.run()
    (bench.project / "plain7.py").write_text(CALL)
    (bench.project / "new.py").write_text("y = 1\n")
    (bench.project / "plain9.py").unlink()
    found, seen = opened(bench, monkeypatch)
    assert {"plain7.py", "new.py", "weights.bin"} <= seen
    assert not {f"plain{number}.py" for number in range(40)} - {"plain7.py"} & seen
    assert found == bench.run("--no-cache")[2]
    assert any(finding["path"] == "plain7.py" for finding in found["findings"])
    assert any(skip["path"] == "weights.bin" for skip in found["skipped"])
    assert opened(bench, monkeypatch)[1] == set()  # and then it is known as a whole


@skips.unless_possible(sys.platform != "win32", "POSIX times")
def test_what_single_files_say_is_remembered_as_they_said_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, case in enumerate(CASES.glob("*")):
        for row in tomllib.loads(case.read_text())["case"]:
            for name, content in row["files"].items():
                path = bench.project / f"{number}-{len(list(bench.project.iterdir()))}" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.lstrip("\n").encode(row.get("encoding", "utf-8")))
    bench.run()
    (bench.project / "new.py").write_text(CALL)
    looked: list[str] = []
    real = Eyes.look
    monkeypatch.setattr(Eyes, "look", lambda self, entry: looked.append(entry.path) or real(self, entry))
    monkeypatch.setattr(sharing, "_MANY", 1 << 40)
    found = bench.run()[2]
    again, looked[:] = [*looked], []
    assert found == bench.run("--no-cache")[2]
    twice = {path for path, times in Counter(looked).items() if times > 1}  # labelled, and reached by shipped code
    assert set(again) == {"new.py", *twice}
    assert len(looked) > 500 > len(twice) * 50


@skips.unless_possible(sys.platform != "win32", "POSIX times")
def test_a_file_that_held_nothing_is_read_again_once_its_stamp_differs(bench: Bench) -> None:
    (bench.project / "quiet.py").write_text("#" * len(CALL))
    bench.run()
    info = (bench.project / "quiet.py").stat()
    with open(bench.project / "quiet.py", "r+b") as handle:
        handle.write(CALL.encode())
    os.utime(bench.project / "quiet.py", ns=(info.st_atime_ns, info.st_mtime_ns))
    assert any(finding["path"] == "quiet.py" for finding in bench.run()[2]["findings"])


@skips.unless_possible(sys.platform != "win32", "POSIX times")
def test_what_held_nothing_alone_may_say_something_beside_others(bench: Bench) -> None:
    (bench.project / "hosts.py").write_text("A = 'api.deep'\nB = 'seek.com'\n")
    bench.run()
    send = "from hosts import A, B\nimport requests\nrequests.post('https://' + A + B + '/chat/completions')\n"
    (bench.project / "call.py").write_text(send)
    found = bench.run()[2]
    assert found == bench.run("--no-cache")[2]
    uses = found["evidence"]["facts"]["uses"]
    assert ("deepseek", "call.py") in {(use["provider"], use["path"]) for use in uses}
