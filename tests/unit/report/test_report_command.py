"""`secpipe report`: saved documents in other formats, hostile files refused with exit code 3 and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.report import WRITERS

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests/data/reports"


def report(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "secpipe", "report", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, input=stdin, env=os.environ | {"NO_COLOR": "1"})


def test_it_renders_every_format_at_once(tmp_path: Path) -> None:
    wanted = [f"-f{name}={tmp_path / name}" for name in WRITERS]
    done = report(DATA / "verdict.json", *wanted)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(os.listdir(tmp_path)) == sorted(WRITERS)
    assert (tmp_path / "terminal").read_text() == (DATA / "verdict.txt").read_text()
    assert json.loads((tmp_path / "json").read_text()) == json.loads((DATA / "verdict.json").read_text())


def test_a_saved_deny_renders_with_exit_code_0_also_from_stdin() -> None:
    done = report("-", stdin=(DATA / "verdict.json").read_bytes())
    assert done.returncode == 0
    assert done.stdout.decode() == (DATA / "verdict.txt").read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the report is not JSON"),
        (b"[]", "the report is not a JSON object"),
        (b'{"schema": "secpipe.verdict/9"}', 'schema "secpipe.verdict/9" is not one that can be rendered'),
        (b'{"schema": "secpipe.verdict/1"}', "decision is missing"),
        (b'{"schema": "\\u001b[2J\\ud800"}', 'schema "'),
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b"[" * 200_000, "nested too deeply"),
        (b"\x80", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    done = report(tmp_path / "x.json", "-f", "sarif", "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (3, b"")
    error = done.stderr.decode()
    assert said in error
    assert "Traceback" not in error
    assert "\x1b" not in error
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["no-such-file"], 3), (["."], 2), ([], 2), ([DATA / "scan.json", "-f", "yaml"], 2)],
)
def test_wrong_use_has_its_own_exit_code(arguments: list[str | Path], code: int) -> None:
    done = report(*arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.startswith(b"secpipe: error: ")


def test_a_fifo_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = report(tmp_path / "pipe")
    assert done.returncode == 3
    assert b"not a regular file" in done.stderr
