"""The doors of CI: what the composite action's steps show people, and pre-commit with both hook ids."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips
from tests.e2e.ci_steps import ACTION, ROOT, Job, commit, git
from tests.e2e.transcript import Shell

pytestmark = skips.unless_possible(sys.platform != "win32" and shutil.which("bash"), "the steps are bash")
UNAPPROVED = 'from openai import OpenAI\nclient = OpenAI(base_url="https://api.deepseek.com/v1")\n'


@pytest.fixture
def runner(tmp_path: Path) -> Job:
    """A runner that checked a clean project out, with our secpipe where the first step would have put one."""
    upstream, project = tmp_path / "upstream", tmp_path / "project with space"
    upstream.mkdir()
    git(upstream, "init", "-q", "-b", "main")
    commit(upstream, {"requirements.txt": "click==8.1.8\n", "app.py": "print(1)\n"})
    git(tmp_path, "clone", "-q", str(upstream), str(project))
    job = Job("action", tmp_path / "machine", project, upstream)
    job.install_ours()
    return job


def test_no_step_of_the_action_pastes_an_input_into_its_script() -> None:
    assert all("${{" not in step["run"] for step in ACTION["runs"]["steps"])
    assert all(step["shell"] == "bash" for step in ACTION["runs"]["steps"])


def test_a_clean_project_passes_with_summary_and_sarif(runner: Job) -> None:
    done = runner.judge()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS for prod" in (runner.folder / "summary.md").read_text()
    assert (runner.project / "secpipe.sarif").is_file()


def test_a_bad_project_fails_with_annotations_and_still_writes_its_reports(runner: Job) -> None:
    (runner.project / "app.py").write_text(UNAPPROVED)
    done = runner.judge()
    assert done.returncode == 1
    assert "::error file=app.py,line=2" in done.stdout
    assert "BLOCKED" in (runner.folder / "summary.md").read_text()
    assert (runner.project / "secpipe.sarif").is_file()


def test_inputs_are_words_never_code(runner: Job, tmp_path: Path) -> None:
    mark = tmp_path / "PWNED"
    for name in ACTION["inputs"]:
        runner.inputs = {name: f'$(touch {mark}); `touch {mark}` "; touch {mark}; "'}
        done = runner.judge()
        assert not mark.exists(), name
        assert done.returncode != 0 or name == "sarif", name


def test_it_fails_closed_when_secpipe_is_not_there(runner: Job) -> None:
    shutil.rmtree(runner.work / "secpipe-venv")
    assert runner.judge().returncode == 3


def test_a_github_job_is_recognised(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.cwd / "app.py").write_text(UNAPPROVED)
    summary = shell.cwd.parent / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    _, out, _ = shell("secpipe check .")
    assert out.startswith("BLOCKED for prod")
    assert "::error file=app.py,line=2" in out
    assert summary.read_text().startswith("before\n")
    assert "BLOCKED for prod" in summary.read_text()
    _, out, _ = shell("secpipe check . -f json")
    assert "::error" not in out


def test_a_gitlab_job_is_recognised(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.cwd / "app.py").write_text(UNAPPROVED)
    monkeypatch.setenv("GITLAB_CI", "true")
    shell("secpipe check .")
    report = json.loads((shell.cwd / "gl-code-quality-report.json").read_text())
    assert [item["location"]["path"] for item in report if "deepseek" in item["description"]] == ["app.py"]


@pytest.fixture
def pre_commit() -> str:
    beside = ROOT / ".venv-workflows/bin/pre-commit"
    found = str(beside) if beside.exists() else shutil.which("pre-commit")
    if not found:
        skips.missing("pre-commit is not here (make tools)")
    return found


def _hooks_repository(folder: Path) -> Path:
    """Return a repository of this checkout's committed files: what `rev:` in a pre-commit configuration names."""
    hooks = folder / "hooks"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(hooks)], check=True, capture_output=True)
    return hooks


@pytest.mark.parametrize(
    "identity", ["secpipe-system", pytest.param("secpipe", marks=pytest.mark.slow)]
)  # the second installs secpipe with its dependencies
def test_pre_commit_runs_the_hook(identity: str, pre_commit: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "-q")
    (project / "requirements.txt").write_text("click==8.1.8\n")
    (project / "app.py").write_text(UNAPPROVED)
    git(project, "add", ".")
    program = tmp_path / "bin/secpipe"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m secpipe "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "SECPIPE_HOME": str(tmp_path / "home"),
    }
    argv = [pre_commit, "try-repo", str(_hooks_repository(tmp_path)), identity, "--all-files", "--verbose"]
    offline = ["unshare", "-n"] if identity == "secpipe-system" and os.geteuid() == 0 else []
    blocked = subprocess.run(
        [*offline, *argv], cwd=project, env=environment, capture_output=True, text=True, timeout=600
    )
    assert blocked.returncode == 1, blocked.stdout + blocked.stderr
    assert "api.deepseek.com" in blocked.stdout
    (project / "app.py").write_text("print(1)\n")
    git(project, "add", ".")
    passed = subprocess.run(
        [*offline, *argv], cwd=project, env=environment, capture_output=True, text=True, timeout=600
    )
    assert passed.returncode == 0, passed.stdout + passed.stderr
