"""A writer that dies at any call to the system, and a disk that is full at any byte: what was told stays."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.core.errors import SecpipeError
from secpipe.log import trusted
from secpipe.log.audit import audit
from secpipe.log.folder import Log
from secpipe.log.reader import Reader
from tests import skips
from tests.unit.log_world import NOW, World, entries, trust

pytestmark = skips.posix
#: The calls by which the log changes a disk, and waits for it.
CALLS = ("open", "replace", "fsync", "ftruncate", "unlink", "rmdir", "mkdir")
BEFORE, TOLD = 254, 4


def child(work: Callable[[], None]) -> int:
    """Run in a process of its own; return how it ended: 0, 1 for an error of ours, or minus the signal."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            work()
            code = 0
        except SecpipeError:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dying_at(step: int, work: Callable[[], None]) -> int:
    """Kill the process with SIGKILL at the `step`th call that changes the disk."""

    def run() -> None:
        left = step

        def counted(name: str) -> None:
            real = getattr(os, name)

            def call(*words: object, **more: object) -> object:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return real(*words, **more)

            setattr(os, name, call)

        for name in CALLS:
            counted(name)
        work()

    return child(run)


def found(world: World) -> list[bytes]:
    """Sign whatever is there, read every byte of it, and return the entries."""
    data = Log(world.path).sign(world.signers, world.ratchet, NOW)
    head = trusted.check(data, trust()).head
    assert audit(world.path, head).entries == head.size
    return [entry for _, entry in Reader(world.path, head).entries()]


def grown(base: Path) -> World:
    world = World(base)
    world.grow(BEFORE)
    world.log.append(entries(TOLD, BEFORE))
    return world


def stepwise(base: Path, work: Callable[[World], Callable[[], None]], wanted: set[int], every: int) -> int:
    """Die at every `every`th step of `work`, each time in a new log; return how many steps there are."""
    step = 0
    while True:
        world = grown(base / str(step))
        ended = dying_at(step, work(world))
        assert ended in (0, -signal.SIGKILL)
        rows = found(world)
        assert rows[: BEFORE + TOLD] == entries(BEFORE + TOLD), "what was told is there, in its order"
        assert len(rows) in wanted
        assert Log(world.path).append(entries(1, 900)).first == len(rows)
        if ended == 0:
            return step
        step += every


def signing(world: World) -> Callable[[], None]:
    return lambda: bool(Log(world.path).sign(world.signers, world.ratchet, NOW)) and None


def appending(world: World) -> Callable[[], None]:
    return lambda: bool(Log(world.path).append(entries(3, BEFORE + TOLD))) and None


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_who_dies_at_any_call_while_signing_loses_nothing(tmp_path: Path, every: int) -> None:
    assert stepwise(tmp_path, signing, {BEFORE + TOLD}, every) > 30


def test_who_dies_at_any_call_while_appending_loses_nothing(tmp_path: Path) -> None:
    assert stepwise(tmp_path, appending, {BEFORE + TOLD, BEFORE + TOLD + 3}, 1) >= 3


def limited(size: int, work: Callable[[], None]) -> int:
    """Run where no file may grow past `size` bytes: the system writes as much as fits, and then none."""
    import resource

    def run() -> None:
        if sys.platform != "win32":
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        work()

    return child(run)


@pytest.mark.parametrize("room", [0, 1, 4, 51, 52, 60, 200, 400])
def test_a_disk_that_is_full_within_a_batch_keeps_what_was_told(tmp_path: Path, room: int) -> None:
    world = grown(tmp_path)
    journal = world.path / "journal"
    before = journal.read_bytes()
    assert limited(len(before) + room, appending(world)) == 1
    assert journal.read_bytes() == before
    done = Log(world.path).append(entries(1, BEFORE + TOLD))
    assert (done.first, done.torn) == (BEFORE + TOLD, "")
    assert found(world) == entries(BEFORE + TOLD + 1)


@pytest.mark.parametrize("size", [0, 32, 100, 2_000, 9_000, 40_000])
def test_a_disk_that_is_full_while_signing_keeps_what_was_told(tmp_path: Path, size: int) -> None:
    world = grown(tmp_path)
    published = (world.path / "checkpoint").read_bytes()
    assert limited(size, signing(world)) == 1
    assert (world.path / "checkpoint").read_bytes() == published
    assert found(world) == entries(BEFORE + TOLD)
