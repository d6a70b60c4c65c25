"""The CI steps that init writes: for which platform, which secpipe, whose branch; no text gets out of its quotes."""

from __future__ import annotations

import json
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import ConfigError
from secpipe.gate import starter_ci
from secpipe.gate.request import TREE_POLICY
from secpipe.system import installed
from secpipe.system.installed import Source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GOOD = f"https://git.example.org/tools/secpipe@{COMMIT}"


@pytest.mark.parametrize(
    "text",
    [
        "", "secpipe", "secpipe==0.1.0", f"https://git.example.org/x@{COMMIT[:12]}", "https://git.example.org/x@main",
        "https://git.example.org/x@v1.0", f"http://git.example.org/x@{COMMIT}", f"ext::sh -c id@{COMMIT}",
        f"https://user:secret@git.example.org/x@{COMMIT}", f"https://git.example.org/x'; id; '@{COMMIT}",
        f"https://git.example.org/x\n@{COMMIT}", f"https://git.example.org/$(id)@{COMMIT}", f"-x@{COMMIT}",
        f"@{COMMIT}",
        f"{GOOD}\n", f"https://git.example.org/x@{COMMIT.upper()}", f"https://git.example.org/x@{COMMIT}0",
    ],
)  # fmt: skip
def test_what_pins_no_commit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        installed.parse(text)


@pytest.mark.parametrize("text", [GOOD, f"git+{GOOD}", f"{GOOD}{COMMIT[:24]}"])
def test_an_address_and_a_whole_digest_are_taken(text: str) -> None:
    assert installed.parse(text).address == "https://git.example.org/tools/secpipe"


class Installed:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.text


@pytest.mark.parametrize(
    ("noted", "known"),
    [
        ({"url": GOOD.split("@")[0], "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, True),
        ({"url": "https://u:p@git.example.org/x", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, False),
        ({"url": "file:///nowhere", "dir_info": {"editable": True}}, False),
        ({"url": "https://files.example.org/secpipe.whl", "archive_info": {}}, False),
        ({"url": 3, "dir_info": {}}, False),
        ([], False),
        (None, False),
    ],
)
def test_the_installers_note_says_which_secpipe_this_is(
    noted: Any, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = None if noted is None else json.dumps(noted)
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(text))
    assert bool(installed.source().commit) == known


def test_a_clone_knows_its_commit_if_others_can_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@x"]
        done = subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "x")
    note = json.dumps({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(note))
    git("remote", "add", "origin", str(tmp_path))
    assert installed.source() == Source(), "a folder of this machine is no address for CI"
    git("remote", "set-url", "origin", "https://git.example.org/x")
    assert installed.source() == Source("https://git.example.org/x", git("rev-parse", "HEAD"))


def test_every_template_is_filled(tmp_path: Path) -> None:
    for name in ("Jenkinsfile", ".gitlab-ci.yml", ".github/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert run(["init", str(tmp_path), "--secpipe-from", GOOD]) == 0
    for place, _ in starter_ci.STEPS.values():
        text = (tmp_path / place).read_text()
        assert f"source='https://git.example.org/tools/secpipe' commit='{COMMIT}'" in text
        assert not any(f"@{word}@" in text for word in ("GET", "JUDGE", "SOURCE", "COMMIT", "BRANCH"))


@pytest.mark.parametrize("name", ["@BARE@", "@EXCLUDE@", "@OWNER@", "@EXPIRES@"])
def test_a_name_is_no_template(name: str, tmp_path: Path) -> None:
    (tmp_path / name / "@BARE@").mkdir(parents=True)
    (tmp_path / name / "@BARE@" / "pyvenv.cfg").touch()
    assert run(["init", str(tmp_path / name), "--secpipe-from", GOOD, "--owner", "@NAME@"]) == 0
    policy = tomllib.loads((tmp_path / name / TREE_POLICY).read_text())
    assert (policy["name"], policy["owner"], policy["exclude"]) == (name, "@NAME@", ["@BARE@"])


def test_an_unknown_source_is_said_and_left_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(None))
    assert run(["init", str(tmp_path)]) == 0
    assert "--secpipe-from" in capsys.readouterr().out
    assert "source='' commit=''" in (tmp_path / ".github/workflows/secpipe.yml").read_text()


@pytest.mark.parametrize("hostile", ["x';id;'", "a b", "-x", "$(id)", 'x"y'])
def test_a_branch_that_would_leave_its_quotes_is_not_written(tmp_path: Path, hostile: str) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    head = tmp_path / ".git/refs/remotes/origin/HEAD"
    head.parent.mkdir(parents=True)
    head.write_text("ref: refs/remotes/origin/trunk\n")
    assert starter_ci.branch_of(tmp_path) == "trunk"
    head.write_text(f"ref: refs/remotes/origin/{hostile}\n")
    assert starter_ci.branch_of(tmp_path) == "main"
