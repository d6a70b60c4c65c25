"""What the real commands print for acme-chat keeps the published schemas, and every format renders it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from secpipe.api.rendering import known_rules
from secpipe.core.registry import load
from secpipe.report import WRITERS
from secpipe.sbom.validate import validate

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {"check": "verdict", "scan models": "findings", "scan shadow-ai": "findings", "audit": "findings"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "acme-chat"
    shutil.copytree(ROOT / "examples/acme-chat", folder)
    subprocess.run([sys.executable, "make_models.py"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_documents_are_valid_and_render_in_every_format(
    command: str, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    words = [sys.executable, "-m", "secpipe", *command.split(), str(project), "-f", "json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode in {1, 3}, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    schema = json.loads((ROOT / f"policies/schema/{COMMANDS[command]}.schema.json").read_text())
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    said = {finding["rule"] for finding in document["findings"]}
    said |= {reason["rule"] for reason in document.get("reasons", [])}
    assert said
    assert said <= known_rules().keys()
    made = {name: load(WRITERS, name, "format")(document) for name in WRITERS}
    sarif = json.loads((ROOT / "tests/data/schemas/sarif-2.1.0.json").read_text())
    Draft7Validator(sarif, format_checker=Draft7Validator.FORMAT_CHECKER).validate(json.loads(made["sarif"]))
    ET.fromstring(made["junit"])
    assert validate(made["vdr"].encode()) == ()
    stated = json.loads(made["vex"])
    known = [one for one in document["findings"] if one["rule"] == "audit/known-vulnerability"]
    assert bool(stated["statements"]) is bool(known)
    vex = json.loads((ROOT / "tests/data/schemas/openvex-0.2.0.json").read_text())
    wrong = Draft202012Validator(vex, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(stated)
    assert [one.validator for one in wrong] == ["minItems"] * (not known)  # it has no word for "nothing is known"
    assert json.loads(made["gitlab"])
    assert len(made["html"].encode()) < 500_000


def test_emitted_evidence_is_valid_the_same_twice_and_names_no_place_of_the_machine(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    written = []
    for name in ("one.json", "two.json"):
        words = ["check", str(project), "--at", "2026-11-21", "--emit-input", str(tmp_path / name), "-q"]
        done = subprocess.run([sys.executable, "-m", "secpipe", *words], cwd=ROOT, capture_output=True, timeout=300)
        assert done.returncode in {1, 3}, done.stderr
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert str(project.parent).encode() not in written[0]
    schema = json.loads((ROOT / "policies/schema/evidence.schema.json").read_text())
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(json.loads(written[0]))
