"""docs/deploy.md as an operator does it: its transcript is run against a registry, cosign and the server itself.

Needs `docker-registry` and cosign, as tests/e2e/test_image_acts.py does.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import skips
from tests.e2e.transcript import ROOT, Shell, play
from tests.interop import others, registries

PAGE = ROOT / "docs/deploy.md"


@pytest.fixture
def operator(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shell]:
    for module in ("oras", "uvicorn"):
        skips.module(module)
    if registries.find() is None:
        skips.missing(registries.WHY_NOT)
    cosign = others.find("cosign")
    if cosign is None:
        skips.missing(others.why_not("cosign"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "secpipe").write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m secpipe "$@"\n')
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    os.symlink(str(cosign), programs / "cosign")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shell.now = datetime.now(UTC).replace(microsecond=0)  # the server has the real clock
    shutil.copytree(ROOT / "examples", shell.cwd / "examples")
    model = shell.cwd / "tiny"
    model.mkdir()
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    (shell.cwd / "pw").write_text("correct horse battery")
    (shell.cwd / "pw").chmod(0o600)
    with registries.serving(tmp_path) as host:
        monkeypatch.setenv("HOST", host)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            monkeypatch.setenv("PORT", str(free.getsockname()[1]))
        yield shell
    number = shell.cwd / "serve.pid"
    if number.is_file():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(number.read_text()), signal.SIGKILL)


@pytest.mark.interop
def test_the_page_is_what_happens(operator: Shell, tmp_path: Path) -> None:
    blocks = re.findall(r"^```\n(\$ .*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    story = tmp_path / "story.txt"
    story.write_text("\n".join(blocks))
    play(story, operator)
