"""The first screen: on a terminal the answer fits 24 lines, says how much it leaves out, and hides nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secpipe.cli.main import root
from secpipe.report import brief, terminal
from tests import skips

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests/data/reports"
NEXT = 3  # the lines of the next command below it


def saved(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("name", ["verdict", "pass"])
def test_it_fits_and_answers(name: str) -> None:
    said = brief.render(saved(name))
    assert len(said.splitlines()) + NEXT <= brief.SCREEN
    assert said.startswith(saved(name)["sentence"][:60])
    for row in ("checks", "looked at", "judged by"):
        assert re.search(rf"^{row} +\S", said, re.M)


@pytest.mark.parametrize("count", [1, 3, 40, 4000])
def test_what_does_not_fit_is_counted(count: int) -> None:
    document = saved("verdict")
    one = next(reason for reason in document["reasons"] if reason["effect"] == "deny")
    document["reasons"] = [one | {"what": f"{one['what']} {number}"} for number in range(count)]
    said = brief.render(document)
    shown = len(re.findall(r"^ +\d+\. ", said, re.M))
    assert len(said.splitlines()) + NEXT <= brief.SCREEN
    left = re.search(r"and ([\d,]+) more:", said)
    assert shown + (int(left[1].replace(",", "")) if left else 0) == count
    assert shown >= 1


def test_what_was_not_read_is_never_left_out_of_it() -> None:
    document = saved("pass")
    document["skipped"] = [{"path": f"models/{name}.bin", "reason": "too large", "check": "models"} for name in "abc"]
    assert "NOT READ: 3 places, first models/a.bin: too large" in brief.render(document)
    assert "NOT READ" not in brief.render(saved("pass"))


def test_scans_and_explanations_are_shown_whole() -> None:
    scan = saved("scan")
    assert brief.render(scan) == terminal.render(scan)


@skips.posix
@pytest.mark.parametrize(("arguments", "brief_"), [([], True), (["-v"], False), (["--audience", "engineer"], False)])
def test_a_person_at_a_terminal_gets_it_and_a_pipe_does_not(tmp_path: Path, arguments: list[str], brief_: bool) -> None:
    import pty

    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.py").write_text("from openai import OpenAI\nOpenAI()\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS")}
    command = [sys.executable, "-m", "secpipe", "check", str(tmp_path / "app"), "--color", "never", *arguments]
    environment |= {"SECPIPE_HOME": str(tmp_path / "home"), "TERM": "xterm"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=subprocess.DEVNULL, env=environment):
        os.close(theirs)
        said = b""
        while part := read(ours):
            said += part
    os.close(ours)
    assert (b"\nlooked at" in said) is brief_
    assert (b"\r\nChecks\r\n" in said) is not brief_
    assert b"\x1b" not in said


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other side is gone
        return b""


@pytest.mark.parametrize(
    ("asked", "environment", "painted"),
    [("auto", {}, False), ("auto", {"FORCE_COLOR": "1"}, True), ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
     ("always", {"NO_COLOR": "1"}, True), ("never", {"FORCE_COLOR": "1"}, False)],
)  # fmt: skip
def test_the_option_wins_over_the_environment(
    asked: str, environment: dict[str, str], painted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(
        root, ["report", "show", str(DATA / "pass.json"), "--color", asked], standalone_mode=False, color=True
    )
    assert ("\x1b[" in done.stdout) is painted
