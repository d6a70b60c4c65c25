"""The commands sign, verify and attest with a real ring and real key files, and the facade over the same."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.keystore import age
from secpipe.verify import SecpipeError, TrustError, verify
from tests.unit.keystore.conftest import quick_seal


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with keys and a trust folder, made once."""
    folder = tmp_path_factory.mktemp("ring")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECPIPE_HOME", str(folder / "home"))
        patch.setenv("PW", "correct horse")
        patch.chdir(folder)
        patch.setattr(age, "seal", quick_seal)
        assert run(["keys", "init", "--holder", "ann", "--passphrase-file", "env:PW"]) == 0
    return folder


@pytest.fixture
def project(ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECPIPE_HOME", str(ring / "home"))
    monkeypatch.setenv("PW", "correct horse")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model-dir").mkdir()
    (tmp_path / "model-dir" / "w.safetensors").write_bytes(b"weights")
    (tmp_path / "prompt.txt").write_text("be kind")
    (tmp_path / "bias.json").write_text('{"result": "PASSED", "configuration": []}')
    return tmp_path


def sign(ring: Path, *more: str) -> int:
    return run(["sign", "--trust", str(ring / "keys"), "--passphrase-file", "env:PW", *more])


def check(ring: Path, *more: str) -> int:
    return run(["verify", "--trust", str(ring / "keys"), *more])


def pin(ring: Path) -> str:
    return "sha256:" + hashlib.sha256((ring / "keys" / "root" / "1.root.json").read_bytes()).hexdigest()


def test_sign_and_verify(ring: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sign(ring, "model-dir", "prompt.txt") == 0
    assert check(ring, "--trust-pin", pin(ring), "model-dir", "prompt.txt") == 0
    out = capsys.readouterr().out
    assert "VERIFIED  2 paths" in out
    assert "signed by builder, key version 1 (ecdsa-p256 + ml-dsa-65)" in out
    (project / "model-dir" / "w.safetensors").write_bytes(b"Weights")
    assert check(ring, "model-dir") == 1
    assert check(ring, ".") == 1
    assert "w.safetensors is not the file that was signed" in capsys.readouterr().out


def test_what_is_not_signed_is_not_verified(ring: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(ring, "prompt.txt") == 1
    assert check(ring, ".") == 1
    assert "not signed" in capsys.readouterr().out
    assert check(ring, "nowhere") == 3


def test_a_wrong_pin_is_refused(ring: Path, project: Path) -> None:
    assert sign(ring, "prompt.txt") == 0
    assert check(ring, "--trust-pin", "sha256:" + "0" * 64, "prompt.txt") in (1, 3)


def test_json_and_simulation(ring: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sign(ring, "prompt.txt") == 0
    capsys.readouterr()
    assert check(ring, "prompt.txt", "-f", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "secpipe.findings/1"
    assert document["evidence"]["facts"]["covered"] == {"prompt.txt": "builder"}
    assert check(ring, "prompt.txt", "--at", "2051-01-01") in (1, 3)


def test_the_wrong_identity_does_not_sign(ring: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sign(ring, "--key", "verdict", "prompt.txt") == 1
    assert "may not sign for purpose file" in capsys.readouterr().err
    assert not (project / "prompt.txt.sig").exists()
    assert sign(ring, "--key", "bilder", "prompt.txt") == 2
    assert 'did you mean "builder"?' in capsys.readouterr().err
    assert sign(ring, "--profile", "cnsa2", "prompt.txt") == 2


def test_pins_and_purposes(ring: Path, project: Path) -> None:
    assert sign(ring, "--version", "1.2", "prompt.txt") == 0
    assert check(ring, "--min-version", "1.1", "--name", "prompt.txt", "prompt.txt") == 0
    assert check(ring, "--min-version", "1.3", "prompt.txt") == 1
    assert check(ring, "--purpose", "dataset", "prompt.txt") == 1


def test_attest_and_verify(ring: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["attest", "--trust", str(ring / "keys"), "--passphrase-file", "env:PW", "--type", "test-result"]
    assert run([*words, "--predicate", "bias.json", "model-dir"]) == 0
    assert check(ring, "--attestation", "bias", "--max-age", "1", "model-dir") == 0
    assert "result PASSED" in capsys.readouterr().out
    assert check(ring, "--attestation", "drift", "model-dir") == 3
    assert check(ring, "--attestation", "bias", "--max-age", "1", "--at", "2026-12-31", "model-dir") == 3
    (project / "model-dir" / "w.safetensors").write_bytes(b"other")
    assert check(ring, "--attestation", "bias", "model-dir") == 1


def test_legacy_needs_a_key_and_a_reason(ring: Path, project: Path) -> None:
    assert sign(ring, "prompt.txt") == 0
    assert check(ring, "--allow-legacy", "vendor", "prompt.txt") == 2
    assert run(["keys", "export", "--help"]) == 0


def test_a_hostile_name_is_printed_harmlessly(ring: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sign(ring, "model-dir") == 0
    (project / "model-dir" / "\x1b[2Jevil\u202e.py").write_text("")
    capsys.readouterr()
    assert check(ring, "model-dir") == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_the_facade(ring: Path, project: Path) -> None:
    assert sign(ring, "model-dir") == 0
    done = verify("model-dir", trust=ring / "keys", pin=pin(ring), purpose="model")
    assert (done.identity, done.files) == ("builder", ("w.safetensors",))
    with pytest.raises(SecpipeError, match="pin"):
        verify("model-dir", trust=ring / "keys", pin="")
    with pytest.raises(SecpipeError):
        verify("model-dir", trust=ring / "keys", pin="sha256:" + "0" * 64)
    (project / "model-dir" / "evil.py").write_text("")
    with pytest.raises(TrustError, match=r"evil\.py"):
        verify("model-dir", trust=ring / "keys", pin=pin(ring))


def test_the_facade_imports_only_the_standard_library() -> None:
    heavy = "{'click', 'tuf', 'cyclonedx', 'yaml', 'sigstore', 'pyrage', 'packaging', 'securesystemslib'}"
    code = f"import sys, secpipe.verify; extra = {heavy} & set(sys.modules); sys.exit(str(extra) if extra else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
