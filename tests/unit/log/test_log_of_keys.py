"""Acts of trust reach the log: the first ceremony as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.transcript import Shell


def test_the_first_ceremony_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tmp_path, monkeypatch)
    monkeypatch.setenv("PW", "correct horse battery")
    assert shell("secpipe log init log --origin log.example/ci --passphrase-file env:PW")[0] == 0
    monkeypatch.setenv("SECPIPE_LOG", "log")
    for command in ("init --holder ann", "add-identity canary --purpose signal"):
        code, out, err = shell(f"secpipe keys {command} --passphrase-file env:PW")
        assert code == 0, out + err
    entries = json.loads(shell("secpipe log show log -f json")[1])["entries"]
    assert [row["type"] for row in entries] == ["ceremony", "ceremony"]
    assert entries[0]["about"]["signed_by"] == "ann"
    assert entries[0]["digest"] != entries[1]["digest"]
