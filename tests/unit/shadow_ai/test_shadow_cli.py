"""The command: exit codes, policy, baseline, diff against a hostile repository, Semgrep that fails, services."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import jsonschema  # noqa: F401  # the services test below needs its formats
import pytest

from secpipe.cli.main import run
from secpipe.core.errors import SecpipeError
from secpipe.scan.shadow_ai import semgrep
from secpipe.scan.shadow_ai.catalogue import read_catalogue
from secpipe.scan.shadow_ai.changes import changed
from secpipe.scan.shadow_ai.scan import scan
from secpipe.scan.shadow_ai.semgrep import look
from secpipe.system.process import find_program
from secpipe.system.tree import open_tree
from tests import skips

CALL = 'from openai import OpenAI\n\nclient = OpenAI(base_url="https://api.deepseek.com/v1")\n'
GIT = find_program("git", outside="/nonexistent")
SEMGREP = find_program("semgrep", outside="/nonexistent")
POLICY = """
[shadow_ai]
[[shadow_ai.allow]]
host = "api.deepseek.com"
owner = "jane@corp"
reason = "SEC-1"
expires = 2999-01-01
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "chat.py").write_text(CALL)
    return folder


def result(tmp_path: Path, *arguments: str) -> tuple[int, dict]:
    out = tmp_path / "out.json"
    code = run(["scan", "shadow-ai", *arguments, "-f", "json", "-o", str(out)])
    return code, json.loads(out.read_text())


def test_what_nobody_approved_ends_in_one(project: Path, tmp_path: Path) -> None:
    code, document = result(tmp_path, str(project))
    assert code == 1
    assert document["findings"][0]["message"] == "chat.py:3 calls api.deepseek.com (DeepSeek), which nobody approved"
    assert document["evidence"]["facts"]["uses"][0]["sdk"] == "openai"


