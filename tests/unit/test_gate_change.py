"""What one change adds: old findings do not stop it, what it touches is judged as ever, and it is never a pass."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from secpipe.cli.main import run
from secpipe.gate.change.compare import compare

ROOT = Path(__file__).resolve().parents[2]
EVIL = b"cos\nsystem\n(S'id'\ntR."
WORSE = b"cos\nsystem\n(S'rm -rf x'\ntR."
CALL = 'import openai\nopenai.OpenAI(base_url="https://api.deepseek.com").models.list()\n'


def git(folder: Path, *words: str) -> None:
    who = {f"GIT_{role}_{what}": "a@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=folder, env=os.environ | who, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with old faults on main."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CI", raising=False)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "model.pkl").write_bytes(EVIL)
    (folder / "old.py").write_text(CALL)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "checkout", "-q", "-b", "change")
    return folder


def ask(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    out = folder.parent / "out.json"
    code = run(["check", str(folder), "-q", "--no-cache", "-f", f"json={out}", *options])
    return code, json.loads(out.read_bytes())


def stops(document: dict[str, Any]) -> set[str]:
    return {reason["path"] for reason in document["reasons"] if reason["effect"] in ("deny", "undecided")}


def test_old_faults_do_not_stop_a_change_and_it_is_no_pass(project: Path) -> None:
    (project / "README.md").write_text("# Acme\n")
    assert ask(project)[0] == 1
    code, document = ask(project, "--diff", "main")
    assert (code, document["decision"], document["schema"]) == (0, "warn", "secpipe.change/1")
    assert document["sentence"].startswith("THIS CHANGE ADDS NOTHING against main of ")
    assert "It is no pass" in document["sentence"]
    assert "valid_until" not in document
    jsonschema.validate(document, json.loads((ROOT / "policies/schema/verdict.schema.json").read_text()))
    assert document["change"]["older"] == sum("not of this change" in one["what"] for one in document["reasons"]) > 0
    assert run(["report", str(project.parent / "out.json")]) == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("new.py", CALL.encode()),  # a fault of the old kind in a new file
        ("old.py", b"# touched\n" + CALL.encode()),  # the old fault, in a file that the change touches
        ("old.py", CALL.encode() + b"# touched\n"),  # ... behind it, so that every line stays
        ("model.pkl", WORSE),  # another payload behind the same finding
        ("renamed.pkl", EVIL),
    ],
)
def test_what_the_change_touches_stops_it(project: Path, name: str, content: bytes) -> None:
    (project / name).write_bytes(content)
    whole = {path for path in stops(ask(project)[1]) if path == name}
    code, document = ask(project, "--diff", "main")
    assert code == 1
    assert stops(document) >= whole == {name}
    assert "THIS CHANGE IS BLOCKED" in document["sentence"]


def test_a_check_that_was_not_carried_out_saw_nothing_of_the_change(project: Path) -> None:
    _, document = ask(project)
    reason = document["reasons"][0] | {
        "rule": "gate/not-checked",
        "check": "models",
        "findings": [],
        "effect": "undecided",
    }
    document["reasons"] = [reason]
    document["findings"] = []
    assert compare(document, document, "main")["exit_code"] == 3
    reason["check"] = "trust"  # the unsigned files are findings of their own
    assert compare(document, document, "main")["exit_code"] == 0


def test_a_place_that_nobody_looked_at_is_old_only_while_nobody_changes_it(project: Path) -> None:
    git(project, "checkout", "-q", "main")
    (project / "model.bin.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + b"\x01" * 60)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "two")
    assert "undecided" in {reason["effect"] for reason in ask(project)[1]["reasons"]}
    assert ask(project, "--diff", "main")[0] == 0
    (project / "model.bin.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + b"\x02" * 60)
    assert "model.bin.7z" in stops(ask(project, "--diff", "main")[1])


def test_a_folder_of_a_repository_is_held_against_the_same_folder(project: Path) -> None:
    git(project, "checkout", "-q", "main")
    for name in ("one", "two"):
        (project / name).mkdir()
        (project / name / "app.py").write_text(CALL)
        (project / name / "requirements.txt").write_text("click==8.1.7\n")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "two")
    assert ask(project / "one", "--diff", "main")[0] == 0
    (project / "one" / "more.py").write_text(CALL)
    document = ask(project / "one", "--diff", "main")[1]
    assert stops(document) == {"more.py"}
    assert "new here: more.py:2" in document["sentence"]


def test_a_pinned_verdict_says_what_is_old(project: Path) -> None:
    ask(project)
    base = project.parent / "base.json"
    (project.parent / "out.json").rename(base)
    pin = f"sha256:{hashlib.sha256(base.read_bytes()).hexdigest()}"
    pinned = ("--baseline", str(base), "--baseline-ref", pin)
    assert ask(project, *pinned)[0] == 0
    (project / "new.py").write_text(CALL)
    assert ask(project, *pinned)[0] == 1
    base.write_bytes(base.read_bytes() + b" ")
    assert run(["check", str(project), *pinned]) == 1
    assert run(["check", str(project), "--baseline", str(base)]) == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--diff", "main", "--store", "../verdicts"),
        ("--diff", "main", "--explain"),
        ("--diff", "HEAD"),
        ("--diff", "nothing"),
        ("--diff", "--upload-pack=x"),
        ("--diff", "main", "--baseline", "x"),
        ("--baseline-ref", "sha256:" + "0" * 64),
    ],
)
def test_what_a_change_cannot_be_asked_for(project: Path, options: tuple[str, ...]) -> None:
    assert run(["check", str(project), *options]) == 2
    assert not (project.parent / "verdicts").exists()


def test_a_finding_that_grew_worse_is_new(project: Path) -> None:
    _, document = ask(project)
    base = json.loads(json.dumps(document))
    assert compare(document, base, "main")["decision"] == "warn"
    for row in base["findings"]:
        row["effect"] = "warn"
    assert compare(document, base, "main")["decision"] == "deny"
    base = json.loads(json.dumps(document))
    for row in base["findings"]:
        row["sha256"] = "0" * 64
    assert compare(document, base, "main")["decision"] == "deny"
    for row in document["findings"]:
        row["sha256"] = ""  # content that nobody knows is no content of before
    assert compare(document, document, "main")["decision"] == "deny"


def test_an_old_package_in_one_more_lock_file_is_new_and_in_one_less_it_is_old(project: Path) -> None:
    git(project, "checkout", "-q", "main")
    for folder in ("a", "b"):
        (project / folder).mkdir()
        (project / folder / "requirements.txt").write_text("jinja2==2.4.1\n")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "two")
    (project / "b/requirements.txt").unlink()
    assert ask(project, "--diff", "main")[0] == 0
    (project / "c").mkdir()
    (project / "c/requirements.txt").write_text("jinja2==2.4.1\n")
    assert ask(project, "--diff", "main")[0] == 1


def test_a_new_place_that_another_check_lists_is_not_old(project: Path) -> None:
    """A verdict names an unread place once, under the first check that met it; a second check may mean it, too."""
    _, document = ask(project)
    reason = document["reasons"][0] | {
        "rule": "gate/incomplete", "check": "shadow-ai", "findings": [], "effect": "undecided", "path": "a.7z",
    }  # fmt: skip
    document |= {"reasons": [reason], "findings": []}
    old = {"path": "a.7z", "reason": "cannot be read", "check": "shadow-ai", "soft": False, "sha256": "1" * 64}
    new = old | {"path": "b.7z", "check": "models", "sha256": "2" * 64}
    base = document | {"skipped": [old]}
    assert compare(document | {"skipped": [old]}, base, "main")["exit_code"] == 0
    assert compare(document | {"skipped": [new, old]}, base, "main")["exit_code"] == 3
