"""acme-chat is what its README says: models that other people's readers accept, and four planted faults, no more."""

from __future__ import annotations

import hashlib
import json
import os
import pickletools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips

ROOT = Path(__file__).resolve().parents[2]
ACME = ROOT / "examples/acme-chat"
GENERATED = (".safetensors", ".gguf", ".onnx", ".joblib", ".pkl")


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with its models made."""
    folder = tmp_path_factory.mktemp("acme") / "acme-chat"
    shutil.copytree(ACME, folder, ignore=shutil.ignore_patterns(*(f"*{suffix}" for suffix in GENERATED)))
    subprocess.run([sys.executable, folder / "make_models.py"], check=True, capture_output=True)
    return folder


def digests(folder: Path) -> dict[str, str]:
    made = (path for path in folder.rglob("*") if path.suffix in GENERATED)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


def test_models_are_small_and_the_same_every_time(acme: Path) -> None:
    first = digests(acme)
    assert {Path(path).suffix for path in first} == set(GENERATED)
    assert sum((acme / path).stat().st_size for path in first) < 100_000
    subprocess.run([sys.executable, acme / "make_models.py"], check=True, capture_output=True)
    assert digests(acme) == first


def test_models_can_be_taken_away_again(acme: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(acme, copy)
    subprocess.run([sys.executable, copy / "make_models.py", "--remove"], check=True)
    assert digests(copy) == {}
    assert not (copy / "models/intent-legacy").exists()


def test_no_generated_file_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "examples"], capture_output=True, text=True, cwd=ROOT)
    if listed.returncode:
        skips.cannot("this is no git checkout")
    assert listed.stdout
    assert not [name for name in listed.stdout.splitlines() if name.endswith(GENERATED)]


def test_joblib_loads_the_honest_model(acme: Path) -> None:
    joblib = skips.module("joblib")
    table = joblib.load(acme / "models/intent/intent.joblib")
    assert sorted(table) == ["bias", "weights"]
    assert table["bias"].tolist() == [0.25, 0.5, 0.125]
    assert {type(weight) for words in table["weights"].values() for weight in words.values()} == {float}


def test_safetensors_offsets_cover_the_file(acme: Path) -> None:
    data = (acme / "models/support-base/model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    spans = sorted(tensor["data_offsets"] for name, tensor in header.items() if name != "__metadata__")
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == len(data) - 8 - length


def test_planted_pickle_calls_a_shell_and_nothing_else(acme: Path) -> None:
    # Read as opcodes; never loaded.
    data = (acme / "models/intent-legacy/classifier.pkl").read_bytes()
    strings = [argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "SHORT_BINUNICODE"]
    assert strings[2:4] == ["posix", "system"]
    assert strings[4].startswith("echo ")
    assert sum(opcode.name in {"REDUCE", "INST", "OBJ", "NEWOBJ"} for opcode, _, _ in pickletools.genops(data)) == 1


def test_lock_names_hashes_and_no_machine() -> None:
    text = (ACME / "requirements.txt").read_text()
    entries = re.findall(r"^([a-z0-9-]+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    assert len(entries) == text.count("==")
    assert {"jinja2", "python-multipart", "requests"} <= {name for name, _ in entries}
    assert "/tmp" not in text


def test_upgrade_touches_three_packages_only(acme: Path) -> None:
    before = (acme / "requirements.txt").read_text()
    done = subprocess.run(
        ["sed", "-f", ROOT / "examples/demo/upgrade.sed", acme / "requirements.txt"],
        capture_output=True,
        text=True,
        check=True,
    )
    pins = [dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE)) for text in (before, done.stdout)]
    changed = {name: pins[1][name] for name in pins[0] if pins[0][name] != pins[1][name]}
    assert changed == {"jinja2": "3.1.6", "python-multipart": "0.0.34", "requests": "2.34.2"}
    assert pins[0].keys() == pins[1].keys()


def test_advisories_name_the_planted_packages() -> None:
    records = [json.loads(path.read_text()) for path in sorted((ACME / "advisories").glob("*.json"))]
    assert len(records) == 12
    packages = {affected["package"]["name"] for record in records for affected in record["affected"]}
    assert packages == {"jinja2", "python-multipart", "requests"}
    assert all(record["summary"] and record["severity"] and record["modified"] for record in records)


def test_check_finds_the_planted_faults_and_no_others(acme: Path, tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-m",
        "secpipe",
        "check",
        acme,
        "--policy",
        ROOT / "examples/demo/policy.toml",
        "-f",
        "json",
    ]
    environment = {**os.environ, "SECPIPE_HOME": str(tmp_path / "home"), "SECPIPE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([*argv, "--at", "2026-11-21"], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 1, done.stderr
    found = {(finding["rule"], finding["path"]) for finding in json.loads(done.stdout)["findings"]}
    table = (ACME / "README.md").read_text().partition("## Planted faults")[2].partition("Everything else")[0]
    assert {rule for rule, _ in found} - {"shadow-ai/unapproved-provider"} == set(
        re.findall(r"`((?:models|shadow-ai|audit|gate)/[a-z-]+)` \|$", table, re.MULTILINE)
    )
    assert ("models/dangerous-call", "models/intent-legacy/classifier.pkl") in found
    assert ("shadow-ai/unapproved-host", "service/acme_chat/summaries.py") in found
    assert ("audit/known-vulnerability", "requirements.txt") in found
    assert {path for rule, path in found if rule.startswith("models/")} == {"models/intent-legacy/classifier.pkl"}
