"""Without liboqs and a new OpenSSL everything still works, and nothing is ever fetched, built or waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TRAPS = ("git", "cmake", "gcc", "cc", "ninja", "make", "ldconfig", "curl", "wget")


@pytest.fixture
def trapped(tmp_path):
    """An environment whose first PATH entry holds programs that leave a mark when anything starts them."""
    folder = tmp_path / "traps"
    folder.mkdir()
    for name in TRAPS:
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/started\nexit 1\n')
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    home = tmp_path / "home"
    home.mkdir()
    keep = {key: value for key, value in os.environ.items() if key not in {"OQS_INSTALL_PATH", "SECPIPE_LIBCRYPTO"}}
    return keep | {"PATH": path, "HOME": str(home), "OQS_INSTALL_PATH": str(tmp_path / "absent")}


def run(environment, *argv):
    done = subprocess.run(
        [sys.executable, "-m", "secpipe", *argv], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_schemes_says_why_and_starts_nothing(trapped, tmp_path):
    code, out, err = run(trapped, "keys", "schemes")
    assert (code, err) == (0, "")
    assert "falcon-512" in out
    assert "unusable" in out
    assert "liboqs - (no shared library found" in out
    assert "OpenSSL" in out or "libcrypto" in out
    assert not (tmp_path / "started").exists()


def test_json_is_json_even_with_the_library(trapped, tmp_path):
    import json

    if given := os.environ.get("OQS_INSTALL_PATH"):
        trapped = trapped | {"OQS_INSTALL_PATH": given}
    code, out, _ = run(trapped, "keys", "schemes", "-f", "json")
    assert code == 0
    assert len(json.loads(out)["schemes"]) == 20
    assert not (tmp_path / "started").exists()


def test_a_library_that_is_not_one_is_said(trapped, tmp_path):
    (tmp_path / "absent/lib").mkdir(parents=True)
    (tmp_path / "absent/lib/liboqs.so").write_bytes(b"not a library")
    code, out, _ = run(trapped | {"SECPIPE_LIBCRYPTO": "relative.so"}, "keys", "schemes")
    assert code == 0
    assert "liboqs.so cannot be loaded" in out
    assert "not an absolute path" in out


def test_a_command_that_needs_it_says_so(trapped):
    code = (
        "from secpipe.keys.schemes import scheme\n"
        "from secpipe.core.errors import MissingDependency\n"
        "try: scheme.get('falcon-512').generate()\n"
        "except MissingDependency as error: print(error.message); print(error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=trapped)
    assert "nothing here can do falcon-512" in done.stdout
    assert "OQS_INSTALL_PATH" in done.stdout
