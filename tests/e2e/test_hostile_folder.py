"""Started inside a hostile folder, secpipe imports nothing of it: its script, its hook, its CI step."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.system import process
from tests import skips

pytestmark = skips.unless_possible(sys.platform != "win32", "POSIX processes")
ROOT = Path(__file__).resolve().parents[2]
#: What secpipe imports, or Python by itself, first of all.
NAMES = (
    "secpipe/__init__.py", "secpipe/__main__.py", "secpipe/cli/main.py", "click/__init__.py", "json.py", "typing.py",
    "dataclasses.py", "tomllib.py", "sitecustomize.py", "usercustomize.py", "_virtualenv.py",
)  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder in which every module leaves a mark when it is imported."""
    folder = tmp_path / "hostile"
    for name in NAMES:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"import os\nos.close(os.open({str(tmp_path / 'ran')!r}, os.O_CREAT))\n")
    (folder / "requirements.txt").write_text("click==8.1.8\n")
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The program as an installer writes it for an entry point."""
    program = tmp_path / "bin/secpipe"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom secpipe.cli.main import main\nsys.exit(main())\n")
    program.chmod(0o755)
    return program


def run(words: list[str | Path], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    places = {"SECPIPE_HOME": str(folder.parent / "home"), "SECPIPE_CACHE": str(folder.parent / "cache")}
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | places | more
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_the_script_and_the_words_of_the_hook_run_nothing_of_the_folder(hostile: Path, script: Path) -> None:
    for words in ([script], process.ourselves()):
        assert "version" in run([*words, "--version"], hostile).stdout
    assert "version" in run([*process.ourselves(), "--version"], hostile, PYTHONPATH=".").stdout
    assert not (hostile.parent / "ran").exists()


@pytest.mark.parametrize("path", [".", "", ":/nowhere"])
def test_the_ci_step_runs_nothing_of_the_folder(hostile: Path, script: Path, path: str) -> None:
    subprocess.run(["git", "init", "-q"], cwd=hostile, check=True)
    search = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    done = run(["sh", ROOT / "scripts/ci-judge.sh", ".", "origin", ""], hostile, PYTHONPATH=path, PATH=search)
    assert " for prod" in done.stdout, done.stderr
    assert not (hostile.parent / "ran").exists()


def test_nothing_that_we_write_or_show_starts_secpipe_as_a_module_of_the_folder() -> None:
    shown = re.compile(r"-m secpipe\b")
    safe = re.compile(r"-(?:I|P|E -P) -m secpipe\b")
    places = [ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml", ROOT / ".ci/run", ROOT / "Makefile"]
    for folder in ("scripts", "policies/starter", "docs", "examples", "secpipe"):
        places += [
            file for file in (ROOT / folder).rglob("*") if file.suffix in {".sh", ".yml", ".groovy", ".md", ".py"}
        ]
    for place in [*places, ROOT / "README.md"]:
        for line in place.read_text().splitlines():
            if "Plain `python -m secpipe`" not in line and place.name != "__main__.py":
                assert len(shown.findall(line)) == len(safe.findall(line)), f"{place}: {line}"
