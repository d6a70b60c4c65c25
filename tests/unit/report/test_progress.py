"""What is said while work is done: only to a person at a terminal, over itself, with bytes and time left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from secpipe.cli.progress import STEPS, Watch
from tests import skips

ROOT = Path(__file__).resolve().parents[3]


class Time:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watch(*, lines: bool = False) -> tuple[Watch, Time, StringIO]:
    time, out = Time(), StringIO()
    return Watch(draw=True, lines=lines, clock=time, out=out), time, out


def test_what_takes_less_than_a_second_draws_nothing() -> None:
    one, time, out = watch()
    with one:
        one("reading files")
        one.expect(4_000)
        for _ in range(9):
            time.now += 0.1
            one.read(400)
    assert out.getvalue() == ""


def test_bytes_and_the_time_left_are_told_and_the_line_is_taken_away() -> None:
    one, time, out = watch()
    with one:
        one("reading files")
        one.expect(4_000_000)
        time.now = 1.5
        one.read(1_000_000)
        one("scanning models")
        time.now = 4.0
        one.opened("models/big.bin", 2_000_000_000)
    drawn = out.getvalue().split("\r\x1b[K")
    assert drawn[1] == "reading files: 1.0 MB of 4.0 MB, 666.7 kB/s, 5 s left"
    assert drawn[2] == "scanning models: models/big.bin (2.0 GB), 2 s"
    assert drawn[-1] == ""


def test_a_name_in_it_acts_on_no_terminal() -> None:
    one, time, out = watch()
    with one:
        one("scanning models")
        time.now = 2.0
        one.opened("\x1b]0;title\x07\u202e::error::x" + "y" * 500, 1)
    said = out.getvalue().replace("\r\x1b[K", "")
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert len(said) < 120


def test_verbose_says_why_each_step_is_made_and_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    time = Time()
    with Watch(draw=False, lines=True, clock=time, out=StringIO()) as one:
        one("reading files")
        one.expect(2_000_000)
        time.now = 2.0
        one.read(2_000_000)
        one("making the AI-BOM")
        time.now = 2.5
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"secpipe: reading files ({STEPS['reading files']})"
    assert said[1] == "secpipe:   2.0 s, 2.0 MB at 1.0 MB/s"
    assert said[-1] == "secpipe:   0.5 s"


def project(place: Path) -> Path:
    (place / "app").mkdir()
    (place / "app/main.py").write_text("print('hello')\n")
    return place / "app"


def test_every_step_that_a_check_makes_is_explained(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "secpipe", "check", str(project(tmp_path)), "-v", "--no-cache"], cwd=ROOT,
        env=os.environ | {"SECPIPE_HOME": str(tmp_path / "home")}, capture_output=True, text=True,
    )  # fmt: skip
    steps = re.findall(r"^secpipe: (\S.*?)(?: \(.*\))?$", done.stderr, re.M)
    assert [step for step in steps if step in STEPS] == [
        "reading files", "making the AI-BOM", "verifying signatures", "scanning models", "looking for AI services",
        "reading what agents may do", "looking up advisories",
    ]  # fmt: skip
    assert "secpipe: " not in done.stdout


@skips.posix
@pytest.mark.parametrize(("variable", "seen"), [("", True), ("CI", False)])
def test_on_a_terminal_it_is_drawn_on_stderr_alone_and_never_in_ci(tmp_path: Path, variable: str, seen: bool) -> None:
    import pty

    big = project(tmp_path) / "big.bin"
    with big.open("wb") as file:
        file.truncate(3_000_000_000)  # a hole: nothing is stored
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {variable or "X": "true"}
    with subprocess.Popen(
        [sys.executable, "-m", "secpipe", "check", str(big.parent)], cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs,
        env=environment | {"SECPIPE_HOME": str(tmp_path / "home")},
    ) as process:  # fmt: skip
        os.close(theirs)
        drawn = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is gone
                break
            if not part:
                break
            drawn += part
        out = process.stdout.read() if process.stdout else b""
    os.close(ours)
    assert (re.search(rb"GB of 3\.0 GB, [\d.]+ [MG]B/s, \d+ s left", drawn) is not None) is seen
    assert b"left" not in out
    assert b"\x1b[K" not in out
