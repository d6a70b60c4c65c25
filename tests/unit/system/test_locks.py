"""A lock between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.core.errors import SecpipeError
from secpipe.system import locks

HOLD = """
import sys
from secpipe.system.locks import lock
with lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_holds_between_processes_and_goes_with_a_killed_one(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SecpipeError, match="locked by another process"), locks.lock(place, wait=False):
            pass
        other.kill()
        other.wait()
    with locks.lock(place, wait=False):
        pass


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecpipeError, match="cannot lock"), locks.lock(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
