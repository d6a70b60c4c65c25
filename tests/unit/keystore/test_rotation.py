"""Rotation: due or not, what it leaves, and what it refuses without changing anything."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from datetime import timedelta

import pytest

from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.trust import KeyState
from secpipe.keys.schedule import Schedule
from secpipe.keys.schemes import scheme
from secpipe.keystore import memory
from secpipe.keystore.commit import rotate, suspend
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.keystore.unlock import open_signers
from tests.unprivileged import modes_hold

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))


def run(project, passphrase, now, schedule=SCHEDULE, force=()):
    return rotate(project.keys, project.home, schedule, passphrase, lambda: now, force)


def tree(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_nothing_is_due_before_its_time(project, passphrase, now):
    before = tree(project.keys)
    outcome = run(project, passphrase, now + 75 * DAY)
    assert outcome.made == ()
    assert outcome.plan.next_due == now + 76 * DAY
    assert tree(project.keys) == before


def test_the_successor_is_published_at_lead_time_and_used_after_the_handover(project, passphrase, now):
    outcome = run(project, passphrase, now + 76 * DAY)
    assert [(step.identity, step.version) for step in outcome.made] == [("builder", 2), ("verdict", 2)]
    later = now + 77 * DAY
    trust = open_trust(project.keys, now=later)
    states = [version.state(later) for version in trust.identities[0].versions]
    assert states == [KeyState.ACTIVE, KeyState.PRE_ACTIVATION]
    for at, expected in ((later, 1), (now + 91 * DAY, 2)):
        version, signers = open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=at)
        assert version.version == expected
        for signer, half in zip(signers, version.halves, strict=True):
            scheme.get(half.algorithm).verify(half.pem, signer.sign(b"m"), b"m")
    assert trust.identities[0].versions[0].state(now + 105 * DAY) is KeyState.DEACTIVATED


def test_a_second_run_does_nothing(project, passphrase, now):
    run(project, passphrase, now + 76 * DAY)
    before = tree(project.keys)
    for days in (76, 80, 100, 160):
        assert run(project, passphrase, now + days * DAY).made == ()
    assert tree(project.keys) == before


def test_late_runs_rotate_at_once(project, passphrase, now):
    outcome = run(project, passphrase, now + 300 * DAY)
    assert {step.not_before for step in outcome.made} == {now + 300 * DAY}


def test_many_rotations_keep_every_public_half_and_one_rotation_file(project, passphrase, now):
    at = now
    for _ in range(8):
        at += 90 * DAY
        run(project, passphrase, at)
    trust = open_trust(project.keys, now=at)
    assert [len(identity.versions) for identity in trust.identities] == [9, 9]
    assert len(list((project.keys / "ring").glob("*.*.json"))) == 2


def test_asked_for_rotation_of_one_identity(project, passphrase, now):
    outcome = run(project, passphrase, now + DAY, force=("builder",))
    assert [step.identity for step in outcome.made] == ["builder"]
    with pytest.raises(ConfigError, match="knows no identity"):
        run(project, passphrase, now + DAY, force=("nobody",))


@pytest.mark.parametrize(
    ("when", "message"),
    [(-DAY, "after now"), (timedelta(seconds=-1), "before the newest event"), (401 * DAY, "expired")],
)
def test_a_clock_outside_the_ring_is_refused(project, passphrase, now, when, message):
    before = tree(project.keys)
    with pytest.raises(TrustError, match=message):
        run(project, passphrase, now + when, force=("builder",))
    assert tree(project.keys) == before


def test_a_clock_behind_the_newest_time_seen_is_refused(project, passphrase, now):
    run(project, passphrase, now + 50 * DAY)
    with pytest.raises(TrustError, match="before the newest event"):
        run(project, passphrase, now + 49 * DAY, force=("builder",))


def test_rollback_of_the_folder_is_noticed(project, passphrase, now, tmp_path):
    shutil.copytree(project.keys, tmp_path / "old")
    run(project, passphrase, now + 76 * DAY)
    shutil.rmtree(project.keys)
    shutil.copytree(tmp_path / "old", project.keys)
    with pytest.raises(TrustError, match="rollback"):
        run(project, passphrase, now + 80 * DAY)


def test_a_fork_of_the_ring_is_noticed(project, passphrase, now, tmp_path):
    for name in ("keys", "home"):
        shutil.copytree(getattr(project, name), tmp_path / "other" / name)
    run(project, passphrase, now + 76 * DAY)
    theirs = type(project)(tmp_path / "other/keys", tmp_path / "other/home", project.pin)
    file_custody.forget()
    run(theirs, passphrase, now + 77 * DAY)
    shutil.copytree(theirs.keys, project.keys, dirs_exist_ok=True)
    with pytest.raises(TrustError, match="fork"):
        run(project, passphrase, now + 80 * DAY)


def test_a_wrong_passphrase_changes_nothing(project, now):
    before = tree(project.keys), tree(project.home)
    with pytest.raises(InputError, match="wrong passphrase"):
        rotate(project.keys, project.home, SCHEDULE, lambda: b"wrong", lambda: now + 80 * DAY)
    assert (tree(project.keys), {k: v for k, v in tree(project.home).items() if not k.endswith(".lock")}) == before


def test_a_full_disk_changes_nothing_public_and_the_next_run_succeeds(project, passphrase, now, monkeypatch):
    before = tree(project.keys)
    real = os.fsync
    for allowed in range(16):
        count = 0

        def full(descriptor, allowed=allowed):
            nonlocal count
            count += 1
            if count > allowed:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        try:
            run(project, passphrase, now + 76 * DAY)
        except (SecpipeError, OSError):
            monkeypatch.setattr(os, "fsync", real)
            published = open_trust(project.keys, now=now + 76 * DAY).ring_version == 2
            assert published or tree(project.keys) == before
        finally:
            monkeypatch.setattr(os, "fsync", real)
    run(project, passphrase, now + 76 * DAY)
    assert [len(identity.versions) for identity in open_trust(project.keys, now=now + 76 * DAY).identities] == [2, 2]


def test_a_read_only_folder_is_refused(project, passphrase, now):
    (project.keys / "ring").chmod(0o500)
    with modes_hold(), pytest.raises(SecpipeError):
        run(project, passphrase, now + 76 * DAY)


def test_suspension_stops_signing_and_endorsing(project, passphrase, now):
    version = suspend(project.keys, project.home, SCHEDULE, passphrase, now + DAY, "builder")
    trust = open_trust(project.keys, now=now + 2 * DAY)
    assert (version, trust.ring_version) == (2, 2)
    assert trust.identities[0].versions[0].state(now + 2 * DAY) is KeyState.SUSPENDED
    with pytest.raises(TrustError, match="suspended"):
        open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=now + 2 * DAY)
    outcome = run(project, passphrase, now + 80 * DAY)
    assert [(step.identity, bool(step.blocked)) for step in outcome.plan.steps] == [
        ("builder", True),
        ("verdict", False),
    ]
    with pytest.raises(ConfigError, match="nothing to suspend"):
        suspend(project.keys, project.home, SCHEDULE, passphrase, now + 81 * DAY, "builder")


def test_the_private_half_on_another_machine_is_said(project, passphrase, now):
    shutil.rmtree(project.home)
    with pytest.raises(InputError, match="not on this machine"):
        run(project, passphrase, now + 80 * DAY)


def test_memory_is_written(project, passphrase, now):
    run(project, passphrase, now + 76 * DAY)
    seen = memory.recall(project.home, project.pin)
    assert (seen.ring_version, seen.time) == (2, now + 76 * DAY)
    assert memory.guard(project.home, open_folder(project.keys, now=now + 80 * DAY)) == seen