def test_an_approval_ends_in_zero_and_shows_in_the_inventory(project: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    assert result(tmp_path, str(project), "--policy", str(policy))[0] == 0
    code, document = result(tmp_path, str(project), "--policy", str(policy), "--inventory")
    assert code == 0
    assert [finding["rule"] for finding in document["findings"]] == ["shadow-ai/approved-use"]


def test_a_policy_inside_the_tree_is_warned_about(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "policy.toml").write_text(POLICY)
    result(tmp_path, str(project), "--policy", str(project / "policy.toml"))
    assert "the policy stands in the tree it judges" in capsys.readouterr().err


def test_usage_errors_end_in_two(project: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[shadow_ai]\ndefalt = "deny"\n')
    assert run(["scan", "shadow-ai", str(project), "--policy", str(bad)]) == 2
    bad.write_text("[[[")
    assert run(["scan", "shadow-ai", str(project), "--policy", str(bad)]) == 2
    assert run(["scan", "shadow-ai", str(project), "--baseline", str(bad)]) == 2
    assert run(["scan", "shadow-ai", str(project), "--catalogue", str(bad)]) == 2


def test_what_could_not_be_read_ends_in_three(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.py").write_bytes(b"\0\1\2" * 50)
    code, document = result(tmp_path, str(folder))
    assert code == 3
    assert document["skipped"][0]["path"] == "a.py"


@skips.unless_possible(os.name != "nt", "POSIX file system")
def test_what_the_walk_could_not_read_ends_in_three(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    (folder / "b.py").symlink_to("/etc/hostname")
    (folder / "c.py").symlink_to("nowhere")
    os.mkfifo(folder / "d.py")
    for _ in range(2):
        code, document = result(tmp_path, str(folder))
        assert code == 3
        assert [skip["path"] for skip in document["skipped"]] == ["b.py", "c.py", "d.py"]
        assert document["evidence"]["facts"]["coverage"]["not_read"] == 3


def test_a_baseline_silences_what_stood_before(project: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    run(["scan", "shadow-ai", str(project), "-f", "json", "-o", str(base)])
    (project / "chat.py").write_text("# a new first line\n" + CALL)
    assert result(tmp_path, str(project), "--baseline", str(base))[0] == 0
    (project / "new.ts").write_text('fetch("https://api.groq.com/openai/v1/models")')
    code, document = result(tmp_path, str(project), "--baseline", str(base))
    assert code == 1
    assert [finding["path"] for finding in document["findings"]] == ["new.ts"]


def test_services_are_valid_cyclonedx(project: Path, tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    services = tmp_path / "services.cdx.json"
    result(tmp_path, str(project), "--services", str(services))
    text = services.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert json.loads(text)["services"][0]["endpoints"] == ["https://api.deepseek.com"]


def test_inline_waivers_are_read_but_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.py").write_text(
        "from openai import OpenAI\nclient = OpenAI()  # secpipe: allow shadow-ai: only synthetic data\n"
    )
    code, document = result(tmp_path, str(folder))
    assert code == 1
    assert document["evidence"]["facts"]["uses"][0]["waiver"] == "only synthetic data"
    policy = tmp_path / "policy.toml"
    policy.write_text("[shadow_ai]\ninline_waivers = true\n")
    assert result(tmp_path, str(folder), "--policy", str(policy))[0] == 0


def git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, env=environment)


@skips.unless_installed(GIT, "git is not installed")
def test_diff_reports_only_what_changed(project: Path, tmp_path: Path) -> None:
    git(project, "init")
    git(project, "add", "-A")
    git(project, "commit", "-m", "x")
    assert result(tmp_path, str(project), "--diff", "HEAD")[0] == 0
    (project / "new.py").write_text('import os\nfrom openai import OpenAI\nOpenAI(base_url=os.environ["WHERE"])\n')
    (project / ".env").write_text("WHERE=https://api.groq.com/openai/v1\n")
    git(project, "add", ".env")
    git(project, "commit", "-m", "env")
    code, document = result(tmp_path, str(project), "--diff", "HEAD")
    assert code == 1
    assert [finding["details"]["host"] for finding in document["findings"]] == ["api.groq.com"]
    assert run(["scan", "shadow-ai", str(project), "--diff", "no-such-commit"]) == 3
    assert run(["scan", "shadow-ai", str(project), "--diff", "--output=x"]) == 3


@skips.unless_installed(GIT, "git is not installed")
def test_a_hostile_repository_runs_nothing(project: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    git(project, "init")
    (project / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(project, "add", "-A")
    git(project, "commit", "-m", "x")
    for key in (
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.smudge",
        "diff.external",
        "diff.evil.textconv",
        "core.pager",
        "core.sshCommand",
    ):
        git(project, "config", key, str(program))
    git(project, "config", "core.hooksPath", str(tmp_path))
    git(project, "config", "extensions.worktreeConfig", "true")
    (project / "chat.py").write_text(CALL + "\n")
    tree = open_tree(project)
    assert changed(tree, tree.root, "HEAD", GIT) == {"chat.py"}
    assert not marker.exists()


def fake(folder: Path, body: str) -> str:
    program = folder / "semgrep"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    "body", ["exit 2", "echo no-json", "echo '{}'", 'echo \'{"results": [], "paths": {"scanned": []}}\'', "kill -9 $$"]
)
def test_a_semgrep_that_fails_is_not_checked(tmp_path: Path, body: str) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.ts").write_text('import OpenAI from "openai"; new OpenAI();')
    evidence = scan(open_tree(folder), semgrep=fake(tmp_path, body))
    assert [skip.reason.partition(":")[0] for skip in evidence.skips] == ["semgrep did not look"]
    assert evidence.facts["uses"]


@skips.unless_possible(os.name != "nt", "the fake is a shell script")
def test_a_semgrep_that_hangs_is_stopped_and_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semgrep, "_SECONDS", 0.5)
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.ts").write_text('import OpenAI from "openai"; new OpenAI();')
    body = f"echo $$ > {tmp_path}/pid\nsleep 600 &\necho $! > {tmp_path}/child\nwait"
    evidence = scan(open_tree(folder), semgrep=fake(tmp_path, body))
    assert [skip.reason for skip in evidence.skips] == [
        "semgrep did not look: semgrep took longer than 0 s and was stopped"
    ]
    assert "semgrep" not in evidence.facts["engines"]
    assert evidence.facts["uses"]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@skips.unless_possible(os.name != "nt", "the fake is a shell script")
def test_semgrep_has_no_home_and_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SEMGREP_APP_TOKEN", "t0ken")
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.ts").write_text('import OpenAI from "openai"; new OpenAI();')
    body = f'mkdir "$HOME/.semgrep" && touch "$HOME/.semgrep/settings.yml" && env > {tmp_path}/env; exit 2'
    scan(open_tree(folder), semgrep=fake(tmp_path, body))
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert not list(home.iterdir())
    assert seen["HOME"] != str(home)
    assert not Path(seen["HOME"]).exists()
    assert "SEMGREP_APP_TOKEN" not in seen


def test_semgrep_is_never_started_without_candidates(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.ts").write_text("export const a = 1;")
    evidence = scan(open_tree(folder), semgrep=fake(tmp_path, f"touch {tmp_path}/started; exit 2"))
    assert not evidence.skips
    assert not (tmp_path / "started").exists()


@pytest.mark.interop
@skips.unless_installed(SEMGREP, "semgrep is not installed")
def test_the_real_semgrep_reads_our_rules() -> None:
    source = (
        b'import OpenAI from "openai";\n'
        b'function f() { const u = "https://api.groq.com/openai/v1"; return new OpenAI({ baseURL: u }); }\n'
    )
    found = look(str(SEMGREP), {"src/../a.ts": source, "b.go": b"package main\n"}, read_catalogue())
    assert [sign.provider for sign in found["src/../a.ts"]] == ["groq"]
    with pytest.raises(SecpipeError):
        look("/nonexistent/semgrep", {"a.ts": b""}, read_catalogue())
