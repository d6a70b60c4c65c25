"""A release built from what the checkout holds now: in a clone, and in another world if asked."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from secpipe import __version__
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
#: for every module that uses the fixture `built`
MARKS = [
    skips.posix,
    skips.unless_possible((ROOT / ".git").exists(), "a release is made from a commit"),
    pytest.mark.xdist_group("release"),
]
_DATE = "2026-11-29T12:00:00Z"
_NAME = "release tests"
IDENTITY = {
    "GIT_AUTHOR_NAME": _NAME, "GIT_AUTHOR_EMAIL": "a@b.example", "GIT_AUTHOR_DATE": _DATE,
    "GIT_COMMITTER_NAME": _NAME, "GIT_COMMITTER_EMAIL": "a@b.example", "GIT_COMMITTER_DATE": _DATE,
}  # fmt: skip
NOBODY = 65534
#: lies in the checkout of the second build, and in no commit
PLANTED = "secpipe/planted.py"


def run(*argv: str | Path, cwd: Path = ROOT, data: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """Run a command that must succeed and return its output."""
    done = subprocess.run(argv, cwd=cwd, input=data, capture_output=True, env=os.environ | (env or {}))
    assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-4000:])
    return done.stdout


def clone(folder: Path) -> Path:
    """Return a clone whose last commit holds also what is changed or new in the checkout; the same commit each time."""
    run("git", "clone", "--quiet", "--no-hardlinks", ROOT, folder)
    run("git", "apply", "--allow-empty", cwd=folder, data=run("git", "diff", "--binary", "HEAD"))
    for name in run("git", "ls-files", "-z", "--others", "--exclude-standard").decode().split("\0")[:-1]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    run("git", "add", "--all", cwd=folder)
    run("git", "commit", "--quiet", "--allow-empty", "-m", "release", cwd=folder, env=IDENTITY)
    return folder


@dataclass
class Build:
    """One build and how it differed from an ordinary one."""

    dist: Path
    varied: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.dist.iterdir()}

    def one(self, ending: str) -> Path:
        (found,) = self.dist.glob(f"*{ending}")
        return found


def build(source: Path) -> Build:
    """Build as anybody would, with this interpreter."""
    run("sh", "scripts/dist.sh", sys.executable, "dist", cwd=source)
    return Build(source / "dist")


def build_otherwise(source: Path, scratch: Path) -> Build:
    """Build the same commit with all varied that this machine lets us vary; the caller deletes `scratch`."""
    varied = {"umask": "077", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"}
    env = {"HOME": str(scratch / "home"), "TMPDIR": str(scratch / "tmp"), "CDPATH": "/", "GREP_OPTIONS": ""} | varied
    elsewhere, python = scratch / "a b" / "deeper", Path(sys.executable)
    elsewhere.parent.mkdir()
    run("git", "clone", "--quiet", "--no-hardlinks", "--no-checkout", source, elsewhere)
    names = run("git", "ls-tree", "-r", "-z", "--name-only", "HEAD", cwd=elsewhere).decode().split("\0")[:-1]
    for first in range(0, len(names), 500):  # files come to be in another order
        run("git", "checkout", "HEAD", "--", *sorted(names, reverse=True)[first : first + 500], cwd=elsewhere)
    (elsewhere / PLANTED).write_text("raise SystemExit('planted')\n")
    for folder in ("home", "tmp"):
        (scratch / folder).mkdir()
    if Path("/dev/shm").is_dir():
        env["TMPDIR"] = varied["disk"] = tempfile.mkdtemp(dir="/dev/shm")
    if other := _other_python():
        python = scratch / "python"
        paths = [path for path in sys.path if path.endswith("site-packages")]
        python.write_text(f'#!/bin/sh\nPYTHONPATH="{os.pathsep.join(paths)}" exec {other} "$@"\n')
        python.chmod(0o755)
        varied["python"] = other
    words: list[str | Path] = ["sh", "-c", 'umask 077; exec sh scripts/dist.sh "$0" made', python]
    if _usable_by_nobody(python):
        varied["uid"] = str(NOBODY)
        words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *words]
        run("chown", "-R", f"{NOBODY}:{NOBODY}", scratch, env["TMPDIR"])
    try:
        run(*words, cwd=elsewhere, env=env)
    finally:
        if "disk" in varied:
            shutil.rmtree(env["TMPDIR"])
    return Build(elsewhere / "made", varied)


@functools.cache
def _other_python() -> str:
    """Return another patch level of this Python, or "" where the machine has none."""
    other = shutil.which(f"python{sys.version_info[0]}.{sys.version_info[1]}", path="/usr/bin:/usr/local/bin")
    if not other:
        return ""
    version = subprocess.run([other, "-c", "import sys; print(sys.version)"], capture_output=True, text=True).stdout
    return other if version.strip() not in ("", sys.version.strip()) else ""


def _usable_by_nobody(python: Path) -> bool:
    """Return whether another user can be had who could run this Python with the build's packages."""
    if not hasattr(os, "geteuid") or os.geteuid() or not shutil.which("setpriv"):
        return False
    os.chmod(python.parent, 0o755)
    words = [
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        python,
        "-c",
        "import hatchling, pip",
    ]
    return subprocess.run(words, capture_output=True, cwd="/").returncode == 0


@dataclass
class Machine:
    """Nothing but Python: an empty home, no variables, no site-packages."""

    pyz: Path
    home: Path

    def __call__(self, *words: str | Path, flags: str = "-IS", **env: str) -> subprocess.CompletedProcess[str]:
        env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"} | env
        argv = [os.path.realpath(sys.executable), *flags.split(), self.pyz, *words]
        return subprocess.run(argv, cwd=self.home, env=env, capture_output=True, text=True, timeout=120)

    @property
    def folder(self) -> Path:
        """The kept folder, unpacked or not."""
        with zipfile.ZipFile(self.pyz) as pyz:
            return self.home / ".cache/secpipe/pyz" / hashlib.sha256(pyz.read("contents.json")).hexdigest()

    def holds(self) -> subprocess.CompletedProcess[str]:
        """Start it; it must give its own answer and nothing else."""
        done = self("--version")
        assert (done.returncode, done.stdout) == (0, f"secpipe, version {__version__}\n"), done.stderr
        return done
