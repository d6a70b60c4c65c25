"""A record is signed by an identity that may, verifies as an attestation, and is signed again with its proof."""

from __future__ import annotations

from pathlib import Path

import pytest

import secpipe
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


def test_what_was_witnessed_stands_where_its_signature_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORDS", "correct horse battery staple")
    assert say("keys init --passphrase-file env:WORDS") == 0
    weights(Path("m.safetensors"), model(1))
    out = Path("out.safetensors")
    with secpipe.deriving(
        out, tool="acme@1", operation="convert", identity="builder", passphrase_file="env:WORDS"
    ) as step:
        step.model("m.safetensors")
        step.parameter("threads", 4)
        step.prompt("a cat")
        weights(out, model(1))
    signing = "--sign --key builder --passphrase-file env:WORDS"
    assert say(f"lineage prove out.safetensors {signing}") == 0
    made = beside.read(out)
    assert made.inputs[0].grade == "re-derived"
    assert {made.parameters[0].grade, made.prompts[0].grade, made.tool and made.tool.grade} == {"witnessed"}
    plain = Path("out.safetensors.derivation.json")
    plain.write_bytes(
        plain.read_bytes().replace(
            b'"threads":{"grade":"witnessed","value":4}', b'"threads":{"grade":"witnessed","value":5}'
        )
    )
    capsys.readouterr()
    assert say(f"lineage prove out.safetensors {signing}") == 0
    made = beside.read(out)
    assert made.parameters[0].grade == "claimed", "nobody who may signed that"
    assert made.prompts[0].grade == "witnessed"
    Path("out.safetensors.derivation.pqc.att.json").unlink()
    capsys.readouterr()
    assert say(f"lineage prove out.safetensors {signing}") == 0
    assert beside.read(out).prompts[0].grade == "claimed", "half a signature is none"
    assert "become claims" in capsys.readouterr().err


def test_a_picture_that_was_witnessed_stays_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORDS", "correct horse battery staple")
    assert say("keys init --passphrase-file env:WORDS") == 0
    weights(Path("m.safetensors"), model(1))
    with secpipe.deriving("cat.png", identity="builder", passphrase_file="env:WORDS") as step:
        step.model("m.safetensors")
        Path("cat.png").write_bytes(b"pixels")
    assert say("lineage prove cat.png --sign --key builder --passphrase-file env:WORDS") == 3
    assert beside.read(Path("cat.png")).inputs[0].grade == "witnessed"
    assert say("lineage record cat.png --from m.safetensors") == 0
