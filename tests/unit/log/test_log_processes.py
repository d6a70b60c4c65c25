"""Real processes append and are killed: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from secpipe.log import trusted
from secpipe.log.audit import audit
from secpipe.log.folder import Log
from secpipe.log.reader import Reader
from tests import skips
from tests.unit.log_world import NOW, World, trust

ROOT = Path(__file__).resolve().parents[3]
# Says what it appended only once `append` has returned: that is what was acknowledged.
WRITER = """
import hashlib, itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from secpipe.log.entry import Entry
from secpipe.log.folder import Log
log, name, most = Log(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for nth in itertools.islice(itertools.count(), most or None):
    digests = [hashlib.sha256(f"{name} {nth} {part}".encode()).hexdigest() for part in range(1 + nth % 3)]
    log.append([Entry("file", datetime.now(UTC), one).encode() for one in digests])
    print(*digests, sep="\\n", flush=True)
"""


def writer(world: World, name: str, most: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(world.path), name, str(most)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def logged(world: World) -> list[str]:
    """Sign, read the whole log, and return its digests."""
    data = Log(world.path).sign(world.signers, world.ratchet, NOW)
    head = trusted.check(data, trust()).head
    audit(world.path, head)
    return [entry.decode().partition('"sha256":"')[2][:64] for _, entry in Reader(world.path, head).entries()]


@skips.posix
@pytest.mark.parametrize("after", [0.15, 0.3])
def test_what_a_killed_writer_was_told_is_in_the_log(tmp_path: Path, after: float) -> None:
    world = World(tmp_path)
    told: list[str] = []
    for nth in range(2):
        process = writer(world, f"w{nth}")
        assert process.stdout is not None
        told.append(process.stdout.readline().strip())  # it runs
        time.sleep(after)
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        told += [line for line in rest.split("\n") if len(line) == 64]
    found = logged(world)
    assert set(told) <= set(found)
    assert len(found) == len(set(found))


def test_writers_at_once_lose_nothing_while_others_sign(tmp_path: Path) -> None:
    world = World(tmp_path)
    writers = [writer(world, f"w{nth}", 30) for nth in range(3)]
    while any(process.poll() is None for process in writers):
        world.sign()
        time.sleep(0.02)
    told = [line for process in writers for line in (process.communicate()[0]).split()]
    assert len(told) == 3 * 60
    found = logged(world)
    assert sorted(found) == sorted(told)


@pytest.mark.slow
def test_eight_writers_for_a_minute_lose_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    writers = [writer(world, f"w{nth}") for nth in range(8)]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        world.sign()
        time.sleep(0.5)
    for process in writers:
        process.kill()
    told = [line for process in writers for line in process.communicate()[0].split() if len(line) == 64]
    found = logged(world)
    assert set(told) <= set(found)
    assert len(found) == len(set(found))
