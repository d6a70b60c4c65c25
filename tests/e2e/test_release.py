"""The release: the same bytes wherever it is built, told by its own AI-BOM, and only what the commit holds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from secpipe import __version__
from tests.e2e.releases import IDENTITY, MARKS, PLANTED, ROOT, Build, Machine, build_otherwise, run

pytestmark = MARKS


@pytest.fixture(scope="module")
def again(built: Build) -> Iterator[Build]:
    """Build the same commit in another world; the world is readable for another user, unlike pytest's own folder."""
    scratch = Path(tempfile.mkdtemp(prefix="secpipe-release-"))
    scratch.chmod(0o755)
    yield build_otherwise(built.dist.parent, scratch)
    shutil.rmtree(scratch)


def test_two_builds_are_the_same_bytes(built: Build, again: Build) -> None:
    first, second = built.files, again.files
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == [], again.varied


def test_files_of_the_release(built: Build) -> None:
    names = set(built.files)
    assert {f"secpipe-{__version__}{end}" for end in (".tar.gz", ".cdx.json", ".provenance.json")} <= names
    assert len(names) == 6
    for line in built.one("SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256(built.files[name]).hexdigest() == digest


def test_nothing_but_what_the_commit_holds(again: Build) -> None:
    assert (again.dist.parent / PLANTED).exists()
    with zipfile.ZipFile(again.one(".pyz")) as pyz, tarfile.open(again.one(".tar.gz")) as sdist:
        assert not [name for name in (*pyz.namelist(), *sdist.getnames()) if name.endswith(PLANTED)]


def test_uncommitted_changes_are_no_release(built: Build, tmp_path: Path) -> None:
    changed = tmp_path / "source"
    run("git", "clone", "--quiet", built.dist.parent, changed)
    with (changed / "README.md").open("a") as file:
        file.write("x")
    words = ["sh", "scripts/dist.sh", sys.executable, "dist"]
    done = subprocess.run(words, cwd=changed, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "dist: some changes are in no commit: git stash\n")
    assert not (changed / "dist").exists()


def test_wheel_sdist_and_one_file_hold_the_same_product(built: Build) -> None:
    with zipfile.ZipFile(built.one(".whl")) as wheel, zipfile.ZipFile(built.one(".pyz")) as pyz:
        names = [name for name in wheel.namelist() if name.startswith("secpipe/")]
        assert {name: wheel.read(name) for name in names} == {name: pyz.read(f"site/{name}") for name in names}
    with tarfile.open(built.one(".tar.gz")) as sdist:
        owners = {(member.uid, member.gid, member.uname) for member in sdist}
        assert owners == {(0, 0, "")}
        inside = {member.name.partition("/")[2] for member in sdist}
    assert {name for name in names if "_policies" not in name} <= inside


def test_the_ai_bom_is_complete_and_holds_against_the_bytes(built: Build, tmp_path: Path) -> None:
    bom = json.loads(built.one(".cdx.json").read_text())
    locked = {
        line.split("==")[0] for line in (ROOT / "requirements/release.txt").read_text().splitlines() if "==" in line
    }
    libraries = {part["name"] for part in bom["components"] if part["type"] == "library"}
    assert locked <= libraries | {"colorama"}  # Windows alone
    assert not [entry for entry in bom["metadata"]["properties"] if entry["name"] == "secpipe:skipped"]
    with zipfile.ZipFile(built.one(".pyz")) as pyz:
        pyz.extractall(tmp_path)
    env = os.environ | {"HOME": str(tmp_path)}
    words = [sys.executable, "-m", "secpipe", "sbom", "verify", built.one(".cdx.json"), tmp_path / "site"]
    assert subprocess.run(words, env=env, capture_output=True, cwd=ROOT).returncode == 0
    with (tmp_path / "site/click/core.py").open("a") as file:
        file.write("\n")
    assert subprocess.run(words, env=env, capture_output=True, cwd=ROOT).returncode == 1


def test_provenance_names_commit_and_every_wheel(built: Build) -> None:
    definition = json.loads(built.one(".provenance.json").read_text())["buildDefinition"]
    source, *wheels = definition["resolvedDependencies"]
    assert source["digest"]["gitCommit"] == run("git", "rev-parse", "HEAD", cwd=built.dist.parent).decode().strip()
    lock = (ROOT / "requirements/release.txt").read_text()
    assert len(wheels) >= 20
    assert all(wheel["digest"]["sha256"] in lock for wheel in wheels)


@pytest.fixture
def machine(built: Build, tmp_path: Path) -> Machine:
    home = tmp_path / "home"
    home.mkdir()
    return Machine(built.one(".pyz"), home)


def test_it_runs_where_nothing_but_python_is(machine: Machine) -> None:
    assert machine.holds().stderr == ""
    assert machine.folder.stat().st_mode & 0o777 == 0o700
    assert list(machine.folder.parent.iterdir()) == [machine.folder]
    stamp = machine.folder.stat().st_mtime_ns
    (machine.home / "shop").mkdir()
    (machine.home / "shop/app.py").write_text("import openai\nopenai.OpenAI()\n")
    done = machine("check", "shop")
    assert done.returncode in (1, 3)
    assert "OpenAI" in done.stdout
    assert machine("keys", "schemes").returncode == 0  # cryptography's compiled parts
    done = machine("scan", "models", "shop")
    assert (done.returncode, done.stderr) == (0, "") or done.returncode == 0
    assert machine.folder.stat().st_mtime_ns == stamp, "unpacked once"
    assert not list(machine.folder.rglob("__pycache__"))


def test_first_starts_at_one_time(machine: Machine) -> None:
    argv = [sys.executable, "-IS", machine.pyz, "--version"]
    starts = [
        subprocess.Popen(argv, env={"HOME": str(machine.home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(5)
    ]
    assert [(start.communicate(timeout=120), start.returncode) for start in starts] == [
        ((f"secpipe, version {__version__}\n".encode(), b""), 0)
    ] * 5
    assert list(machine.folder.parent.iterdir()) == [machine.folder]


def test_a_hook_that_it_installs_runs_it(machine: Machine) -> None:
    repository = machine.home / "repository"
    repository.mkdir()
    git = ["git", "-c", "init.defaultBranch=main", "-C", str(repository)]
    subprocess.run([*git, "init", "-q"], check=True)
    done = machine("hook", "install", "pre-commit", "--mode", "warn", flags="-I")
    assert done.returncode == 2  # the home is no repository
    argv = [sys.executable, "-I", machine.pyz, "hook", "install", "pre-commit", "--mode", "warn"]
    env = {"HOME": str(machine.home), "PATH": "/usr/bin:/bin"} | IDENTITY
    subprocess.run(argv, cwd=repository, env=env, check=True, capture_output=True)
    assert str(machine.pyz) in (repository / ".git/hooks/pre-commit").read_text()
    (repository / "app.py").write_text("import openai\nopenai.OpenAI()\n")
    subprocess.run([*git, "add", "."], check=True)
    done = subprocess.run([*git, "commit", "-qm", "x"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "OpenAI" in done.stdout + done.stderr
