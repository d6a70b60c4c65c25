"""A rotation killed at every step point, and many rotations at once: one rotation, nothing lost, nothing broken."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.keys.schedule import Schedule
from secpipe.keystore.commit import rotate
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.home import read_record
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.keystore.unlock import open_record
from tests import skips

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))
# The door to the file system: every call of these that can change it is a step point; we die before it, and after it.
DOOR = (
    "open",
    "replace",
    "unlink",
    "fsync",
    "mkdir",
    "rename",
    "link",
    "fdopen",
    "fchmod",
    "chmod",
    "write",
    "truncate",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
KILLED = 77

pytestmark = skips.unless_possible(hasattr(os, "fork"), "this system has no fork")


def killed_at(point: int, after: bool, work) -> bool:
    """Run `work` in a child that ends with `_exit` at its `point`-th step; return whether it got that far."""
    child = os.fork()
    if child == 0:
        count = 0
        real = {name: getattr(os, name) for name in DOOR}

        def trap(name):
            def call(*args, **kwargs):
                nonlocal count
                if name == "open" and not args[1] & WRITING:
                    return real[name](*args, **kwargs)
                count += 1
                reached = count == point
                if reached and not after:
                    os._exit(KILLED)
                try:
                    return real[name](*args, **kwargs)
                finally:
                    if reached:
                        os._exit(KILLED)

            return call

        code = 1
        try:
            for name in DOOR:
                setattr(os, name, trap(name))
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WEXITSTATUS(status) in {0, KILLED}, "the rotation itself failed"
    return os.WEXITSTATUS(status) == KILLED


def copy(project, where: Path):
    for name in ("keys", "home"):
        shutil.copytree(getattr(project, name), where / name)
    return type(project)(where / "keys", where / "home", project.pin)


def check_consistent(project, passphrase, now) -> list[int]:
    found = open_folder(project.keys, now=now)
    for identity in found.trust.identities:
        for version in identity.versions:
            record = read_record(project.home, version.id)
            assert record is not None, "a published key without its private half"
            open_record(record, project.home, passphrase)
    return [len(identity.versions) for identity in found.trust.identities]


SLOW = [pytest.param(after, round_, 1, marks=pytest.mark.slow) for after in (False, True) for round_ in (1, 2)]


@pytest.mark.parametrize(("after", "round_", "stride"), [(False, 2, 13), (True, 2, 23), *SLOW])
def test_a_crash_at_every_step_point(project, passphrase, now, tmp_path, after, round_, stride):
    at = now + 76 * DAY
    if round_ == 2:  # the second rotation also removes the file of the first
        rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: at)
        at += 90 * DAY
    point, outcomes = 0, set()
    while True:
        point += stride
        one = copy(project, tmp_path / f"{point}")
        file_custody.forget()

        def work(one=one, at=at):
            rotate(one.keys, one.home, SCHEDULE, passphrase, lambda: at)

        if not killed_at(point, after, work):
            break
        outcomes.add(tuple(check_consistent(one, passphrase, at)))
        rotate(one.keys, one.home, SCHEDULE, passphrase, lambda: at)
        trust = open_trust(one.keys, now=at)
        assert [len(identity.versions) for identity in trust.identities] == [round_ + 1, round_ + 1]
        if point % 10 < stride:
            check_consistent(one, passphrase, at)
            assert rotate(one.keys, one.home, SCHEDULE, passphrase, lambda: at).made == ()
        assert not list(one.keys.rglob(".*.tmp"))
        shutil.rmtree(tmp_path / f"{point}")
    assert point > 40, "the door was not watched"
    assert outcomes == {(round_, round_), (round_ + 1, round_ + 1)}


def test_many_at_once_are_one_rotation(project, passphrase, now):
    at = now + 76 * DAY
    children = []
    for _ in range(24):
        child = os.fork()
        if child == 0:
            code = 9
            try:
                outcome = rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: at)
                code = len(outcome.made)
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [0] * 23 + [2]
    assert [len(identity.versions) for identity in open_trust(project.keys, now=at).identities] == [2, 2]
    assert open_trust(project.keys, now=at).ring_version == 2
