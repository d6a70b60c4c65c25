"""The install lines of the README and its page run as they stand from an empty home; none names secpipe alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe import __version__
from tests import skips
from tests.e2e.releases import ROOT, clone, run

INSTALL = (ROOT / "README.md").read_text().split("## Install\n")[1].split("\n## ")[0]
PAGE = (ROOT / "docs/install.md").read_text()
COMMANDS = [line.split("   #")[0].rstrip() for line in re.findall(r"^    (\S.*)$", PAGE, re.MULTILINE)]
SHORT = [line.split("   #")[0].rstrip() for line in re.findall(r"^    (\S.*)$", INSTALL, re.MULTILINE)]


def test_no_line_takes_secpipe_from_an_index_by_name() -> None:
    assert len(COMMANDS) == 8
    for command in COMMANDS + SHORT:
        words = command.split()
        assert not {"install", "secpipe"} <= set(words), command
        assert not [word for word in words if re.fullmatch(r"secpipe(\[.*\])?([=<>~].*)?", word)], command


def test_the_readme_names_lines_of_the_page() -> None:
    assert len(SHORT) == 3
    assert {part for command in SHORT for part in command.split(" && ")} <= set(COMMANDS)


@pytest.mark.slow
@skips.posix
@skips.unless_possible((ROOT / ".git").exists(), "the checkout is what is installed from")
def test_every_install_line_runs_from_an_empty_home(tmp_path: Path) -> None:
    origin = clone(tmp_path / "origin")
    checkout, home, tools = tmp_path / "checkout", tmp_path / "home", tmp_path / "tools"
    run("git", "clone", "--quiet", f"file://{origin}", checkout)
    home.mkdir()
    tools.mkdir()
    for name in ("pipx", "uv"):
        program = Path(sys.executable).with_name(name)
        assert program.exists() or shutil.which(name), f"{name} is not here"
        (tools / name).symlink_to(program if program.exists() else str(shutil.which(name)))
    python = os.path.dirname(os.path.realpath(sys.executable))
    env = {"HOME": str(home), "PATH": f"{tools}:{home}/.local/bin:{python}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_"))}
    for command in COMMANDS:
        done = subprocess.run(["sh", "-c", command], cwd=checkout, env=env, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-4000:])
        if command.endswith("--version"):
            assert done.stdout == f"secpipe, version {__version__}\n"
        if "tool install" in command or command.startswith("pipx"):
            shown = subprocess.run(["secpipe", "--version"], env=env, cwd=home, capture_output=True, text=True)
            assert shown.stdout == f"secpipe, version {__version__}\n", command
            shutil.rmtree(home / ".local/bin")
