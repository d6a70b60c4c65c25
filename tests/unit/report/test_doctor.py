"""`secpipe doctor` on machines where things are missing, broken, open to others, expired or old."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.doctor import machine as doctor_machine
from secpipe.cli.doctor import state as doctor_state
from secpipe.cli.doctor.item import Item
from secpipe.scan.vulnerabilities import local
from tests import skips

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on its PATH and empty folders of its own; returns the user's folder."""
    user = tmp_path / "user"
    for folder in (user, tmp_path / "bin"):  # programs inside the working folder would not count
        folder.mkdir()
    places = {"PATH": tmp_path / "bin", "HOME": user, "SECPIPE_HOME": user / "home", "SECPIPE_CACHE": user / "cache"}
    for name, value in places.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("OQS_INSTALL_PATH", raising=False)
    monkeypatch.chdir(user)
    return user


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secpipe", *arguments]
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120
    )


def named(items: Iterable[Item], name: str) -> Item:
    return next(item for item in items if item.name == name)


def test_a_bare_machine_is_not_broken_and_nothing_is_made(machine: Path) -> None:
    done = run("doctor", "-f", "json", "--at", "2026-11-21")
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    assert (document["schema"], document["simulated"]) == ("secpipe.doctor/1", True)
    items = [Item(**item) for item in document["items"]]
    for name in ("ed25519", "ecdsa-p256", "ecdsa-p384", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"):
        assert named(items, name).state == "ok"
    assert (named(items, "git").state, named(items, "git").hint) == ("absent", "install git")
    assert named(items, "SECPIPE_HOME").state == named(items, "trust root").state == "absent"
    assert os.listdir(machine) == []


def test_the_terminal_page_gives_a_hint_for_what_is_not_there(machine: Path) -> None:
    done = run("doctor")
    assert done.returncode == 0
    assert done.stdout.startswith("Nothing is broken")
    assert "hint: secpipe keys init" in done.stdout


@skips.unless_possible(sys.platform != "win32", "POSIX permissions")
def test_private_keys_that_others_can_read_are_broken(machine: Path) -> None:
    keys = machine / "home/keys"
    keys.mkdir(parents=True)
    keys.chmod(0o755)
    (keys / "x.age").write_bytes(b"secret")
    (keys / "x.age").chmod(0o644)
    items = list(doctor_state.folders())
    hints = [item.hint for item in items if item.state == "broken"]
    assert {f"chmod 700 {keys}", f"chmod 600 {keys / 'x.age'}"} <= set(hints)
    assert not any("secret" in item.said for item in items)


@skips.unless_installed(find_spec("oqs"), "secpipe[pq] is not installed")
@pytest.mark.parametrize("content", [None, b"not a library", b"", b"\x7fELF" + bytes(60)])
def test_an_absent_or_broken_liboqs_is_told_and_nothing_is_built(
    machine: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OQS_INSTALL_PATH", str(machine / "oqs"))
    if content is not None:
        (machine / "oqs/lib").mkdir(parents=True)
        (machine / "oqs/lib" / ("liboqs.dylib" if sys.platform == "darwin" else "liboqs.so")).write_bytes(content)
    done = run("doctor", "-f", "json")
    assert (done.returncode, done.stderr) == (0, "")
    item = next(item for item in json.loads(done.stdout)["items"] if item["name"] == "liboqs")
    assert item["state"] == "attention"
    assert ("cannot be loaded" if content is not None else "no shared library") in item["said"]
    assert not (machine / "_oqs").exists()


def test_a_program_that_fails_is_told(machine: Path) -> None:
    program = Path(os.environ["PATH"], "git")
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    item = named(doctor_machine.engines(), "git")
    assert item.state == "attention"
    assert "ends with 7" in item.said


def test_a_program_inside_the_working_folder_is_not_believed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "bin").mkdir()
    program = machine / "bin/git"
    program.write_text(f"#!/bin/sh\ntouch {machine}/ran\necho git version 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(machine / "bin"))
    assert named(doctor_machine.engines(), "git").state == "absent"
    assert not (machine / "ran").exists()


def test_a_trust_root_that_does_not_hold_is_broken(machine: Path) -> None:
    (machine / "keys/root").mkdir(parents=True)
    (machine / "keys/root/1.root.json").write_text("{}")
    done = run("doctor")
    assert done.returncode == 3
    assert done.stdout.startswith("1 thing is broken")
    assert "  BROKEN  trust" in done.stdout


def test_a_damaged_advisory_store_is_told(machine: Path) -> None:
    pointer = local.folder() / local.POINTER
    pointer.parent.mkdir(parents=True)
    pointer.write_bytes(b"\x00\xff")
    assert named(doctor_state.advisories(NOON), "local store").state == "attention"


@pytest.mark.parametrize(("year", "state"), [(2001, "broken"), (2040, "attention")])
def test_advisory_data_from_the_future_or_long_past_is_told(machine: Path, year: int, state: str) -> None:
    item = named(doctor_state.advisories(NOON.replace(year=year)), "data")
    assert item.state == state
    assert item.hint
