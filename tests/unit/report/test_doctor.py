"""`secpipe doctor` on machines where things are missing, broken, open to others, expired or old."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A machine with nothing on its PATH and empty folders of its own."""
    home = tmp_path / "user"
    for folder in (home, tmp_path / "bin"):  # programs inside the working folder would not count
        folder.mkdir()
    environment = {"PATH": str(tmp_path / "bin"), "HOME": str(home), "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    return environment | {"SECPIPE_HOME": str(home / "home"), "SECPIPE_CACHE": str(home / "cache")}


def doctor(machine: dict[str, str], *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "secpipe", "doctor", "-f", "json", "--at", "2026-11-21", *arguments],
        cwd=machine["HOME"], env=machine, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout)


def item(document: dict[str, Any], name: str) -> dict[str, str]:
    found: dict[str, str] = next(item for item in document["items"] if item["name"] == name)
    return found


def test_a_bare_machine_is_not_broken_and_nothing_is_made(machine: dict[str, str]) -> None:
    before = sorted(os.listdir(machine["HOME"]))
    code, document = doctor(machine)
    assert code == 0
    assert document["simulated"] is True
    for name in ("ed25519", "ecdsa-p256", "ecdsa-p384", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"):
        assert item(document, name)["state"] == "ok"
    assert item(document, "git") | {"said": ""} == {
        "group": "engines", "name": "git", "state": "absent", "said": "", "hint": "install git",
    }  # fmt: skip
    assert item(document, "SECPIPE_HOME")["state"] == "absent"
    assert item(document, "trust root")["state"] == "absent"
    assert sorted(os.listdir(machine["HOME"])) == before


def test_the_terminal_page_gives_a_hint_for_what_is_not_there(machine: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "secpipe", "doctor"], cwd=machine["HOME"], env=machine, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Nothing is broken")
    assert "hint: secpipe keys init" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_private_keys_that_others_can_read_are_broken(machine: dict[str, str]) -> None:
    keys = Path(machine["SECPIPE_HOME"], "keys")
    keys.mkdir(parents=True)
    keys.chmod(0o755)
    (keys / "x.age").write_bytes(b"secret")
    (keys / "x.age").chmod(0o644)
    code, document = doctor(machine)
    assert code == 3
    hints = [entry["hint"] for entry in document["items"] if entry["state"] == "broken"]
    assert f"chmod 700 {keys}" in hints
    assert f"chmod 600 {keys / 'x.age'}" in hints
    assert "secret" not in json.dumps(document)


@pytest.mark.parametrize("content", [b"not a library", b"", b"\x7fELF" + bytes(60)])
def test_a_broken_liboqs_is_told_and_does_no_harm(machine: dict[str, str], content: bytes) -> None:
    if find_spec("oqs") is None:  # finding it imports nothing
        pytest.skip("secpipe[pq] is not installed")
    folder = Path(machine["HOME"], "oqs/lib")
    folder.mkdir(parents=True)
    (folder / ("liboqs.dylib" if sys.platform == "darwin" else "liboqs.so")).write_bytes(content)
    code, document = doctor(machine | {"OQS_INSTALL_PATH": str(folder.parent)})
    assert code == 0
    assert item(document, "liboqs")["state"] == "attention"
    assert "cannot be loaded" in item(document, "liboqs")["said"]
    assert not Path(machine["HOME"], "_oqs").exists()


def test_a_program_that_fails_is_told(machine: dict[str, str]) -> None:
    program = Path(machine["PATH"], "git")
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    _, document = doctor(machine)
    assert item(document, "git")["state"] == "attention"
    assert "ends with 7" in item(document, "git")["said"]


def test_a_trust_root_that_does_not_hold_is_broken(machine: dict[str, str]) -> None:
    root = Path(machine["HOME"], "keys/root")
    root.mkdir(parents=True)
    (root / "1.root.json").write_text("{}")
    code, document = doctor(machine)
    assert code == 3
    assert item(document, "trust")["state"] == "broken"


def test_a_damaged_advisory_store_is_told(machine: dict[str, str]) -> None:
    code, document = doctor(machine, "--at", "2001-01-01")
    assert code == 3
    assert "clock is wrong" in item(document, "data")["said"]
    code, document = doctor(machine, "--at", "2040-01-01")
    assert (code, item(document, "data")["state"]) == (0, "attention")
