"""The one-file secpipe: on a machine with nothing but Python, and with whatever somebody planted where it unpacks."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from secpipe import __version__
from tests import skips
from tests.e2e.releases import ROOT, Machine

pytestmark = skips.posix
AFRESH = "unpacked afresh for this start"
#: what planted code does: it must never be seen
EVIL = "import os; os.write(1, b'PWNED\\n')\n"
root_only = skips.unless_possible(
    hasattr(os, "geteuid") and os.geteuid() == 0, "another owner can be made by root alone"
)


#: a product in small: the start is what is tried here, the real file is tried in test_release.py
FILES = {
    "secpipe/__init__.py": "", "secpipe/cli/__init__.py": "", "secpipe/_policies/README.md": "data\n",
    "secpipe/cli/main.py": f"""import importlib, importlib.util
import click, typing_extensions, yaml
for name in ("zstandard", "sitecustomize"):
    if importlib.util.find_spec(name):
        importlib.import_module(name)
def main():
    print("secpipe, version {__version__}")
""",
    "click/__init__.py": "from click.core import Context\n", "click/core.py": "Context = object\n" + "# padding\n" * 99,
    "yaml.py": "", "typing_extensions.py": "", "cryptography/_rust.abi3.so": "\x7fELF",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pyz = tmp_path_factory.mktemp("small") / "secpipe.pyz"
    files = {name: text.encode() for name, text in FILES.items()}
    _module("pyz").write(pyz, "any", files, 1_800_000_000, f"{sys.version_info.major}.{sys.version_info.minor}")
    return pyz


@pytest.fixture
def machine(small: Path, tmp_path: Path) -> Machine:
    home = tmp_path / "home"
    home.mkdir()
    return Machine(small, home)


def _change(path: Path) -> None:
    path.write_bytes(EVIL.encode() + path.read_bytes())


def _relink(path: Path) -> None:
    """Leave a link to the very same content, which now lies elsewhere."""
    elsewhere = next(parent for parent in path.parents if parent.name == "home").parent / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _bytecode(path: Path) -> None:
    """Plant bytecode that Python would take for the source's: same time, same size."""
    evil = path.with_name("evil.py")
    evil.write_text(EVIL + "from click.core import Context\n")
    cached = Path(importlib.util.cache_from_source(str(path)))
    py_compile.compile(str(evil), cfile=str(cached), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    evil.unlink()


PLANTED: dict[str, Callable[[Path], None]] = {
    "changed source": lambda folder: _change(folder / "secpipe/cli/main.py"),
    "changed compiled part": lambda folder: _change(next(folder.rglob("_rust.abi3.so"))),
    "changed data": lambda folder: _change(folder / "secpipe/_policies/README.md"),
    "emptied file": lambda folder: (folder / "click/core.py").write_bytes(b""),
    "missing file": lambda folder: (folder / "click/core.py").unlink(),
    "added module": lambda folder: (folder / "sitecustomize.py").write_text(EVIL),
    "added module that is imported by chance": lambda folder: (folder / "zstandard.py").write_text(EVIL),
    "added bytecode": lambda folder: _bytecode(folder / "click/__init__.py"),
    "added folder": lambda folder: (folder / "secpipe/empty").mkdir(),
    "package beside a module": lambda folder: (folder / "typing_extensions").mkdir(),
    "file as a link": lambda folder: _relink(folder / "click/core.py"),
    "folder as a link": lambda folder: _relink(folder / "click"),
    "fifo": lambda folder: _fifo(folder / "click/core.py"),
    "readable folder": lambda folder: folder.chmod(0o755),
    "writable folder": lambda folder: folder.chmod(0o777),
    "writable folder inside": lambda folder: (folder / "click").chmod(0o777),
    "writable file": lambda folder: (folder / "click/core.py").chmod(0o666),
    "the folder as a link": lambda folder: _relink(folder),
    "the folder is a file": lambda folder: (shutil.rmtree(folder), folder.write_text(EVIL), None)[-1],
    "the place is open to all": lambda folder: folder.parent.chmod(0o777),
    "the cache is open to all": lambda folder: folder.parents[1].chmod(0o777),
}


@pytest.mark.parametrize("attack", PLANTED.values(), ids=PLANTED.keys())
def test_what_was_planted_is_never_run(machine: Machine, attack: Callable[[Path], None]) -> None:
    machine.holds()
    attack(machine.folder)
    before = sorted(str(path) for path in machine.home.rglob("*"))
    done = machine.holds()
    assert AFRESH in done.stderr
    assert f"do: rm -r {machine.folder}" in done.stderr
    assert sorted(str(path) for path in machine.home.rglob("*")) == before, "what stands there is left as evidence"


def test_the_command_it_prints_mends_it(machine: Machine) -> None:
    machine.holds()
    _change(machine.folder / "click/core.py")
    command = machine.holds().stderr.partition("do: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert machine.holds().stderr == ""
    assert machine.holds().stderr == ""


@root_only
@pytest.mark.parametrize("place", ["", "click", "click/core.py", "..", "../..", "../../.."])
def test_what_belongs_to_another_user_is_never_run(machine: Machine, place: str) -> None:
    machine.holds()
    os.chown(machine.folder / place, 65534, 65534)
    assert AFRESH in machine.holds().stderr


def test_planted_before_the_first_start(machine: Machine) -> None:
    package = machine.folder / "secpipe/cli"
    package.mkdir(parents=True, mode=0o700)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    (package / "main.py").write_text(EVIL + "def main(): pass\n")
    assert AFRESH in machine.holds().stderr


def test_a_start_that_was_killed_leaves_nothing_that_counts(machine: Machine) -> None:
    half = machine.folder.parent / f"{machine.folder.name[:8]}.abc"
    half.mkdir(parents=True, mode=0o700)
    (half / "click.py").write_text(EVIL)
    assert machine.holds().stderr == ""


@pytest.mark.parametrize("env", [{"HOME": "/proc/nowhere"}, {"HOME": "relative"}, {"SECPIPE_CACHE": "relative"}])
def test_without_a_place_to_keep_it(machine: Machine, env: dict[str, str], tmp_path: Path) -> None:
    done = machine("--version", TMPDIR=str(tmp_path), **env)
    assert (done.returncode, done.stdout) == (0, f"secpipe, version {__version__}\n")
    assert AFRESH in done.stderr
    assert not list(tmp_path.glob("secpipe-*")), "removed at the end"
    assert not list(machine.home.iterdir())


def test_neither_the_work_tree_nor_other_packages_are_imported(machine: Machine) -> None:
    for name in ("click", "yaml", "secpipe", "json", "sitecustomize_"):
        (machine.home / f"{name}.py").write_text(EVIL)
    others = machine.home / "site-packages"
    others.mkdir()
    for name in ("click", "yaml", "secpipe", "semgrep"):
        (others / f"{name}.py").write_text(EVIL)
    done = machine("--version", flags="-B", PYTHONPATH=str(others))
    assert (done.returncode, done.stdout) == (0, f"secpipe, version {__version__}\n"), done.stderr


def test_a_damaged_file_is_undecided(machine: Machine) -> None:
    damaged = machine.home / "damaged.pyz"
    data = bytearray(machine.pyz.read_bytes())
    with zipfile.ZipFile(machine.pyz) as pyz:
        entry = pyz.getinfo("site/click/core.py")
        start = entry.header_offset + 30 + len(entry.filename)  # behind the local header
    data[start + 3] ^= 255
    damaged.write_bytes(data)
    done = Machine(damaged, machine.home)("--version")
    assert done.returncode == 3, done
    assert "damaged: click/core.py" in done.stderr
    assert not list((machine.home / ".cache/secpipe/pyz").iterdir())


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/release/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("python", "platform", "words"),
    [
        ("3.6", "manylinux_2_28_x86_64", "is for CPython 3.6"),
        ("", "manylinux_9_9_x86_64", "needs glibc 9.9"),
        ("", "manylinux_2_28_s390x", "is for Linux with glibc on s390x"),
    ],
)
def test_the_wrong_machine_is_told_so(tmp_path: Path, python: str, platform: str, words: str) -> None:
    if not sys.platform.startswith("linux") or os.uname().machine == "s390x":
        skips.cannot("the names are those of another platform")
    pyz = tmp_path / "secpipe.pyz"
    _module("pyz").write(
        pyz, platform, {}, 1_800_000_000, python or f"{sys.version_info.major}.{sys.version_info.minor}"
    )
    done = Machine(pyz, tmp_path)("--version")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"secpipe: error: secpipe.pyz {words}")


def test_two_wheels_may_not_claim_one_file(tmp_path: Path) -> None:
    for name in ("a-1-py3-none-any.whl", "b-1-py3-none-any.whl"):
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            wheel.writestr("shared.py", "")
    with pytest.raises(ValueError, match=r"shared\.py"):
        _module("pyz").contents([tmp_path / "a-1-py3-none-any.whl", tmp_path / "b-1-py3-none-any.whl"])
