"""`secpipe approve` and `secpipe waive`: what an owner answers for goes into the policy, and nothing else changes."""

from __future__ import annotations

import json
import shlex
import tomllib
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.cli.main import run
from secpipe.core.errors import ConfigError
from secpipe.gate.policies import policy_edit, policy_file

HEAD = """# The rules of the shop.
schema = "secpipe.policy/1"   # do not touch
name = "shop"
owner = "ann@shop.example"
expires = 2037-06-30
"""
FORMS = [
    HEAD,
    HEAD + '\n[shadow_ai]\n# only what we know\ndefault = "deny"\n',
    HEAD + '\n[[shadow_ai.allow]]\nprovider = "anthropic"  # first\nowner = "a"\nreason = "b"\nexpires = 2036-01-01\n',
    HEAD + "\n[shadow_ai]\nallow = []\n",
    HEAD + '[env.dev]\n\n[[waiver]]\nid = "W-1"\nrule = "x/y"\nowner = "a"\nreason = "b"\nexpires = 2036-01-01\n',
    HEAD + 'shadow_ai.default = "deny"\n',
    HEAD.replace("\n", "\r\n"),
    HEAD + 'shadow_ai = { default = "deny" }\n',
    HEAD + 'shadow_ai = { allow = [ { provider = "x", owner = "a", reason = "b", expires = 2036-01-01 } ] }\n',
    HEAD + "\n[shadow_ai]\nallow = [\n"
    '  { provider = "x", owner = "a", reason = "b", expires = 2036-01-01 }, # one\n]\n',
    HEAD + '\n[[shadow_ai.allow]]\nprovider = "x"\nowner = "a"\nreason = "b"\nexpires = 2036-01-01\n'
    "\n[sbom] # between\nrequired = true\n"
    '\n[[shadow_ai.allow]]\nprovider = "y"\nowner = "a"\nreason = "b"\nexpires = 2036-01-01\n# tail\n',
    HEAD.rstrip("\n") + " # no line end",
]
SURE = ("--owner", "jane@shop.example", "--reason", "contract 7", "--expires", "2036-03-31")


def write(folder: Path, text: str) -> str:
    path = folder / "policy.toml"
    path.write_bytes(text.encode())
    return str(path)


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize("text", FORMS)
def test_approve_adds_one_entry_and_keeps_the_rest(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, text)
    code = run(["approve", "--policy", path, "--provider", "openai", "--env", "prod", *SURE])
    after = Path(path).read_text()
    if code:  # a form that cannot be edited safely is left as it is, and said so
        assert code == 2
        assert Path(path).read_bytes() == text.encode()
        assert "editor" in capsys.readouterr().err
        return
    before, now = tomllib.loads(text), tomllib.loads(after)
    *old, new = now["shadow_ai"]["allow"]
    assert old == before.get("shadow_ai", {}).get("allow", [])
    assert new == {
        "provider": "openai", "env": ["prod"], "owner": "jane@shop.example", "reason": "contract 7",
        "expires": date(2036, 3, 31),
    }  # fmt: skip
    now["shadow_ai"]["allow"] = old
    rest = {key: value for key, value in now["shadow_ai"].items() if key != "allow"}
    assert rest == {key: value for key, value in before.get("shadow_ai", {}).items() if key != "allow"}
    assert comments(after) == comments(text)
    assert f"--policy-ref sha256:{policy_file.load(path).digest}" in capsys.readouterr().out


