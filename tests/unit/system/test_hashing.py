"""Many small files hashed by several processes: the same entries as by one, whatever becomes of the others."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from secpipe.core.artifact import FileEntry, Skip
from secpipe.gate.cached.look import FirstLook
from secpipe.system import forked, hashing
from secpipe.system.tree import walk
from tests import skips


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(forked, "cores", lambda: 3)
    for number in range(40):
        folder = tmp_path / f"f{number % 3}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.py").write_text(f"x = {number}\n" if number % 5 else "import openai\n")
    (tmp_path / "f0/\udcff.txt").write_bytes(b"a name that is no UTF-8\n")
    (tmp_path / "f1/\n.txt").write_bytes(bytes(range(256)))
    (tmp_path / "f2/empty").touch()
    return tmp_path


def looked(project: Path, monkeypatch: pytest.MonkeyPatch, many: int) -> tuple[tuple[FileEntry, ...], FirstLook]:
    monkeypatch.setattr(hashing, "_MANY", many)
    look = FirstLook()
    return walk(project, look=look).files, look


@skips.posix
def test_several_processes_find_what_one_finds(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    real = forked.started
    monkeypatch.setattr(forked, "started", lambda work: (started.append(work), real(work))[1])
    alone, own = looked(project, monkeypatch, 1000)
    assert not started
    shared, both = looked(project, monkeypatch, 2)
    assert started
    assert shared == alone
    assert (both.plain, both.quiet) == (own.plain, own.quiet)


@skips.posix
@pytest.mark.parametrize("harm", ["killed", "broken", "silent"])
def test_the_share_of_one_that_does_not_end_is_done_again(
    project: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    def told(base: Path, paths: Sequence[str], look: object) -> bytes:
        if harm == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if harm == "silent":
            os._exit(7)
        raise MemoryError

    alone, own = looked(project, monkeypatch, 1000)
    monkeypatch.setattr(hashing, "_told", told)
    shared, both = looked(project, monkeypatch, 2)
    assert shared == alone
    assert both.plain == own.plain


@skips.posix
def test_where_no_process_can_be_had_this_one_does_it_all(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError("too many processes")

    alone, _ = looked(project, monkeypatch, 1000)
    monkeypatch.setattr(os, "fork", refused)
    assert looked(project, monkeypatch, 2)[0] == alone


@skips.posix
def test_a_program_that_reaps_its_own_children_gets_the_same_entries(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reaped(pid: int, options: int) -> tuple[int, int]:
        real(pid, options)
        raise ChildProcessError

    alone, _ = looked(project, monkeypatch, 1000)
    real = os.waitpid
    monkeypatch.setattr(os, "waitpid", reaped)
    assert looked(project, monkeypatch, 2)[0] == alone


@skips.posix
def test_what_cannot_be_read_is_told_by_every_process(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [path.relative_to(project).as_posix() for path in sorted(project.rglob("*.py"))]
    for path in (paths[1], paths[-2]):
        (project / path).unlink()
    found = hashing._shared(project, paths, None, None)
    assert [one.path for one in found if isinstance(one, Skip)] == [paths[1], paths[-2]]


@skips.posix
def test_no_process_is_left_when_this_one_stops(project: Path) -> None:
    def forever() -> bytes:
        signal.pause()
        return b""

    with pytest.raises(KeyboardInterrupt), forked.started(forever):
        raise KeyboardInterrupt
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_beside_threads_no_copy_is_made() -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert forked.cores() == 1
    finally:
        done.set()
        other.join()
