"""Completion and manual pages in the real programs: bash, zsh, fish and groff."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.cli.main import COMMANDS
from tests import skips

ROOT = Path(__file__).resolve().parents[3]

#: What a shell runs after the line of our documentation: it completes the words and prints what it would offer.
BASH = """
eval "$(_SECPIPE_COMPLETE=bash_source secpipe)"
complete -p secpipe | grep -q _secpipe_completion || exit 9
COMP_WORDS=({words}); COMP_CWORD={last}; _secpipe_completion secpipe
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# Its own completion system runs without a prompt; what it would offer is printed where it is added.
ZSH = """
autoload -U compinit && compinit -u -D
eval "$(_SECPIPE_COMPLETE=zsh_source secpipe)"
[ "${{_comps[secpipe]}}" = _secpipe_completion ] || exit 9
offer() {{ local -a given; given=("${{(@P)1}}"); print -l -- "${{given[@]%%:*}}"; }}
_describe() {{ offer "$3"; }}
compadd() {{ offer "${{@[-1]}}"; }}
words=({words}); CURRENT=$(( {last} + 1 )); _secpipe_completion
"""
FISH = """
_SECPIPE_COMPLETE=fish_source secpipe | source
complete -C "{line}"
"""
SHELLS = {"bash": ("--norc", BASH), "zsh": ("-f", ZSH), "fish": ("--no-config", FISH)}
LINES = {
    "secpipe che": {"check"},
    "secpipe scan sha": {"shadow-ai"},
    "secpipe check --aud": {"--audience"},
    "secpipe check --audience pl": {"plain"},
    "secpipe config sh": {"show"},
    "secpipe nosuch x": set(),
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which secpipe is this checkout."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/secpipe"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m secpipe "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_completes(shell: str, path: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        skips.missing(f"{shell} is not installed")
    flag, program = SHELLS[shell]
    for line, expected in LINES.items():
        words = line.split(" ")
        done = subprocess.run(
            [shell, flag, "-c", program.format(words=line, line=line, last=len(words) - 1)], cwd=tmp_path,
            env=os.environ | {"PATH": path, "HOME": str(tmp_path), "TERM": "xterm"}, capture_output=True, text=True,
        )  # fmt: skip
        offered = {word.partition("\t")[0] for word in done.stdout.splitlines() if word}
        assert done.returncode != 9, done.stderr
        assert offered == expected, (shell, line, done.stdout, done.stderr)
        assert "error" not in done.stderr


def test_every_command_has_a_manual_page_that_the_typesetter_accepts() -> None:
    pages = sorted((ROOT / "docs/man").glob("*.1"))
    assert {page.stem for page in pages} == {"secpipe", *(f"secpipe-{name}" for name in COMMANDS)}
    if shutil.which("groff") is None:
        skips.missing("groff is not installed")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", *map(str, pages)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_nothing_in_a_text_is_a_request_to_the_typesetter() -> None:
    from docs.man import escaped, quoted

    assert escaped(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert escaped("'de x") == "\\&'de x"
    assert escaped("a\\fB-b") == "a\\efB\\-b"
    assert quoted('a "b"') == '"a ""b"""'
