"""The steps that CI runs, out of what `secpipe init` writes and out of action.yml, under the platform's own shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from secpipe.gate import starter_ci
from secpipe.system.installed import Source

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
PLATFORMS = ("github", "gitlab", "jenkins", "action")


def written(platform: str, source: Source = Source()) -> str:  # noqa: B008
    """Return the text of the step that init writes."""
    return dict(starter_ci.steps((platform,), source, "main"))[starter_ci.STEPS[platform][0]]


def scripts(platform: str, source: Source = Source()) -> tuple[str, str]:  # noqa: B008
    """Return the shell of the two steps: get secpipe, judge."""
    if platform == "action":
        get, judge = (step["run"] for step in ACTION["runs"]["steps"])
        return get, judge
    text = written(platform, source)
    if platform == "jenkins":
        get, judge = re.findall(r"sh '''(.*?)'''", text, re.DOTALL)
        return get, judge
    document = yaml.safe_load(text)
    if platform == "github":
        get, judge = (step["run"] for step in document["jobs"]["check"]["steps"] if "run" in step)
        return get, judge
    get, judge = document["secpipe"]["script"]
    return get, judge


@dataclass
class Job:
    """One job on a machine: the folder it works in, and the variables that the platform sets."""

    platform: str
    folder: Path  # of the machine
    project: Path  # the checked-out change
    upstream: Path
    inputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("home", "temp", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def work(self) -> Path:
        """The folder in which the steps keep secpipe."""
        return self.folder / "temp"

    def variables(self) -> dict[str, str]:
        """Return what the platform sets for the change of a fork."""
        if self.platform == "gitlab":
            return {
                "CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_PROJECT_ID": "7",
                "CI_MERGE_REQUEST_PROJECT_ID": "7", "CI_MERGE_REQUEST_PROJECT_URL": str(self.upstream),
                "CI_MERGE_REQUEST_IID": "1", "TMPDIR": str(self.work),
            }  # fmt: skip
        if self.platform == "jenkins":
            return {
                "JENKINS_URL": "http://ci",
                "CHANGE_ID": "1",
                "CHANGE_TARGET": "main",
                "WORKSPACE_TMP": str(self.work),
            }
        runner = {
            "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "RUNNER_TEMP": str(self.work),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"), "PROTECTED": "main", "FETCH_TOKEN": "t0ken",
        }  # fmt: skip
        if self.platform == "github":
            return runner
        given = {name: str(about["default"]) for name, about in ACTION["inputs"].items()} | self.inputs
        env: dict[str, str] = ACTION["runs"]["steps"][1]["env"]
        named = {
            name: given[found[1]] for name, text in env.items() if (found := re.search(r"inputs\.([a-z-]+)", text))
        }
        return runner | named | {"SOURCE": str(ROOT)}

    def install_ours(self) -> None:
        """Put this checkout's secpipe where the first step would have put a pinned one."""
        program = self.work / "secpipe-venv/bin/secpipe"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m secpipe "$@"\n')
        program.chmod(0o755)
        (self.work / "secpipe").mkdir(exist_ok=True)
        if not (self.work / "secpipe/scripts").exists():
            (self.work / "secpipe/scripts").symlink_to(ROOT / "scripts")

    def run(self, script: str, *, missing: tuple[str, ...] = (), **changed: str) -> subprocess.CompletedProcess[str]:
        """Run a step's shell in the project, with nothing in its environment but what the platform sets."""
        always = {
            "PATH": f"{os.path.dirname(shutil.which('git') or '')}:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
        }
        environment = always | self.variables() | changed
        for name in missing:
            environment.pop(name, None)
        shell = ("sh", "-c") if self.platform == "jenkins" else BASH
        return subprocess.run(
            [*shell, script], cwd=self.project, env=environment, capture_output=True, text=True, timeout=1200
        )

    def judge(self, *, missing: tuple[str, ...] = (), **changed: str) -> subprocess.CompletedProcess[str]:
        """Run the second step. GitLab runs all of a job's script in one shell, which knows the first one's folder."""
        script = scripts(self.platform)[1]
        if self.platform == "gitlab":
            script = f"work={self.work}\n{script}"
        return self.run(script, missing=missing, **changed)


def git(folder: Path, *words: str) -> str:
    """Run git as somebody."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"git {words}: {done.stderr}"
    return done.stdout.strip()


def commit(folder: Path, files: dict[str, Any]) -> str:
    """Commit files (text or bytes) and return the digest."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", "change")
    return git(folder, "rev-parse", "HEAD")
