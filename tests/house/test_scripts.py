"""The scripts of a fresh machine: one line names what is missing, and CI lacks none of its tools."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.gate.policies import policy_file
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
PREFLIGHT = ROOT / "scripts/preflight.sh"


def preflight(python: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", PREFLIGHT, python], capture_output=True, text=True)


def fake_python(folder: Path, body: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_preflight_says_nothing_about_a_good_python() -> None:
    done = preflight(sys.executable)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_preflight_names_what_is_missing_in_one_line(tmp_path: Path) -> None:
    old = fake_python(tmp_path, 'case "$*" in *version_info*) exit 1;; *) echo "Python 3.9.2";; esac')
    cases = {
        str(tmp_path / "none"): "install Python 3.11 or newer",
        str(old): "Python 3.9.2, too old",
    }
    for python, words in cases.items():
        done = preflight(python)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert words in done.stderr
    bare = fake_python(tmp_path, 'case "$*" in *ensurepip*) exit 1;; *) exit 0;; esac')
    assert "python3-venv" in preflight(bare).stderr


@pytest.mark.parametrize(("pip", "code"), [("21.2.3", 2), ("22.2.2", 2), ("22.3", 0), ("23.0.1", 0), ("100.0b1", 0)])
def test_preflight_states_the_oldest_pip(pip: str, code: int, tmp_path: Path) -> None:
    python = fake_python(tmp_path, f'case "$*" in *version\\(\\)*) echo {pip};; *) exec {sys.executable} "$@";; esac')
    done = preflight(python)
    assert done.returncode == code
    said = f"preflight: {python} brings pip {pip}, too old: secpipe needs 22.3 or newer: "
    assert done.stderr.startswith(said if code else "")
    assert done.stderr.count("\n") == (1 if code else 0)


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_plain_posix_shell(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n# ")
    shell = shutil.which("dash") or "sh"
    assert subprocess.run([shell, "-n", script], capture_output=True).returncode == 0


@skips.unless_possible(skips.IN_CI, "only in CI (.ci/run) is a missing tool a failure")
def test_ci_has_every_tool_that_it_needs() -> None:
    tools = Path(sys.executable).parent
    lacking = [name for name in ("semgrep", "pip-audit", "sigstore") if not (tools / name).exists()]
    lacking += [name for name in ("openssl", "git") if not shutil.which(name)]
    lacking += [name for name in ("pyrage", "tuf", "pkcs11", "jsonschema") if not importlib.util.find_spec(name)]
    assert not lacking, f"CI lacks {', '.join(lacking)}"


def test_our_own_policy_is_pinned_in_ci() -> None:
    digest = policy_file.load(str(ROOT / ".ci/policy.toml")).digest
    assert f"pin=sha256:{digest}\n" in (ROOT / "scripts/self-check.sh").read_text(), "the policy has a new pin"


def test_what_the_self_check_leaves_out_is_data_that_names_services() -> None:
    left_out = policy_file.load(str(ROOT / ".ci/policy.toml")).values["exclude"]
    assert tuple(left_out) == (
        "secpipe/_policies/ai-providers", "secpipe/_policies/cases", "secpipe/_policies/rules/shadow-ai.toml",
        "secpipe/_policies/agents", "secpipe/_policies/rules/agents.toml",
    )  # fmt: skip
    for name in left_out:
        place = ROOT / name.replace("secpipe/_policies", "policies")
        files = [place] if place.is_file() else list(place.rglob("*"))
        assert files
        assert {file.suffix for file in files if file.is_file()} == {".toml"}


@pytest.mark.slow
def test_a_change_passes_the_self_check_neither_by_an_attribute_nor_by_breaking_the_judge(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("secpipe", "policies", "scripts", "requirements", ".ci"):
        shutil.copytree(ROOT / name, repository / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, repository)

    def git(*words: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=n@x.example"]
        subprocess.run(["git", "-C", str(repository), *who, *words], check=True)

    def judged() -> subprocess.CompletedProcess[str]:
        script = repository / "scripts/self-check.sh"
        return subprocess.run(["sh", script, sys.executable], capture_output=True, text=True)

    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-qm", "base"],
        ["checkout", "-qb", "change"],
    ):
        git(*words)
    assert judged().returncode == 0
    (repository / ".gitattributes").write_text("evil.py export-ignore\n")
    (repository / "secpipe/evil.py").write_text("import openai\nopenai.OpenAI()\n")
    (repository / "secpipe/gate/decide.py").write_text("raise SystemExit(0)\n")
    git("add", "-A")
    git("commit", "-qm", "evil")
    done = judged()
    assert (done.returncode, "secpipe/evil.py" in done.stdout) == (1, True)
