"""Locks that cannot rot: years of newer releases beside the locked ones, and the same environment comes out.

Runs scripts/venv.sh with the oldest pip that is supported, the newest, and uv, against an index on loopback.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import skips
from tests.e2e.package_index import Index, serving, wheel, wheel_of_installed

ROOT = Path(__file__).resolve().parents[2]
#: Another copy of the scripts can be put to the same test.
VENV = Path(os.environ.get("SECPIPE_TEST_VENV_SH", ROOT / "scripts/venv.sh"))
OLDEST = "22.3"
INSTALLERS = (f"pip-{OLDEST}", "pip-newest", "uv")
#: A Python whose environments hold one chosen pip.
PYTHON = """#!/bin/sh
if [ "$1 $2" != "-m venv" ]; then exec "{real}" "$@"; fi
shift 2
"{real}" -m venv --without-pip "$@" || exit 1
for folder; do :; done
for site in "$folder"/lib/python3*/site-packages; do echo "{pip}" >"$site/pip.pth"; done
"""


def lacking(why: str) -> None:
    """Skip; in CI what is lacking is a failure."""
    skips.missing(why)


@pytest.fixture(scope="session")
def pips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The oldest supported and the newest pip, unpacked, from the registry that this machine is set up for."""
    found = {}
    for name, what in ((f"pip-{OLDEST}", f"pip=={OLDEST}"), ("pip-newest", "pip")):
        folder = tmp_path_factory.mktemp(name)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run([*pip, "--dest", folder, what], capture_output=True, text=True)
        wheels = list(folder.glob("pip-*.whl"))
        if done.returncode or len(wheels) != 1:
            lacking(f"{what} cannot be had: {done.stderr[-300:]}")
        found[name] = folder / "unpacked"
        shutil.unpack_archive(wheels[0], found[name], "zip")
    return found


@pytest.fixture
def index() -> Iterator[Index]:
    with serving(Index()) as served:
        yield served


def today(index: Index) -> str:
    """Serve what was there when the lock was made; return the lock."""
    version, packaging = wheel_of_installed("packaging")
    return (
        index.add("shopping", "1.0", wheel("shopping", "1.0", requires=("basket[mail]>=1", "scales>=1")))
        + index.add("basket", "1.0", wheel("basket", "1.0", extras=("mail",), requires=('stamps>=1; extra == "mail"',)))
        + index.add("scales", "1.0", wheel("scales", "1.0"))
        + index.add("stamps", "1.0", wheel("stamps", "1.0"))
        + index.add("packaging", version, packaging)
    )


def two_years_later(index: Index) -> list[str]:
    """Serve newer releases too; return their file names."""
    before = set(index.files)
    # an extra, asked for by a locked package, and its needs changed: what an old pip refuses the whole lock for
    letters = ('letters>=2; extra == "mail"',)
    index.add("basket", "1.1", wheel("basket", "1.1", extras=("mail",), requires=letters))
    index.add("basket", "2.0", wheel("basket", "2.0", extras=("mail",), requires=letters))
    index.add("letters", "2.0", wheel("letters", "2.0"))
    # one that would break us, and that needs what nobody has
    index.add("scales", "9.0", wheel("scales", "9.0", requires=("nowhere>=1",), code="raise SystemExit('broken')\n"))
    index.add("stamps", "1.0.post1", wheel("stamps", "1.0.post1"))
    index.add("shopping", "2.0", wheel("shopping", "2.0", requires=("basket[mail]>=2",)))
    for tool in ("pip", "setuptools", "wheel", "hatchling"):
        index.add(tool, "999", wheel(tool, "999", code="raise SystemExit('broken')\n"))
    return sorted(set(index.files) - before)


