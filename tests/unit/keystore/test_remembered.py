"""Every door that verifies holds the trust folder against what this machine has seen: an older one is refused."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.api.signatures import verify_path
from secpipe.cli.main import run
from secpipe.cli.mcp.tools import Served, answer
from secpipe.core.errors import SecpipeError
from secpipe.core.trust import Authority
from secpipe.keys.schedule import Schedule
from secpipe.keystore import memory, quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_folder
from secpipe.keystore.unlock import open_signers
from secpipe.sign.attest import attest
from secpipe.sign.sign import sign_artifact
from secpipe.system import clock
from secpipe.system.tree import open_tree
from secpipe.verify import verify as facade

DAY = timedelta(days=1)


class Machine:
    """A verifier: a trust folder from before the builder's key was declared stolen, the newest one, a signed file."""

    def __init__(self, project, base):
        self.project, self.base = project, base
        self.old, self.new, self.home = base / "old", project.keys, base / "verifier"
        self.artifact = base / "app/m.bin"

    def doors(self, keys):
        """Name -> a call that is true where the door takes the file under `keys`."""
        path, pin = str(self.artifact), self.project.pin
        words = ("--trust", str(keys), "--trust-pin", pin)
        return {
            "verify": lambda: run(["verify", path, *words]) == 0,
            "verify a folder": lambda: run(["verify", str(self.artifact.parent), *words]) == 0,
            "verify --attestation": lambda: run(["verify", path, "--attestation", "bias", *words]) == 0,
            "trust verify": lambda: run(["trust", "verify", str(keys), "--trust-pin", pin]) == 0,
            "api": lambda: verify_path(path, trust=keys, trust_pin=pin).exit_code == 0,
            "facade": lambda: facade(path, trust=keys, pin=pin).identity == "builder",
            "assistant": lambda: "Every signature holds" in self.told(keys),
        }

    def told(self, keys):
        served = Served((self.artifact.parent.resolve(),), trust=keys, trust_pin=self.project.pin)
        return answer(served, "verify", {"path": str(self.artifact.resolve())})[0]

    def takes(self, door, keys):
        try:
            return self.doors(keys)[door]()
        except SecpipeError:
            return False


HOLDS = ("verify", "verify a folder", "trust verify", "api", "facade", "assistant")


@pytest.fixture
def machine(project, passphrase, now, tmp_path, monkeypatch):
    made = Machine(project, tmp_path)
    made.artifact.parent.mkdir()
    made.artifact.write_bytes(b"weights")
    version, signers = open_signers("builder", trust=None, home=project.home, passphrase=passphrase, now=now)
    tree = open_tree(made.artifact)
    sign_artifact(made.artifact, tree, signers, version, now=now)
    monkeypatch.setattr(clock.SystemClock, "now", lambda self: now + 2 * DAY)
    monkeypatch.setenv("SECPIPE_HOME", str(made.home))
    shutil.copytree(project.keys, made.old)
    return made


def renew(machine, passphrase, at, change=None):
    found = quorum.begin(machine.new, machine.project.home, at)
    quorum.draft(found, change(found) if change else quorum.renewed(found), at)
    assert sign_pending(machine.new, machine.project.home, passphrase, at).published


@pytest.mark.parametrize("door", HOLDS)
def test_an_older_ring_is_refused_by_who_has_seen_a_newer_one(machine, passphrase, now, door):
    assert machine.takes(door, machine.old)
    renew(machine, passphrase, now + DAY)
    assert machine.takes(door, machine.old)  # nobody here has seen the newer one yet
    memory.remember(machine.home, open_folder(machine.new, now=None), now + 2 * DAY)
    assert not machine.takes(door, machine.old)
    assert machine.takes(door, machine.new)


def test_an_attestation_under_an_older_ring_is_refused(machine, project, passphrase, now, capfdbinary):
    wider = lambda found: quorum.with_authority(found, "builder", Authority(("model", "file", "test-result")))  # noqa: E731
    renew(machine, passphrase, now, wider)
    shutil.rmtree(machine.old)
    shutil.copytree(machine.new, machine.old)
    version, signers = open_signers("builder", trust=None, home=project.home, passphrase=passphrase, now=now)
    body = b'{"result": "PASSED", "configuration": []}'
    attest(
        machine.artifact,
        open_tree(machine.artifact),
        body,
        signers,
        version,
        purpose="test-result",
        kind="bias",
        now=now,
    )
    door = "verify --attestation"
    assert machine.takes(door, machine.old), capfdbinary.readouterr().err
    renew(machine, passphrase, now + DAY)
    memory.remember(machine.home, open_folder(machine.new, now=None), now + 2 * DAY)
    assert not machine.takes(door, machine.old)
    assert machine.takes(door, machine.new)


@pytest.mark.parametrize("door", ["verify", "verify a folder", "api"])
def test_who_verifies_remembers_the_ring(machine, passphrase, now, door):
    renew(machine, passphrase, now + DAY)
    assert machine.takes(door, machine.new)
    assert not machine.takes(door, machine.old)


@pytest.mark.parametrize("door", ["trust verify", "facade", "assistant"])
def test_who_only_looks_writes_nothing(machine, now, door):
    assert machine.takes(door, machine.old)
    assert not machine.home.exists()


def test_another_line_of_rotations_is_refused(machine, project, passphrase, now, tmp_path):
    """A thief of the rotation key publishes other rotations: who has seen the true one does not follow."""
    schedule, at = Schedule(jitter=timedelta(0)), now + DAY
    other = shutil.copytree(machine.new, tmp_path / "other")
    for keys, home in ((machine.new, project.home), (other, shutil.copytree(project.home, tmp_path / "their-home"))):
        rotate(keys, home, schedule, passphrase, lambda: at, ("builder",))
    assert machine.takes("verify", machine.new)
    assert not machine.takes("verify", other)


def test_a_simulated_time_neither_asks_nor_fills_the_memory(machine, passphrase, now):
    renew(machine, passphrase, now + DAY)
    memory.remember(machine.home, open_folder(machine.new, now=None), now + 2 * DAY)
    words = ["verify", str(machine.artifact), "--trust", str(machine.old), "--trust-pin", machine.project.pin]
    assert run([*words, "--at", "2026-11-22"]) == 0


def test_a_home_that_cannot_be_written_is_no_reason_to_refuse(machine, now, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "file/home"))
    assert machine.takes("verify", machine.old)


def test_a_damaged_memory_is_told(machine, now, capfdbinary):
    memory.remember(machine.home, open_folder(machine.old, now=None), now)
    (path,) = (machine.home / "seen").glob("*.json")
    path.write_bytes(b"{")
    assert not machine.takes("verify", machine.old)
    assert "trust forget" in capfdbinary.readouterr().err.decode()


def test_a_user_without_a_home_folder_verifies_and_remembers_nothing(machine, now, monkeypatch, capfdbinary):
    """A container that runs as a number that nobody gave a home: what is asked is answered, no defect is reported."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("SECPIPE_HOME", "SECPIPE_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    for door in HOLDS:
        assert machine.takes(door, machine.old), (door, capfdbinary.readouterr().err)
    assert run(["keys", "init", "--trust", str(machine.base / "t"), "--passphrase-file", "env:NONE"]) in {2, 3}
    assert "defect" not in capfdbinary.readouterr().err.decode()
