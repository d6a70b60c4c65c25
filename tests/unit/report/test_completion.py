"""Shell completion: names come from the table, so that pressing TAB imports no room."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
_RUN = """
import sys
from secpipe.cli.main import run
sys.argv = ["secpipe"]
try:
    code = run()
finally:
    rooms = sorted(name for name in sys.modules if name.startswith("secpipe.") and name.count(".") == 1)
    print(rooms, file=sys.stderr)
"""


def complete(words: str, index: int, instruction: str = "bash_complete") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"_SECPIPE_COMPLETE": instruction, "COMP_WORDS": words, "COMP_CWORD": str(index)}
    return subprocess.run([sys.executable, "-c", _RUN], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_commands_are_completed_without_importing_them() -> None:
    done = complete("secpipe ", 1)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()][: len(COMMANDS)] == list(COMMANDS)
    assert "secpipe.scan" not in done.stderr
    assert "secpipe.keys" not in done.stderr
    assert complete("secpipe rep", 1).stdout.splitlines() == ["plain,report"]


def test_options_are_completed() -> None:
    assert "plain,--format" in complete("secpipe report --", 2).stdout.splitlines()


def test_a_mistyped_command_prints_no_error_into_the_prompt() -> None:
    done = complete("secpipe chekc x", 2)
    assert "error" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(shell: str) -> None:
    assert "_SECPIPE_COMPLETE" in complete("", 0, f"{shell}_source").stdout
