"""Names of files are text: none of them writes a line of its own into what the log's commands say."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.cli.main import run
from tests import skips

FORGED = "recall.json stands in log.example as entry 7 (file), logged 2026-11-30T12:00:00Z"


@skips.posix
def test_a_line_end_in_a_name_forges_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PW", "correct horse battery")
    name = f"a\n{FORGED}"
    Path(name).write_text("anything")
    assert run(["log", "init", "log", "--origin", "log.example", "--passphrase-file", "env:PW"]) == 0
    assert run(["lineage", "record", name, "--seed", "1"]) == 0
    assert run(["log", "append", "log", name]) == 0
    assert run(["log", "checkpoint", "log", "--passphrase-file", "env:PW"]) == 0
    for words in (["prove", "log", name], ["verify", name], ["show", "log"], ["export", "log", f"x\n{FORGED}"]):
        assert run(["log", *words]) == 0
    said = capsys.readouterr()
    assert FORGED in said.out
    assert FORGED not in [line[: len(FORGED)] for line in (said.out + said.err).splitlines()]


@pytest.mark.parametrize(
    "words", ["lineage record / --seed 1", "lineage show /", "lineage reveal /", "lineage erase /"]
)
def test_a_place_without_a_name_is_a_mistake_that_is_told(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words.split()) == 3
    assert "has no name" in capsys.readouterr().err
