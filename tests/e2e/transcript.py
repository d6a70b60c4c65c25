"""A small transcript runner: `$ command` lines, the expected output, and `[n]` where the exit code is not 0.

`secpipe` runs in this process under an injected clock (so that transcripts do not rot); everything else runs in `sh`.
`$ NAME=$(command)` keeps what the command prints for later lines, `$ NAME=value secpipe ...` sets it for one command,
as in a shell; `@ 3 days` moves the clock; `< words` is what somebody at a terminal types at each prompt of the next
command; `$ next: command` runs what the command before printed under `next`, which must be that.
`...` on a line of its own matches any lines; `<...>` inside a line matches any text.
UPDATE_TRANSCRIPTS=1 rewrites in place the expected output that no longer matches, leaving open what differs from run
to run (paths, digests of fresh keys); read the difference before a commit.
"""

from __future__ import annotations

import contextlib
import getpass
import io
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.system import installed
from secpipe.system.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]
_ASSIGNMENT = re.compile(r"([A-Z_]+)=\$\((.*)\)")
_PREFIXED = re.compile(r"([A-Z_]+)=(\S+) (secpipe .*)")
_DIGEST = re.compile(r"((?:sha256|dirHash):)[0-9a-f]{16,}…?|\b[0-9a-f]{64}\b|(?<=Z-)[0-9a-f]{8}\b")
_OFFER = re.compile(r"^next\b[^\n]*:\n  (.+)$", re.MULTILINE)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Shell:
    """Runs commands in a scratch folder and returns what a user sees: stdout, then stderr, then the exit code."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cwd = folder / "work"
        self.cwd.mkdir()
        self.now = NOON
        self.typed = ""
        self.offered = ""
        self._monkeypatch = monkeypatch
        self.environment = {
            "HOME": str(folder / "home"),
            "PWD": str(self.cwd),
            "SECPIPE_HOME": str(folder / "home/secpipe"),
            "SECPIPE_CACHE": str(folder / "cache"),
            "ROOT": str(ROOT),
            "PYTHON": sys.executable,
        }
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        for name in ("NO_COLOR", "FORCE_COLOR", "CI", "GITHUB_ACTIONS", "GITLAB_CI"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(SystemClock, "now", lambda clock: self.now)
        # Where this checkout came from differs from machine to machine.
        monkeypatch.setattr(installed, "source", installed.Source)
        monkeypatch.chdir(self.cwd)

    def sleep(self, **span: float) -> None:
        """Move the injected clock forward."""
        self.now += timedelta(**span)

    def __call__(self, command: str) -> tuple[int, str, str]:
        """Run one command; return exit code, stdout, stderr."""
        if assigned := _ASSIGNMENT.fullmatch(command):
            code, out, err = self(assigned[2])
            self._monkeypatch.setenv(assigned[1], out.strip())
            return code, "", err
        if prefixed := _PREFIXED.fullmatch(command):
            with self._monkeypatch.context() as local:
                local.setenv(prefixed[1], os.path.expandvars(prefixed[2]))
                return self(prefixed[3])
        words = shlex.split(os.path.expandvars(command)) if command.startswith("secpipe") else []
        if words and words[0] == "secpipe" and not set(words) & {"|", ">", "&&", ";", "<"}:
            return self._secpipe([name for word in words[1:] for name in self._expand(word)])
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=self.cwd, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def mask(self, line: str) -> str:
        """Leave open what differs from run to run: the scratch folder, digests."""
        return _DIGEST.sub(lambda found: f"{found[1] or ''}<...>", line.replace(str(self.cwd.parent), "<...>"))

    def _expand(self, word: str) -> list[str]:
        """Expand a glob as the shell does."""
        found = sorted(path.relative_to(self.cwd).as_posix() for path in self.cwd.glob(word)) if "*" in word else []
        return found or [word]

    def _secpipe(self, arguments: list[str]) -> tuple[int, str, str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), self._monkeypatch.context() as person:
            if self.typed:
                person.setattr(sys, "stdin", _Terminal())
                person.setattr(getpass, "getpass", lambda *_, typed=self.typed, **__: typed)
                self.typed = ""
            try:
                code = run(arguments)
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 1
        return code, *(stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]


class _Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


def play(path: Path, shell: Shell) -> None:
    """Run the transcript at `path`; fail with a readable difference at the first command that prints something else."""
    lines = path.read_text().splitlines()
    update = bool(os.environ.get("UPDATE_TRANSCRIPTS"))
    written: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        written.append(line)
        if line.startswith("@ "):
            number, unit = line[2:].split()
            shell.sleep(**{unit: float(number)})
        if line.startswith("< "):
            shell.typed = line[2:]
        if not line.startswith("$ "):
            continue
        expected = []
        while index < len(lines) and not lines[index].startswith(("$ ", "# ", "@ ", "< ")):
            expected.append(lines[index])
            index += 1
        command = line[2:]
        if command.startswith("next: "):
            assert _matches([command.removeprefix("next: ")], [shell.offered]), f"{line}\noffered: {shell.offered}"
            command = shell.offered
        code, out, err = shell(command)
        shell.offered = (_OFFER.findall(out + err) or [""])[-1]
        shown = [*out.splitlines(), *err.splitlines(), *([f"[{code}]"] if code else [])]
        while expected and not expected[-1].strip():
            expected.pop()
        matches = _matches(expected, [text.rstrip() for text in shown])
        if update:
            written += [*(expected if matches else map(shell.mask, shown)), ""]
        elif not matches:
            pytest.fail(
                f"{path.name}: {line}\n--- expected\n" + "\n".join(expected) + "\n--- shown\n" + "\n".join(shown),
                pytrace=False,
            )
    if update:
        path.write_text("\n".join(written).rstrip("\n") + "\n")


def _matches(expected: list[str], shown: list[str]) -> bool:
    if not expected:
        return not [text for text in shown if text]
    if expected[0].strip() == "...":
        return any(_matches(expected[1:], shown[start:]) for start in range(len(shown) + 1))
    if not shown:
        return False
    pattern = ".*".join(re.escape(part) for part in expected[0].rstrip().split("<...>"))
    return re.fullmatch(pattern, shown[0]) is not None and _matches(expected[1:], shown[1:])
