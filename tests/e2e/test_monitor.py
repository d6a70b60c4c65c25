"""What is out, from the command line: a new advisory, a stolen key, and what the operator reads."""

from __future__ import annotations

import json
import shutil
import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secpipe.cli.main import run
from secpipe.core.errors import ConfigError
from secpipe.core.registry import load
from secpipe.report import WRITERS
from secpipe.report.read import load as read_saved
from secpipe.system.clock import SystemClock
from tests.e2e.transcript import Shell
from tests.unit.gate_past import NOW, Gate, advisory

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "policies/schema/monitor.schema.json").read_text())


@pytest.fixture
def gate(shell: Shell) -> Gate:
    shell.now = NOW
    return Gate(shell.cwd)


def monitor(gate: Gate, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["monitor", "--store", str(gate.store), "--advisories", str(gate.advisories), *words, "-f", "json"])
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    assert document["exit_code"] == code
    return code, document


def two_releases(gate: Gate) -> None:
    gate.judge()
    gate.now = NOW + timedelta(hours=1)
    gate.write("requirements.txt", f"torch==2.2.0 --hash=sha256:{'a' * 64}\n")
    gate.judge()


GOLDEN = """\
AFFECTED: 1 of 1 deployed release would no longer pass.

AFFECTED  acme-chat for prod
  passed 2026-11-21T13:00:00Z, dirHash:4c69621842f638e8…
  - requirements.txt: torch 2.2.0 has a known vulnerability (GHSA-new): no fixed version is known
    (since 2026-11-22T00:00:00Z)
    do:  The release owner decides whether to accept this: secpipe check on the release says with
         which command.
    who: the release owner; why: secpipe explain audit/known-vulnerability
  roll back to the one of 2026-11-21T12:00:00Z, dirHash:4199a76e9c149566…, which still passes; there:
    do:  secpipe check . --env prod --policy builtin:baseline

As it was recorded, not judged again
  - model files and AI services: they need the files themselves
  - signatures and who signed the verdicts: no --trust was given

In short
  store     verdicts, 2 verdicts, prod
  policy    baseline, pinned
  trust     none given
  data      osv of 2026-11-22
  at        2026-11-23T12:00:00Z
"""


