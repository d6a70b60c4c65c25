"""One file of trust: nothing is believed because the file says it, an older one is refused, an altered one fails."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import InputError, SecpipeError, TrustError, Undecided
from secpipe.keystore.trust_bundle import export, open_bundle
from secpipe.keystore.trusted import open_trust
from tests.unit.keystore.conftest import NOW, Project


def test_a_bundle_says_what_the_folder_says(project: Project) -> None:
    theirs = open_bundle(export(project.keys), pin=project.pin, now=NOW).trust
    assert theirs == replace(open_trust(project.keys, pin=project.pin, now=NOW), freshness=theirs.freshness)
    assert theirs.pinned


def test_the_command_writes_it_and_reads_it(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "trust.json"
    assert run(["trust", "export", str(project.keys), "--bundle", "-o", str(out)]) == 0
    assert out.read_bytes() == export(project.keys)
    assert run(["trust", "export", str(project.keys)]) == 2
    assert run(["trust", "verify", str(project.keys), "--seen", str(out)]) == 2
    said = ["trust", "verify", str(out), "--trust-pin", project.pin, "--seen", str(out), "--at", "2026-11-22"]
    assert run(said) == 0
    assert "root 1 and ring 1 hold (pinned)" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["roots", "ring", "targets"])
def test_whoever_changes_one_letter_is_found_out(project: Project, part: str) -> None:
    document = json.loads(export(project.keys))
    text = json.dumps(document[part]).replace("2026", "2025", 1)
    with pytest.raises(SecpipeError):
        open_bundle(json.dumps(document | {part: json.loads(text)}).encode(), now=NOW)


def test_no_field_of_the_bundle_itself_grants_anything(project: Project) -> None:
    document = json.loads(export(project.keys)) | {"identities": []}
    with pytest.raises(InputError, match="unknown key"):
        open_bundle(json.dumps(document).encode(), now=NOW)


def test_expired_trust_is_refused_and_says_its_code(project: Project) -> None:
    with pytest.raises(TrustError) as caught:
        open_bundle(export(project.keys), now=NOW + timedelta(days=4000))
    assert caught.value.code == "trust-expired"
    with pytest.raises(Undecided) as stale:
        open_bundle(export(project.keys), now=NOW, max_ring_age=3)
    assert stale.value.code == "ring-stale"
