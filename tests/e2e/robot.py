"""A robot that knows nothing but to paste what a verdict tells it to run, and to answer an owner's questions."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import termios
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secpipe.core.do import Kind

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 12
#: What an owner says to each question, by words in it.
ANSWERS = {
    "passphrase": "correct horse",
    "who answers": "jane@shop.example",
    "why ": "looked at on 2026-11-20, contract 2026-014",
    "last day": "2027-03-31",
    "who approved": "raj@shop.example",
}
#: secpipe under the stories' clock; age files are real, at a low work factor.
_PROGRAM = """#!{python}
import sys
from datetime import UTC, datetime
sys.path.insert(0, {root!r})
from secpipe.cli.main import main
from secpipe.keystore import age
from secpipe.system.clock import SystemClock
from tests.unit.keystore.conftest import quick_seal
age.seal = quick_seal
SystemClock.now = lambda self: datetime(2026, 11, 21, 12, tzinfo=UTC)
main()
"""


@dataclass
class Robot:
    """Runs lines in a real shell on a real terminal. `ran` are the lines with what they ended with."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    ran: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        programs = self.folder / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        program = programs / "secpipe"
        program.write_text(_PROGRAM.format(python=sys.executable, root=str(ROOT)))
        program.chmod(0o755)
        (self.folder / "work").mkdir(exist_ok=True)
        tools = Path(sys.executable).parent
        self.environment = {
            "PATH": f"{programs}:{tools}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "SECPIPE_HOME": str(self.folder / "home/secpipe"),
            "SECPIPE_CACHE": str(self.folder / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.environment,
        }

    def run(self, line: str, answers: bool = False) -> tuple[int, str]:
        """Paste one line; return the exit code and what was shown. Questions are answered if `answers`."""
        child, mother = pty.openpty()
        command = ["sh", "-c", line]
        process = subprocess.Popen(
            command, stdin=mother, stdout=mother, stderr=mother, cwd=self.folder / "work", env=self.environment,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(mother)
        shown = self._listen(child, process, answers)
        os.close(child)
        code = process.wait(timeout=60)
        self.ran.append((line, code))
        return code, shown

    def _listen(self, child: int, process: subprocess.Popen[bytes], answers: bool) -> str:
        heard, since, end = b"", 0, time.monotonic() + 120
        while time.monotonic() < end:
            ready, _, _ = select.select([child], [], [], 0.5)
            if ready:
                try:
                    part = os.read(child, 65536)
                except OSError:  # the last one who held the terminal is gone
                    break
                heard += part
                if not part:
                    break
            elif process.poll() is not None:
                break
            question = heard[since:].decode("utf-8", "replace").rpartition("\n")[2]
            if question.endswith(": ") and "secpipe:" not in question:
                answer = next((said for word, said in ANSWERS.items() if word in question), "") if answers else "\x03"
                os.write(child, answer.encode() + b"\n")
                since = len(heard)
        return heard.decode("utf-8", "replace").replace("\r\n", "\n")

    def judge(self, check: str) -> dict[str, Any]:
        """Paste a check, with its verdict as JSON into a file beside it."""
        target = self.folder / "verdict.json"
        target.unlink(missing_ok=True)
        code, shown = self.run(f"{check} -f json -o {shlex.quote(str(target))}")
        if not target.exists():
            raise AssertionError(f"{check}: exit {code}\n{shown}")
        document: dict[str, Any] = json.loads(target.read_text())
        return document


@dataclass(frozen=True)
class End:
    """Where a story ended: the last verdict, the lines that were run, the check that gave it."""

    document: dict[str, Any]
    ran: list[tuple[str, int]]

    @property
    def passed(self) -> bool:
        return int(self.document["exit_code"]) == 0 and self.document["decision"] in ("pass", "warn")

    @property
    def left(self) -> set[str]:
        """The kinds of what is left to do."""
        return {reason["do"]["kind"] for reason in against(self.document)}

    @property
    def honest(self) -> bool:
        """A pass, or nothing left but what people must do."""
        return len(self.ran) <= LIMIT and (self.passed or self.left == {"person"})


def against(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [reason for reason in document["reasons"] if reason["effect"] in ("deny", "undecided")]


def story(robot: Robot, check: str, grants: Collection[str] = (Kind.FIX, Kind.ACCEPT), *, mends: bool = True) -> End:
    """Do what is told until nothing new is told. A check that is told to run becomes the check that counts.

    Without `mends` a package manager that cannot reach its index may fail: what it was to mend is then left.
    """
    done: set[str] = set()
    document = robot.judge(check)
    while True:
        todo = [reason["do"] for reason in against(document)]
        lines = dict.fromkeys(do["command"] for do in todo if do["kind"] in grants)
        new = [line for line in lines if line not in done and not line.startswith("secpipe check ")]
        checks = [line for line in lines if line.startswith("secpipe check ")]
        if (not new and (not checks or checks[-1] in done)) or len(robot.ran) >= LIMIT:
            return End(document, list(robot.ran))
        for line in new:
            code, shown = robot.run(line, answers=True)
            done.add(line)
            if pin := re.search(r"--policy-ref sha256:[0-9a-f]{64}", shown):  # it is told: whoever pins it pins it anew
                check = re.sub(r"--policy-ref \S+", pin[0], check)
            assert code == 0 or not (mends or line.startswith("secpipe")), f"{line}\nexit {code}\n{shown}"
        if not new:
            check = checks[-1]
            done.add(check)
        document = robot.judge(check)
