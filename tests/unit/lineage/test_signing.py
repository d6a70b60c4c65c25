"""A record is signed by an identity that may, verifies as an attestation, and is signed again with its proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.lineage import beside, statement
from secpipe.sign import bundle
from tests import skips
from tests.unit.lineage.test_prompts import say

skips.module("numpy")

from tests.unit.lineage.edges import model, weights  # noqa: E402


def test_record_and_proof_are_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORDS", "correct horse battery staple")
    assert say("keys init --passphrase-file env:WORDS") == 0
    weights(Path("m.safetensors"), model(1))
    weights(Path("out.safetensors"), model(1))
    signing = "--sign --key builder --passphrase-file env:WORDS"
    assert say(f"lineage record out.safetensors --from m.safetensors {signing}") == 0
    assert say(f"lineage prove out.safetensors {signing}") == 0
    payload = bundle.decode(Path("out.safetensors.derivation.att.json").read_bytes(), "it").payload
    assert statement.parse(payload) == beside.read(Path("out.safetensors"))
    assert beside.read(Path("out.safetensors")).inputs[0].grade == "re-derived"
    assert say("verify out.safetensors --trust keys --attestation derivation") == 0
    weights(Path("out.safetensors"), model(2))
    assert run(["verify", "out.safetensors", "--trust", "keys", "--attestation", "derivation"]) == 1
