"""Our skill teaches an assistant to use the gate without weakening it: five projects from no to yes, by MCP alone.

The assistant here is a script that does what the skill says, and nothing else: it reads answers, and edits the project.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.gate.policies import policy_file
from tests.e2e.test_mcp import connected

ROOT = Path(__file__).resolve().parents[2]
SKILL = ROOT / "examples/skills/secpipe-gate"
POLICY = """\
schema = "secpipe.policy/1"
name = "acme"
owner = "sec@acme.example"
expires = 2035-12-31
profile = ["baseline"]
"""


def page(app: Path) -> None:
    (app / "index.html").write_text(
        '<script>fetch("https://api.openai.com/v1/chat/completions")</script>\n<h1>x</h1>\n'
    )


def key(app: Path) -> None:
    secret = "sk-ant-" + "api03-" + "Q7wErTy9zXcVbNmKjHgFdSaPoIuYtReWq3LkMn"
    (app / "settings.yaml").write_text(f"name: shop\ntoken: {secret}\n")


def model(app: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, ("true",)

    (app / "models").mkdir()
    (app / "models/classifier.pkl").write_bytes(pickle.dumps(Evil()))


def package(app: Path) -> None:
    digest = "a" * 64
    (app / "requirements.txt").write_text(f"jinja2==3.1.4 --hash=sha256:{digest}\n")


def server(app: Path) -> None:
    (app / ".mcp.json").write_text(
        json.dumps({"mcpServers": {"files": {"command": "npx", "args": ["-y", "some-pkg"]}}})
    )


SEEDS: dict[str, Callable[[Path], None]] = {
    "page": page,
    "key": key,
    "model": model,
    "package": package,
    "server": server,
}


def reasons(answer: str) -> list[tuple[str, str]]:
    """The rules that stand against it, each with all that is quoted below it."""
    found = re.findall(r"^\d+\. (?:deny|undecided), rule (\S+?)(?::.*)?\n((?: {3}.*\n)*)", answer, re.MULTILINE)
    return [(rule, below) for rule, below in found]


def mend(app: Path, rule: str, below: str) -> None:
    """Mend the cause in the project, as the skill says; what is a person's is left alone."""
    paths = [path for path in app.rglob("*") if path.is_file() and path.relative_to(app).as_posix() in below]
    if rule == "audit/known-vulnerability":
        wanted = re.findall(r"--upgrade-package (\S+?)==(\S+)|Set (\S+) to (\S+) in", below)
        for name, version, other, raised in wanted:
            for path in paths:
                text = re.sub(
                    rf"(?m)^{name or other}==\S+",
                    f"{name or other}=={(version or raised).rstrip('.;,')}",
                    path.read_text(),
                )
                path.write_text(text)
        return
    for path in paths:
        line = re.search(rf"{re.escape(path.relative_to(app).as_posix())}:(\d+)", below)
        if line and path.suffix != ".json":
            kept = path.read_text().splitlines()
            del kept[int(line[1]) - 1]
            path.write_text("".join(f"{one}\n" for one in kept))
        else:
            path.unlink()


def state(folder: Path) -> dict[str, str]:
    """The digest of every file that is not the project's, nor the server's own memory."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in ("app", "home", "cache")
    }


async def work(app: Path, words: list[str], home: Path) -> list[str]:
    """Ask, mend and ask again in one session, as the skill says; return the answers."""
    answers: list[str] = []
    async with connected(words, home) as session:
        while len(answers) < 5:
            told = (await session.call_tool("check", {"path": str(app)})).content[0].text
            answers.append(told)
            left = reasons(told)
            if told.startswith("The answer is YES") or not left:
                break
            for rule, below in left:
                assert not (await session.call_tool("explain", {"rule": rule})).isError
                mend(app, rule, below)
    return answers


@pytest.mark.parametrize("seed", SEEDS)
def test_a_client_goes_from_no_to_yes_without_touching_policy_or_trust(
    seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    app, policy, trust = tmp_path / "app", tmp_path / "policy.toml", tmp_path / "trust"
    app.mkdir()
    (app / "README.md").write_text("# shop\n")
    (app / "requirements.txt").write_text(f"click==8.1.8 --hash=sha256:{'b' * 64}\n")
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PW", "correct horse")
    policy.write_text(POLICY)
    assert run(["keys", "init", "--trust", str(trust), "--holder", "ann", "--passphrase-file", "env:PW"]) == 0
    capfd.readouterr()
    assert run(["trust", "pin", str(trust)]) == 0
    root = capfd.readouterr().out.strip()
    SEEDS[seed](app)
    pin, before = policy_file.load(str(policy)).digest, state(tmp_path)
    words = [str(app), "--policy", str(policy), "--policy-ref", f"sha256:{pin}", "--trust", str(trust)]
    answers = asyncio.run(work(app, [*words, "--trust-pin", root], tmp_path / "home"))
    assert answers[0].startswith("The answer is NO."), answers[0]
    assert answers[-1].startswith("The answer is YES"), answers[-1]
    assert state(tmp_path) == before
    assert policy_file.load(str(policy)).digest == pin
    assert run(["trust", "pin", str(trust)]) == 0
    assert capfd.readouterr().out.strip() == root


def test_our_own_scanner_has_nothing_against_the_skill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "app/.claude/skills/secpipe-gate"
    target.mkdir(parents=True)
    (target / "SKILL.md").write_bytes((SKILL / "SKILL.md").read_bytes())
    run(["scan", "agents", str(tmp_path / "app"), "-f", "json"])
    rules = {one["rule"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert rules <= {"agents/unapproved-item"}


def test_the_skill_is_signed_and_one_changed_word_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PW", "correct horse")
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "secpipe-gate"
    copy.mkdir()
    (copy / "SKILL.md").write_bytes((SKILL / "SKILL.md").read_bytes())
    assert run(["keys", "init", "--holder", "ann", "--passphrase-file", "env:PW"]) == 0
    assert run(["sign", "secpipe-gate", "--kind", "skill", "--passphrase-file", "env:PW"]) == 0
    assert run(["verify", "secpipe-gate", "--trust", "keys"]) == 0
    text = (copy / "SKILL.md").read_text()
    (copy / "SKILL.md").write_text(text.replace("Approving is not yours.", "Approve it."))
    assert run(["verify", "secpipe-gate", "--trust", "keys"]) == 1


def test_the_skill_names_only_what_there_is() -> None:
    from secpipe.cli.mcp.server import _TOOLS
    from secpipe.report import WRITERS

    text = (SKILL / "SKILL.md").read_text()
    assert set(re.findall(r"tool `(\w+)`|read `(\w+)`", text)) <= {(name, "") for name in _TOOLS} | {
        ("", name) for name in _TOOLS
    }
    assert set(re.findall(r"-f (\w+)", text)) <= set(WRITERS)
    for word in ("Policy", "trust root", "approvals", "waivers", "acceptances", "exclusions", "mode"):
        assert word in text.partition("## What is not yours")[2]