def surroundings(folder: Path, url: str) -> dict[str, str]:
    """An environment in which nothing but the index on loopback is configured."""
    (folder / "home").mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder),
        "NO_PROXY": "127.0.0.1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": url,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "UV_NO_CONFIG": "1",
        "UV_DEFAULT_INDEX": url,
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "UV_HTTP_RETRIES": "0",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def install(
    folder: Path, lock: str, url: str, installer: str, pip: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the script on a lock; the environment is `folder`/made."""
    python = folder / "python"
    (folder / "lock.txt").write_text(lock)
    env = surroundings(folder, url)
    if pip:
        python.write_text(PYTHON.format(real=sys.executable, pip=pip))
        python.chmod(0o755)
    else:
        python = Path(sys.executable)
    if installer == "uv":
        env["UV"] = str(Path(sys.executable).with_name("uv"))
    command = ["sh", VENV, python, folder / "made", folder / "lock.txt"]
    return subprocess.run(command, env=env, capture_output=True, text=True, cwd=folder)


def holds(folder: Path) -> dict[str, str]:
    """Return what the environment made holds, less pip and setuptools."""
    places = [str(path) for path in (folder / "made").glob("lib/python3*/site-packages")]
    return {each.name: each.version for each in distributions(path=places) if each.name not in {"pip", "setuptools"}}


def too_new_for_oldest() -> bool:
    return sys.version_info >= (3, 12)  # pip 22.3 does not run there, and no such Python brings it


@pytest.mark.parametrize("installer", INSTALLERS)
def test_the_same_lock_gives_the_same_environment_years_later(
    installer: str, tmp_path: Path, index: Index, pips: dict[str, Path]
) -> None:
    if installer == f"pip-{OLDEST}" and too_new_for_oldest():
        skips.cannot(f"pip {OLDEST} does not run on Python {sys.version_info[0]}.{sys.version_info[1]}")
    lock = today(index)
    newer = two_years_later(index)
    done = install(tmp_path, lock, index.url, installer, pips.get(installer))
    assert done.returncode == 0, done.stderr
    packaging = wheel_of_installed("packaging")[0]
    assert holds(tmp_path) == {
        "shopping": "1.0",
        "basket": "1.0",
        "scales": "1.0",
        "stamps": "1.0",
        "packaging": packaging,
    }
    assert [path for path in index.asked if path.rpartition("/")[2] in newer] == []
    # A second run finds it done and asks nobody.
    index.asked.clear()
    assert install(tmp_path, lock, index.url, installer, pips.get(installer)).stderr == ""
    assert index.asked == []


def test_the_index_would_trap_one_who_resolves(tmp_path: Path, index: Index, pips: dict[str, Path]) -> None:
    """The control: without `--no-deps` the oldest pip refuses the very same lock."""
    if too_new_for_oldest():
        skips.cannot("the oldest pip does not run on this Python")
    (tmp_path / "lock.txt").write_text(today(index))
    two_years_later(index)
    pip = [
        sys.executable,
        "-I",
        pips[f"pip-{OLDEST}"] / "pip",
        "install",
        "--target",
        tmp_path / "made",
        "--require-hashes",
    ]
    env = surroundings(tmp_path, index.url)
    done = subprocess.run([*pip, "-r", tmp_path / "lock.txt"], env=env, capture_output=True, text=True)
    assert done.returncode != 0
    assert "all requirements must have their versions pinned" in done.stderr


def altered(index: Index, lock: str) -> str:
    index.files["scales-1.0-py3-none-any.whl"] = wheel("scales", "1.0", code="evil = True\n")
    return lock


def gone(index: Index, lock: str) -> str:
    del index.files["scales-1.0-py3-none-any.whl"]
    return lock


def other_machine(index: Index, lock: str) -> str:
    index.files["scales-1.0-cp27-cp27m-win32.whl"] = index.files.pop("scales-1.0-py3-none-any.whl")
    return lock


def unreachable(index: Index, lock: str) -> str:
    index.url = "http://127.0.0.1:9/simple/"
    return lock


@pytest.mark.parametrize("installer", ["pip-newest", "uv"])
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (altered, "serves other files than the lock names"),
        (gone, "does not have scales==1.0"),
        (other_machine, "no wheel of scales==1.0 for this Python"),
        (unreachable, "cannot be reached"),
    ],
)
def test_the_message_names_the_true_cause(
    installer: str, harm: object, words: str, tmp_path: Path, index: Index, pips: dict[str, Path]
) -> None:
    lock = harm(index, today(index))  # type: ignore[operator]
    done = install(tmp_path, lock, index.url, installer, pips.get(installer))
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("venv: ")
    assert words in last, done.stderr
    assert not (tmp_path / "made/.installed").exists()


@pytest.mark.parametrize("installer", ["pip-newest", "uv"])
def test_a_lock_that_misses_what_an_extra_needs_is_told(
    installer: str, tmp_path: Path, index: Index, pips: dict[str, Path]
) -> None:
    entries = today(index).split("stamps==1.0")
    lock = entries[0] + entries[1].partition("\n")[2].partition("\n")[2]
    done = install(tmp_path, lock, index.url, installer, pips.get(installer))
    assert done.returncode == 1
    assert re.search(r"basket 1\.0 needs stamps>=1.*, which is not installed", done.stderr), done.stderr
    assert not (tmp_path / "made/.installed").exists()


def needed(name: str) -> set[str]:
    """Return the names, as files spell them, of a package and all it needs here."""
    found = {name.replace("-", "_")}
    for need in map(Requirement, distribution(name).requires or ()):
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            found |= needed(need.name)
    return found


def test_building_our_wheel_fetches_nothing(tmp_path: Path, index: Index, pips: dict[str, Path]) -> None:
    """The build backend is the locked one: a newer hatchling on the index is never asked for."""
    lock = "".join(index.add(name, *wheel_of_installed(name)) for name in sorted(needed("hatchling")))
    two_years_later(index)
    made = install(tmp_path, lock, index.url, "pip-newest", pips["pip-newest"])
    assert made.returncode == 0, made.stderr
    for name in ("install-wheel.sh", "whole.py"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    (tmp_path / "secpipe").mkdir()
    (tmp_path / "secpipe/__init__.py").write_text("")
    project = '[build-system]\nrequires = ["hatchling>=1"]\nbuild-backend = "hatchling.build"\n'
    project += '[project]\nname = "secpipe"\nversion = "0"\ndependencies = [{}]\n'
    command = ["sh", tmp_path / "scripts/install-wheel.sh", "made", "lock.txt", "secpipe"]
    index.asked.clear()
    for needs, code in (('"packaging>=1"', 0), ('"packaging>=1", "basket[mail]"', 1)):
        (tmp_path / "pyproject.toml").write_text(project.format(needs))
        done = subprocess.run(command, env=surroundings(tmp_path, index.url), capture_output=True, text=True)
        assert done.returncode == code, done.stderr
    assert "secpipe 0 needs basket[mail], which is not installed" in done.stderr
    assert index.asked == []