def test_a_new_advisory_is_found_for_a_release_that_passed(
    gate: Gate, shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    two_releases(gate)
    shell.sleep(days=1)
    assert monitor(gate, capsys)[0] == 0
    shell.sleep(days=1)
    gate.advise(advisory("GHSA-new", "torch", "2.2.0", "2026-11-22"))
    code, document = monitor(gate, capsys)
    assert code == 1
    (release,) = document["releases"]
    assert release["state"] == "affected"
    assert release["rollback"]["at"] == "2026-11-21T12:00:00Z"
    words = ["--env", "prod", "--policy", "builtin:baseline"]
    assert run(["monitor", "--store", "verdicts", "--advisories", "osv", *words]) == 1
    assert capsys.readouterr().out == GOLDEN


def test_every_format_tells_it(gate: Gate, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    two_releases(gate)
    gate.advise(advisory("GHSA-new", "torch", "2.2.0"))
    shell.now = NOW + timedelta(days=1)
    _, document = monitor(gate, capsys)
    again = read_saved(json.dumps(document).encode())
    for name in sorted({*WRITERS} - {"vex", "vdr"}):
        assert "GHSA-new" in load(WRITERS, name, "format")(again), name
    for name in ("vex", "vdr"):  # of packages: what is out is told by release
        with pytest.raises(ConfigError):
            load(WRITERS, name, "format")(again)


def test_what_could_not_be_judged_looks_clean_in_no_format(
    gate: Gate, shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = gate.judge()
    (entry.folder / "evidence.json").write_bytes(b"{}")
    shell.now = NOW + timedelta(days=1)
    code, document = monitor(gate, capsys)
    assert code == 3
    for name in ("terminal", "markdown", "html", "junit", "sarif"):
        assert "evidence" in load(WRITERS, name, "format")(document), name
    sarif = json.loads(load(WRITERS, "sarif", "format")(document))
    assert sarif["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_next_month_can_be_asked_for_today(gate: Gate, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    gate.policy = gate.policy.replace("2027-06-30", "2026-12-24")
    gate.judge()
    shell.now = NOW + timedelta(days=1)
    assert monitor(gate, capsys)[0] == 0
    code, document = monitor(gate, capsys, "--at", "2026-12-31")
    assert code == 1
    assert document["simulated"]
    assert document["releases"][0]["reasons"][0]["since"] == "2026-12-25T00:00:00Z"


def test_wrong_usage_and_an_empty_store(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitor"]) == 2
    assert run(["monitor", "--store", "nowhere"]) == 3
    assert run(["monitor", "--store", "verdicts", "--policy-ref", "sha256:" + "0" * 64]) == 2
    gate.judge()
    assert run(["monitor", "--store", "verdicts", "--trust", "nowhere"]) == 3
    assert run(["monitor", "--store", "verdicts", "--policy", "p.toml"]) == 2
    assert run(["monitor", "--store", "verdicts", "--env", "staging"]) == 3


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def test_a_key_that_was_stolen_takes_down_what_it_signed(
    gate: Gate, shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real keys, a real signature, a real verdict; then the root's people revoke the key."""
    monkeypatch.setenv("PW", "correct horse")
    words = ["--passphrase-file", "env:PW"]
    assert run(["keys", "init", "--holder", "ann", *words]) == 0
    keys = shell.cwd / "keys"
    pin = shell("secpipe trust pin keys")[1].split()[-1]
    (gate.project / "weights").mkdir()
    (gate.project / "weights/model.safetensors").write_bytes(safetensors())
    assert run(["sign", str(gate.project / "weights"), "--trust", "keys", *words]) == 0
    shell.sleep(minutes=5)
    gate.now = shell.now
    unsigned = gate.judge(trust=keys, trust_pin=pin)
    assert unsigned.verdict()["decision"] == "pass", unsigned.verdict()["sentence"]
    policy = gate.policy_file
    reference = shell(f"secpipe policy pin {policy}")[1].strip()
    trusted = ["--trust", "keys", "--trust-pin", pin]
    code, document = monitor(gate, capsys, *trusted)
    assert (code, document["releases"], len(document["unproven"])) == (3, [], 1)

    shell.sleep(minutes=5)
    judged = ["check", str(gate.project), "--policy", str(policy), "--policy-ref", reference, *trusted]
    kept = ["--advisories", str(gate.advisories), "--store", str(gate.store), "--sign", "verdict", *words]
    assert run([*judged, *kept]) == 0

    shell.sleep(days=1)
    code, document = monitor(gate, capsys, *trusted)
    assert (code, document["trust"]["pinned"]) == (0, True)
    before = shutil.copytree("keys", "before")
    assert run(
        ["keys", "revoke", "builder", "--compromised-since", "2026-11-20T00:00:00Z", "--reason", "laptop", *words]
    ) == 0  # fmt: skip
    shell.sleep(minutes=5)
    code, document = monitor(gate, capsys, *trusted)
    assert code == 1
    (release,) = document["releases"]
    stolen = next(reason for reason in release["reasons"] if reason["rule"] == "signatures/compromised-key")
    assert stolen["since"] == "2026-11-20T00:00:00Z"
    assert release["rollback"] is None
    assert monitor(gate, capsys)[0] == 0  # without a trust root nobody asks: said so
    assert "signatures" in " ".join(monitor(gate, capsys)[1]["not_judged_again"])
    stale = shell.cwd / "stale"
    shutil.copytree(before, stale)
    assert run([*judged, "--no-cache", "-o", "last.txt"]) == 1  # this machine has seen the newer ring now
    code, document = monitor(gate, capsys, "--trust", "stale", "--trust-pin", pin)
    assert (code, document["releases"][0]["state"]) == (3, "unknown")
    assert "rollback" in " ".join(document["not_judged_again"])
    assert monitor(gate, capsys, "--trust", "stale", "--trust-pin", pin, "--at", "2026-11-23")[0] == 0
    code, document = monitor(gate, capsys, "--trust", "keys", "--trust-pin", "sha256:" + "0" * 64)
    assert (code, document["releases"][0]["state"]) == (3, "unknown")
    assert SystemClock().now() == shell.now
