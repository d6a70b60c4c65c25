"""A repository of several projects: a verdict each, nothing between them is lost, and nobody judges all as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import secpipe
from secpipe.cli.main import run
from secpipe.core.errors import ConfigError

POLICY = """schema = "secpipe.policy/1"
name = "acme"
owner = "raj"
expires = 2099-01-01
profile = "baseline"
"""
CHAT = '[[project]]\npath = "services/chat"\nname = "chat"\n'
API = '[[project]]\npath = "services/api"\nname = "api"\n'
EVIL = b"cos\nsystem\n(S'id'\ntR."


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    for name in ("chat", "api"):
        folder = tmp_path / "repo" / "services" / name
        folder.mkdir(parents=True)
        (folder / "requirements.txt").write_text("click==8.1.7\n")
        (folder / "app.py").write_text("print('hello')\n")
    (tmp_path / "repo" / "README.md").write_text("# Acme\n")
    return tmp_path / "repo"


def ask(repository: Path, policy: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Check by a pinned policy outside the repository, in warn mode of nobody's."""
    place, out = repository.parent / "policy.toml", repository.parent / "out.json"
    place.write_text(policy)
    pin = f"sha256:{secpipe_digest(place)}"
    code = run(
        ["check", str(repository), "-q", "--policy", str(place), "--policy-ref", pin, "-f", f"json={out}", *options]
    )
    return code, json.loads(out.read_bytes()) if out.exists() else {}


def secpipe_digest(place: Path) -> str:
    from secpipe.gate.policies import policy_file

    return policy_file.load(str(place)).digest


def stops(document: dict[str, Any]) -> dict[str, set[str]]:
    return {
        one["subject"]["name"]: {reason["path"] for reason in one["reasons"] if reason["effect"] == "deny"}
        for one in document["verdicts"]
    }


def test_each_project_has_a_verdict_and_so_has_the_rest(repository: Path) -> None:
    (repository / "services/chat/model.pkl").write_bytes(EVIL)
    (repository / "tool.pkl").write_bytes(EVIL)
    code, document = ask(repository, POLICY + CHAT + API)
    assert (code, document["schema"]) == (1, "secpipe.projects/1")
    assert stops(document) == {"chat": {"model.pkl"}, "api": set(), "repo": {"tool.pkl"}}
    assert "2 blocked (chat, repo)" in document["sentence"]
    files = [one["subject"]["files"] for one in document["verdicts"]]
    assert files == [3, 2, 2]  # every file once
    assert {one["by"] for one in document["verdicts"][-1]["left_out"]} == {"[[project]]"}


def test_one_project_is_judged_by_its_name(repository: Path) -> None:
    (repository / "services/chat/model.pkl").write_bytes(EVIL)
    assert ask(repository, POLICY + CHAT + API, "--project", "chat")[1]["subject"]["name"] == "chat"
    _, document = ask(repository, POLICY + CHAT + API, "--project", "api")
    assert "deny" not in {reason["effect"] for reason in document["reasons"]}
    assert ask(repository, POLICY + CHAT + API, "--project", "caht")[0] == 2
    assert ask(repository, POLICY, "--project", "chat")[0] == 2


def test_a_project_within_a_project_is_left_to_its_own_verdict(repository: Path) -> None:
    inner = repository / "services/chat/plugin"
    inner.mkdir()
    (inner / "model.pkl").write_bytes(EVIL)
    (inner / "requirements.txt").write_text("click==8.1.7\n")
    nested = '[[project]]\npath = "services/chat/plugin"\nname = "plugin"\n'
    assert stops(ask(repository, POLICY + CHAT + nested)[1]) == {"chat": set(), "plugin": {"model.pkl"}, "repo": set()}


def test_a_project_has_a_stricter_policy_of_its_own(repository: Path) -> None:
    (repository.parent / "strict.toml").write_text(POLICY.replace("baseline", "strict"))
    pin = secpipe_digest(repository.parent / "strict.toml")
    own = CHAT + f'policy = "strict.toml"\npolicy_ref = "sha256:{pin}"\n'
    chat, api, _ = ask(repository, POLICY + own + API)[1]["verdicts"]
    assert chat["policy"]["pinned"]
    assert chat["policy"]["resolved"] != api["policy"]["resolved"]
    own = CHAT + f'policy = "strict.toml"\npolicy_ref = "sha256:{"0" * 64}"\n'
    assert ask(repository, POLICY + own)[0] == 1


def test_nobody_judges_all_as_one(repository: Path) -> None:
    """The API and `--store` want a name: the stricter rules of one project would be lost without a word."""
    place = repository.parent / "policy.toml"
    place.write_text(POLICY + CHAT)
    with pytest.raises(ConfigError, match="1 project"):
        secpipe.check(repository, policy=place)
    assert secpipe.check(repository, policy=place, project="chat").report.subject
    for options in (("--store", str(repository.parent / "s")), ("--explain",), ("-f", "sarif")):
        assert ask(repository, POLICY + CHAT, *options)[0] == 2


@pytest.mark.parametrize(
    "table",
    [
        'path = "../else"\nname = "a"\n',
        'path = "/etc"\nname = "a"\n',
        'path = "."\nname = "a"\n',
        'path = "a\\\\b"\nname = "a"\n',
        'path = ""\nname = "a"\n',
        'name = "a"\n',
        'path = "services/chat"\n',
        'path = "services/chat"\nname = "../x"\n',
        'path = "services/none"\nname = "a"\n',
        'path = "link"\nname = "a"\n',
        'path = "services/chat"\nname = "a"\n[[project]]\npath = "services/chat"\nname = "b"\n',
        'path = "services/chat"\nname = "a"\n[[project]]\npath = "services/api"\nname = "a"\n',
        'path = "services/chat"\nname = "a"\npolicy_ref = "sha256:00"\n',
    ],
)
def test_a_declaration_that_cannot_be_meant(repository: Path, table: str) -> None:
    (repository / "link").symlink_to("services/chat")
    place = repository.parent / "policy.toml"
    place.write_text(POLICY + "[[project]]\n" + table)
    assert run(["check", str(repository), "-q", "--policy", str(place)]) == 2


def test_a_policy_in_the_tree_that_declares_projects_is_not_taken_for_the_shipped_one(repository: Path) -> None:
    (repository / "secpipe-policy.toml").write_text(POLICY + CHAT + 'policy = "builtin:baseline"\n')
    out = repository.parent / "out.json"
    assert run(["check", str(repository), "-q", "-f", f"json={out}"]) != 2
    assert all(
        one["self_judged"] for one in json.loads(out.read_bytes())["verdicts"] if one["subject"]["name"] != "chat"
    )
