"""`secpipe log checkpoint --witness`: one that is away, lies or says anything keeps no other from being asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.log import checkpoint, witness
from secpipe.log.witness import Witness
from secpipe.system import listen
from tests.unit import log_world
from tests.unit.log_world import NOW


@pytest.mark.parametrize("lie", [(409, b"999999\n"), (409, b"x"), (200, b"<html>"), (404, b""), (500, b"\xff")])
def test_a_witness_that_lies_keeps_no_other_from_being_asked(
    lie: tuple[int, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PW", "correct horse battery")
    assert run(["log", "init", "log", "--origin", "log.example", "--passphrase-file", "env:PW"]) == 0
    Path("a").write_text("a")
    assert run(["log", "append", "log", "a"]) == 0
    capsys.readouterr()
    assert run(["log", "show", "log", "--keys"]) == 0
    good = Witness(log_world.witness(), witness.watch(capsys.readouterr().out.split()), tmp_path / "seen")
    bad = log_world.witness("witness.example/bad").key.text()

    def answer(method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if path.startswith("/bad"):
            return lie[0], "text/plain", lie[1]
        reply = good.answer(method, path, body, NOW)
        return reply.status, reply.type, reply.body

    with listen.listening("127.0.0.1", 0, answer, witness.LIMIT) as url:
        words = ["--witness", bad, f"{url}/bad", "--witness", good.signer.key.text(), url]
        code = run(["log", "checkpoint", "log", "--passphrase-file", "env:PW", *words])
    assert code == (1 if lie[1] == b"999999\n" else 3), "not all that were asked have cosigned"
    said = capsys.readouterr()
    assert "witness.example/bad" in said.err
    assert "signed by witness.example/w1" in said.out
    _, found = checkpoint.read(Path("log/checkpoint").read_bytes())
    assert good.name in {line.name for line in found.lines}