@pytest.mark.parametrize("text", [*FORMS, HEAD + "waiver = []\n"])
@pytest.mark.parametrize(
    "what", [["approve", "--host", "ai.corp"], ["waive", "--rule", "shadow-ai/unapproved-host", "--path", "a.py"]]
)
def test_every_form_can_be_edited_and_keeps_its_line_ends(what: list[str], text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    assert run([*what, "--policy", path, *SURE]) == 0
    after = Path(path).read_bytes().decode()
    assert after.count("\n") == (after.count("\r\n") if "\r\n" in text else after.count("\n"))
    assert "\r" in text or "\r" not in after


@pytest.mark.parametrize("left_out", ["--owner", "--reason", "--expires"])
@pytest.mark.parametrize("command", [["approve", "--provider", "openai"], ["waive", "a" * 20]])
def test_nothing_is_invented_without_a_terminal(
    command: list[str], left_out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, HEAD)
    at = SURE.index(left_out)
    assert run([*command, "--policy", path, *SURE[:at], *SURE[at + 2 :]]) == 2
    assert left_out in capsys.readouterr().err
    assert Path(path).read_text() == HEAD


@pytest.mark.parametrize(
    "wrong",
    [("--expires", "2020-01-01"), ("--expires", "soon"), ("--expires", "20360331"), ("--owner", " "),
     ("--owner", "a\x1b[2J"), ("--reason", "x" * 1001), ("--reason", "\u202e")],
)  # fmt: skip
def test_an_answer_must_be_one(wrong: tuple[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, HEAD)
    at = SURE.index(wrong[0])
    given = [*SURE[:at], *wrong, *SURE[at + 2 :]]
    assert run(["approve", "--policy", path, "--provider", "openai", *given]) == 2
    assert run(["waive", "a" * 20, "--policy", path, *given]) == 2
    assert Path(path).read_text() == HEAD


def test_waive_names_each_finding(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD)
    ids = ["a" * 20, "b" * 20]
    assert run(["waive", *ids, "--policy", path, "--rule", "audit/known-vulnerability", *SURE]) == 0
    made = policy_file.load(path).resolve("prod").waiver
    assert [one.finding for one in made] == ids
    assert len({one.id for one in made}) == 2
    assert {one.rule for one in made} == {"audit/known-vulnerability"}
    assert run(["waive", "c" * 20, "--policy", path, *SURE]) == 0
    assert len({one.id for one in policy_file.load(path).resolve("prod").waiver}) == 3


@pytest.mark.parametrize(
    ("rules", "arguments"),
    [
        ("", ["--rule", "signatures/changed-file"]),
        ('never = ["audit/*"]', ["--rule", "audit/known-vulnerability"]),
        ("horizon_days = 30", []),
        ("approved = true", ["--approved-by", "Jane <jane+x@shop.example>"]),
        ("signed = true", []),
    ],
)
def test_what_the_policy_would_not_count_is_refused(rules: str, arguments: list[str], tmp_path: Path) -> None:
    path = write(tmp_path, text := f"{HEAD}[waivers]\n{rules}\n")
    assert run(["waive", "a" * 20, "--policy", path, *SURE, *arguments]) == 2
    assert Path(path).read_text() == text


def test_an_approver_who_is_another_person_counts(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEAD}[waivers]\napproved = true\n")
    assert run(["waive", "a" * 20, "--policy", path, *SURE]) == 2
    assert run(["waive", "a" * 20, "--policy", path, *SURE, "--approved-by", "raj@shop.example"]) == 0


@pytest.mark.parametrize("arguments", [[], ["zz"], ["--rule", "models/x"], ["--path", "a"], ["a" * 19]])
def test_a_waiver_needs_a_scope(arguments: list[str], tmp_path: Path) -> None:
    assert run(["waive", *arguments, "--policy", write(tmp_path, HEAD), *SURE]) == 2


def test_a_shipped_policy_and_a_link_are_never_edited(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD)
    (tmp_path / "link.toml").symlink_to(path)
    for policy in ("builtin:baseline", str(tmp_path / "link.toml"), str(tmp_path / "none.toml")):
        assert run(["approve", "--policy", policy, "--provider", "openai", *SURE]) == 2
    assert Path(path).read_text() == HEAD
    assert (tmp_path / "link.toml").is_symlink()


def test_mode_and_owner_of_the_file_stay(tmp_path: Path) -> None:
    path = Path(write(tmp_path, HEAD))
    path.chmod(0o640)
    assert run(["approve", "--policy", str(path), "--provider", "openai", *SURE]) == 0
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD)
    loaded = policy_edit.opened(path)
    data = policy_edit.added(loaded, ("waiver",), [])
    Path(path).write_text(HEAD + "# somebody else\n")
    with pytest.raises(ConfigError, match="changed"):
        policy_edit.save(loaded, data)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FORMS),
    st.dictionaries(st.sampled_from(["owner", "reason", "ticket"]), st.text(max_size=30), max_size=3),
    st.lists(st.text(max_size=12), max_size=3),
)
def test_any_words_mean_what_was_said(text: str, words: dict[str, str], paths: list[str]) -> None:
    entry: dict[str, Any] = {"provider": "openai", "paths": paths, "owner": "a", "reason": "b", **words}
    entry["expires"] = date(2036, 1, 1)
    loaded = policy_file.parse(text.encode(), "policy.toml")
    try:
        data = policy_edit.added(loaded, ("shadow_ai", "allow"), [entry])
    except ConfigError:
        return  # refused is safe: the file was not touched
    assert tomllib.loads(data.decode())["shadow_ai"]["allow"][-1] == entry


def locked_away(folder: Path, count: int = 1) -> None:
    """Write archives that nobody can look into: their member says that it is encrypted."""
    for number in range(count):
        with zipfile.ZipFile(folder / f"{number}.zip", "w") as archive:
            archive.writestr("m.pkl", bytes([number]))
        data = bytearray((folder / f"{number}.zip").read_bytes())
        for mark, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            data[data.index(mark) + flag] |= 1
        (folder / f"{number}.zip").write_bytes(data)


def unread(folder: Path, policy: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the commands that check proposes for what it did not read."""
    pin = policy_file.load(policy).digest
    run(["check", str(folder), "--policy", policy, "--policy-ref", f"sha256:{pin}", "-f", "json", "--no-cache"])
    reasons = json.loads(capsys.readouterr().out)["reasons"]
    return [one["do"].get("command", "") for one in reasons if one["rule"] == "gate/incomplete"]


@pytest.mark.parametrize("count", [1, 12])
def test_what_check_proposes_accepts_what_nobody_read_and_nothing_that_comes_later(
    count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, policy = tmp_path / "project", write(tmp_path, HEAD)
    project.mkdir()
    locked_away(project, count)
    while commands := unread(project, policy, capsys):
        assert commands[0].startswith("secpipe accept "), commands
        assert run([*shlex.split(commands[0])[1:], *SURE]) == 0
        capsys.readouterr()
    assert "jane@shop.example" in Path(policy).read_text()
    (project / "0.zip").rename(project / "z.zip")
    locked_away(project)
    assert unread(project, policy, capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--path", "*"], "how much is accepted"),
        (["--path", "*", "--most", "0", "--bytes", "9"], "how many they are"),
        (["--path", "*", "--most", "2", "--bytes", "-1"], "negative"),
        (["--digest", "sha256:0"], "is no digest"),
    ],
)
def test_an_acceptance_needs_a_bound(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, HEAD)
    command = ["accept", "--policy", path, "--check", "models", "--kind", "is encrypted*"]
    assert run([*command, *arguments, *SURE]) == 2
    assert said in capsys.readouterr().err
    assert Path(path).read_text() == HEAD


def test_a_policy_that_lets_nothing_unread_pass_takes_no_acceptance(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + '[waivers]\nnever = ["gate/incomplete"]\n')
    scope = ["--check", "models", "--kind", "is encrypted*", "--path", "*", "--most", "1", "--bytes", "9"]
    assert run(["accept", "--policy", path, *scope, *SURE]) == 2
