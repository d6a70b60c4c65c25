"""Full disks, many writers, kills and clocks: never a yes that was not verified, and what is whole is found again."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from secpipe.core.errors import EXIT_PASS, TrustError
from secpipe.core.trust import Trust
from secpipe.gate.verdicts import index as indexes
from secpipe.gate.verdicts import signed, store
from secpipe.gate.verdicts.acceptance import Wanted, accept
from secpipe.gate.verdicts.index import VerdictIndex, place_of
from secpipe.gate.verdicts.signed import About, Held
from secpipe.gate.verdicts.store import Entry
from tests import skips
from tests.unit.gate_builders import NOW
from tests.unit.serve.test_serve_answers import Served
from tests.unit.test_verdict_index import IMAGE, Images
from tests.unit.verdict_world import DIGEST

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
WRITERS = 24


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    return Images(tmp_path)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    return Served(tmp_path, monkeypatch)


def beside(do: Callable[[], object]) -> BaseProcess:
    """Return a process that was begun with all that this one holds."""
    if sys.platform == "win32":
        skips.cannot("Windows has no fork")
    process = multiprocessing.get_context("fork").Process(target=do)
    process.start()
    return process


def limited(bytes_: int) -> None:
    """Let this process write no file beyond that size: what a full disk is to a database."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


@pytest.mark.parametrize("room", [0, 1_000, 9_000, 30_000])
def test_a_disk_that_fills_while_indexing_changes_no_answer(world: Images, room: int) -> None:
    for number in range(40):
        world.judge(f"{number:064x}", f"{number + 1:064x}")
    world.judge()
    world.judge(at=NOW + HOUR)

    def ask() -> None:
        limited(room)
        found = world.about()
        os._exit(0 if len(found) == 2 and all(isinstance(one, Held) for one in found) else 1)

    child = beside(ask)
    child.join(60)
    assert child.exitcode == 0, "the index is made in memory where it cannot be kept"
    assert len(world.about()) == 2, "and what was left behind is no obstacle"


def test_an_indexer_that_is_killed_leaves_no_obstacle_and_hides_nothing(world: Images) -> None:
    for number in range(60):
        world.judge(f"{number:064x}", f"{number + 1:064x}")
    world.judge()

    def look() -> None:
        while True:
            with VerdictIndex(world.store) as one:
                one.refresh()
            place_of(world.store).unlink()  # so that it writes all the time

    for number in range(12):
        child = beside(look)
        time.sleep(0.01 + 0.007 * number)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        (found,) = world.about()
        assert isinstance(found, Held)


def test_a_refresh_that_looked_earlier_hides_nothing_from_one_that_looked_later(
    world: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lists the store; a no is written; another refreshes, and would ask after the first has put its list down."""
    world.judge()
    real, looked, first_done = store.entries, threading.Event(), threading.Event()
    told: list[int] = []

    def later() -> None:
        with VerdictIndex(world.store) as other:
            for _ in range(3):
                other.refresh()
            looked.set()
            first_done.wait(20)
            told.append(len(other.of_image(IMAGE, "prod")))

    second = threading.Thread(target=later)

    def entries(*words: object, **named: object) -> Iterator[Entry]:
        found = list(real(*words, **named))  # type: ignore[arg-type]
        if threading.current_thread() is not second:
            world.judge(at=NOW + HOUR)  # what nobody has seen yet
            second.start()
            looked.wait(1)
        yield from found

    monkeypatch.setattr(indexes.store, "entries", entries)
    with VerdictIndex(world.store) as index:
        index.refresh()
    first_done.set()
    second.join(20)
    assert told == [2]


def test_many_writers_and_readers_at_once_lose_nothing(world: Images) -> None:
    def write(number: int) -> None:
        world.judge(at=NOW + number * SECOND)
        (found, *_) = world.about()
        os._exit(0 if isinstance(found, Held) else 1)

    writers = [beside(lambda number=number: write(number)) for number in range(WRITERS)]  # type: ignore[misc]
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    found = world.about()
    assert len(found) == WRITERS
    assert all(isinstance(one, Held) for one in found)


def test_a_torn_write_is_no_verdict(world: Images) -> None:
    """A writer is killed while it writes: an entry stands whole or not at all, and signatures alone make a yes."""

    def write() -> None:
        for number in range(10_000):
            world.judge(at=NOW + number * SECOND)

    world.judge(at=NOW - SECOND)
    for number in range(8):
        child = beside(write)
        time.sleep(0.02 + 0.011 * number)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        entries = list(store.entries(world.store))
        assert all((one.folder / store.VERDICT).exists() for one in entries)
        whole = sum(all((one.folder / name).exists() for name in signed.names("vsa")) for one in entries)
        assert sum(isinstance(one, Held) for one in world.about()) == whole


def fresh(served: Served, entries: list[Entry], trust: Trust) -> bool:
    """Whether a verification from nothing lets the release out now, by what stood there when the server looked last."""
    about = About(DIGEST, None, "prod")
    found = [signed.attempt(one.folder, signed.stamp_of(one), about, trust, served.now) for one in entries]
    return accept(found, Wanted(about, served.policy), trust, served.now).exit_code == EXIT_PASS


def test_a_clock_that_jumps_gives_no_yes_that_verifying_anew_would_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's answers beside those of a verification of the same moment, while time, keys and verdicts change."""
    said = {True: 0, False: 0}
    for seed in range(20):
        dice = random.Random(seed)
        (tmp_path / str(seed)).mkdir()
        served = Served(tmp_path / str(seed), monkeypatch)
        served.sign(served.outcome())
        served.load()
        entries, trust = list(store.entries(served.store)), served.trust
        for _ in range(25):
            served.now = NOW + dice.choice([-2, 0, 1, 2, 23, 24, 25, 48]) * HOUR + dice.randrange(-2, 3) * SECOND
            act = dice.randrange(8)
            if act == 0:
                served.sign(served.outcome(at=served.now))
            elif act == 1:
                served.sign(served.denied(at=served.now))
            elif act == 2:
                served.retrust(name="verdict", verify_until=NOW + dice.choice([1, 2, 400]) * HOUR)
            if dice.random() < 0.5:
                with contextlib.suppress(TrustError):  # set back: it keeps what it had, and says no
                    served.load()
                    entries, trust = list(store.entries(served.store)), served.trust
            allowed = served.ask()["allowed"]
            said[allowed] += 1
            assert not allowed or fresh(served, entries, trust), (seed, served.now)
    assert min(said.values()) > 20, "it says both"


def test_a_clock_that_was_set_back_revives_nothing(served: Served) -> None:
    """What a look at an earlier time took away: the time of the last look, by which the server knew."""
    served.sign(served.outcome())
    served.now = NOW + 25 * HOUR
    served.load()
    assert not served.ask()["allowed"], "the verdict has ended"
    served.now = NOW + HOUR
    with pytest.raises(TrustError, match="set back"):
        served.load()
    assert not served.ask()["allowed"]
    served.now = NOW + 25 * HOUR - SECOND
    served.load()
    served.sign(served.outcome(at=served.now))
    served.load()
    assert served.ask()["allowed"], "and what time does to every clock is no obstacle"
