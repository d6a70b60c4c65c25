"""Repair paths: two rotations that met in a merge, a lost key, a memory that a wrong clock spoiled."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import timedelta

import pytest

from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.keys.schedule import Schedule
from secpipe.keystore import memory, quorum
from secpipe.keystore.commit import rotate, suspend
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.merge import merge, sides
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.keystore.unlock import open_signers
from tests import skips

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))


def run(keys, home, passphrase, at, force=()):
    file_custody.forget()
    return rotate(keys, home, SCHEDULE, passphrase, lambda: at, force)


class Branches:
    """One ring that two clones rotated: `ours` in the project, `theirs` beside it, each with a home of its own."""

    def __init__(self, project, passphrase, now, tmp_path):
        self.keys, self.home, self.passphrase = project.keys, project.home, passphrase
        self.theirs, self.their_home = tmp_path / "theirs", tmp_path / "their-home"
        shutil.copytree(project.keys, self.theirs)
        shutil.copytree(project.home, self.their_home)
        self.at = now + 77 * DAY
        run(self.keys, self.home, passphrase, now + 76 * DAY, ("builder",))

    def conflict(self, name="2.rotation.json"):
        """What git leaves in the working tree."""
        ours, theirs = (self.keys / "ring" / name).read_bytes(), (self.theirs / "ring" / name).read_bytes()
        (self.keys / "ring" / name).write_bytes(b"<<<<<<< HEAD\n" + ours + b"=======\n" + theirs + b">>>>>>> theirs\n")
        shutil.copytree(self.theirs / "targets", self.keys / "targets", dirs_exist_ok=True)
        return ours, theirs


@pytest.fixture
def branches(project, passphrase, now, tmp_path):
    return Branches(project, passphrase, now, tmp_path)


def test_a_conflict_keeps_what_this_machine_made_and_the_rest_is_made_again(branches, passphrase):
    run(branches.theirs, branches.their_home, passphrase, branches.at, ("verdict",))
    branches.conflict()
    with pytest.raises(InputError, match="merge conflict") as caught:
        open_folder(branches.keys, now=None)
    assert caught.value.hint == "secpipe keys merge"
    done = merge(branches.keys, branches.home)
    assert (done.ring.version, done.rotate, done.suspend) == (2, ("verdict",), ())
    assert [len(one.versions) for one in open_trust(branches.keys, now=branches.at).identities] == [2, 1]
    run(branches.keys, branches.home, passphrase, branches.at)
    assert [len(one.versions) for one in open_trust(branches.keys, now=branches.at).identities] == [2, 2]


def test_the_other_one_is_kept_by_its_digest_and_its_key_is_used_again(branches, passphrase):
    """The machine whose rotation goes can go on: its key waits in its home and becomes the next version."""
    run(branches.theirs, branches.their_home, passphrase, branches.at, ("verdict",))
    theirs = open_folder(branches.theirs, now=None).ring.newest.digest
    mine = open_folder(branches.keys, now=None).ring.identity("builder").versions[1].id
    branches.conflict()
    done = merge(branches.keys, branches.home, f"sha256:{theirs[:12]}")
    assert (done.ring.newest.digest, done.rotate) == (theirs, ("builder",))
    run(branches.keys, branches.home, passphrase, branches.at)
    assert open_folder(branches.keys, now=None).ring.identity("builder").versions[1].id == mine


def test_a_stranger_is_asked_and_told_both(branches, passphrase, tmp_path):
    run(branches.theirs, branches.their_home, passphrase, branches.at, ("verdict",))
    branches.conflict()
    with pytest.raises(ConfigError) as caught:
        merge(branches.keys, tmp_path / "nobody")
    assert caught.value.hint.count("--keep ") == 2
    assert "builder version 2" in caught.value.hint
    assert "verdict version 2" in caught.value.hint
    with pytest.raises(ConfigError, match="0 rotations"):
        merge(branches.keys, tmp_path / "nobody", "ffffffffffff")


def test_a_suspension_of_the_other_side_is_not_lost_silently(branches, passphrase):
    file_custody.forget()
    suspend(branches.theirs, branches.their_home, SCHEDULE, passphrase, branches.at, "verdict")
    branches.conflict()
    assert merge(branches.keys, branches.home).suspend == ("verdict",)


def test_two_numbers_that_merged_without_a_conflict(branches, passphrase, now):
    """The other branch rotated twice: git keeps 2 of ours and 3 of theirs."""
    run(branches.theirs, branches.their_home, passphrase, now + 76 * DAY, ("verdict",))
    run(branches.theirs, branches.their_home, passphrase, branches.at, ("builder",))
    shutil.copy(branches.theirs / "ring/3.rotation.json", branches.keys / "ring")
    shutil.copytree(branches.theirs / "targets", branches.keys / "targets", dirs_exist_ok=True)
    with pytest.raises(TrustError, match="forked") as caught:
        open_folder(branches.keys, now=None)
    assert caught.value.hint == "secpipe keys merge"
    assert merge(branches.keys, branches.home).ring.version == 2
    assert open_trust(branches.keys, now=branches.at).ring_version == 2


def test_a_crash_between_two_rotation_files_needs_no_choice(branches, passphrase):
    left = (branches.keys / "ring/2.rotation.json").read_bytes()
    run(branches.keys, branches.home, passphrase, branches.at)
    (branches.keys / "ring/2.rotation.json").write_bytes(left)
    assert merge(branches.keys, branches.home.parent / "nobody").ring.version == 3


def test_a_forged_side_is_no_candidate(branches, passphrase):
    """A pull request that brings a conflict with nonsense changes nothing."""
    ours = (branches.keys / "ring/2.rotation.json").read_bytes()
    evil = ours.replace(b'"version": 2', b'"version": 2 ')
    (branches.keys / "ring/2.rotation.json").write_bytes(
        b"<<<<<<< a\n" + evil[:-40] + b"\n=======\n" + ours + b">>>>>>> b\n"
    )
    assert merge(branches.keys, branches.home).rotate == ()
    assert (branches.keys / "ring/2.rotation.json").read_bytes() == ours
    (branches.keys / "ring/2.rotation.json").write_bytes(b"<<<<<<< a\n{}\n=======\n[]\n>>>>>>> b\n")
    with pytest.raises(TrustError, match="no rotation here holds"):
        merge(branches.keys, branches.home)


def test_conflict_markers_in_all_of_gits_styles():
    hunk = b"a\n<<<<<<< HEAD\nb\n||||||| base\nx\n=======\nc\n>>>>>>> other\nd\n"
    assert sides(hunk) == (b"a\nb\nd\n", b"a\nc\nd\n")
    assert sides(b"no markers\n") == (b"no markers\n",)


@skips.unless_installed(shutil.which("git"), "no git here")
def test_a_merge_by_git_itself(branches, passphrase):
    def git(*argv, folder=branches.keys):
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *identity, *argv], cwd=folder, capture_output=True).returncode

    ours = branches.keys.parent / "ours"
    run(branches.theirs, branches.their_home, passphrase, branches.at, ("verdict",))
    shutil.copytree(branches.keys, ours)
    shutil.rmtree(branches.keys / "targets/builder")
    (branches.keys / "ring/2.rotation.json").unlink()
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "keys")
    for name, source in (("one", ours), ("two", branches.theirs)):
        git("switch", "-qc", name, "main")
        shutil.copytree(source, branches.keys, dirs_exist_ok=True)
        git("add", "-A")
        git("commit", "-qm", name)
    git("switch", "-q", "one")
    assert git("merge", "-q", "two") != 0
    assert merge(branches.keys, branches.home).rotate == ("verdict",)
    assert open_trust(branches.keys, now=branches.at).ring_version == 2


def test_a_lost_key_is_replaced_and_what_it_signed_stays_good(project, passphrase, now):
    found = open_folder(project.keys, now=now)
    lost = found.ring.identity("builder").versions[0]
    (project.home / "keys" / f"{lost.id}.json").unlink()
    file_custody.forget()
    at = now + 80 * DAY
    with pytest.raises(SecpipeError) as caught:
        run(project.keys, project.home, passphrase, at, ("builder",))
    assert "secpipe keys replace builder" in caught.value.hint
    found = quorum.begin(project.keys, project.home, at)
    quorum.draft(found, quorum.replaced(found, project.home, "builder", SCHEDULE, passphrase, at), at)
    assert sign_pending(project.keys, project.home, passphrase, at).published
    trust = open_trust(project.keys, now=at)
    first, second = trust.identities[0].versions
    assert (first, first.compromised_since) == (lost, None)
    version, _ = open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=at)
    assert version == second
    run(project.keys, project.home, passphrase, at + DAY, ("builder",))


def test_a_memory_that_a_wrong_clock_spoiled(project, passphrase, now):
    found = open_folder(project.keys, now=now)
    memory.remember(project.home, found, now + 400 * DAY)
    with pytest.raises(TrustError) as caught:
        run(project.keys, project.home, passphrase, now + DAY)
    assert "secpipe trust forget" in caught.value.hint
    memory.forget(project.home, found, keep=True)
    run(project.keys, project.home, passphrase, now + DAY)
    assert memory.recall(project.home, project.pin).ring.versions  # what was seen is still known


def test_forgetting_the_time_is_no_way_to_go_back(project, passphrase, now, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(project.keys, old)
    run(project.keys, project.home, passphrase, now + 76 * DAY)
    with pytest.raises(TrustError, match="rollback"):
        memory.forget(project.home, open_folder(old, now=None), keep=True)
    assert memory.recall(project.home, project.pin).ring_version == 2
    memory.forget(project.home, open_folder(old, now=None))
    assert memory.recall(project.home, project.pin) is None


def test_a_merge_does_not_forget_what_the_holders_decided(project, passphrase, now, tmp_path):
    """A pull request puts back the ring from before a revocation, with a "conflict": `keys merge` is advised."""
    run(project.keys, project.home, passphrase, now + DAY, ("builder",))
    old = tmp_path / "old"
    shutil.copytree(project.keys, old)
    at = now + 2 * DAY
    found = quorum.begin(project.keys, project.home, at)
    change = quorum.revoked(found, project.home, "builder", None, now, "stolen", SCHEDULE, passphrase, at)
    quorum.draft(found, change, at)
    assert sign_pending(project.keys, project.home, passphrase, at).published
    memory.remember(project.home, open_folder(project.keys, now=at), at)
    shutil.rmtree(project.keys)
    shutil.copytree(old, project.keys)
    place = project.keys / "ring" / "2.rotation.json"
    genuine = place.read_bytes()
    place.write_bytes(b"<<<<<<< HEAD\n" + genuine + b"=======\n" + genuine + b">>>>>>> theirs\n")
    with pytest.raises(TrustError, match=r"rollback|fork"):
        merge(project.keys, project.home)
    assert memory.recall(project.home, found.anchor).ring_version == 3


def test_after_a_merge_this_machine_still_remembers(branches, passphrase):
    run(branches.theirs, branches.their_home, passphrase, branches.at, ("verdict",))
    _, theirs = branches.conflict()
    digest = hashlib.sha256(theirs).hexdigest()
    done = merge(branches.keys, branches.home, digest)
    seen = memory.recall(branches.home, open_folder(branches.keys, now=None).anchor)
    assert seen is not None
    assert (seen.ring_version, seen.ring_digest) == (done.ring.version, digest)


def hint_of(call, *words):
    with pytest.raises(SecpipeError) as caught:
        call()
    for word in words:
        assert word in caught.value.hint, (caught.value.message, caught.value.hint)


@pytest.fixture
def signs(project, passphrase):
    """Open the builder's key at a time, with a passphrase."""

    def call(at, secret=passphrase):
        file_custody.forget()
        trust = open_trust(project.keys, now=at)
        return open_signers("builder", trust=trust, home=project.home, passphrase=secret, now=at)

    return call


def test_a_lost_passphrase_has_its_command(signs, now):
    hint_of(lambda: signs(now, lambda: b"another"), "keys restore", "keys replace", "keys remove-holder")


def test_a_key_that_may_not_sign_has_the_command_that_helps(signs, project, passphrase, now):
    hint_of(lambda: signs(now + 300 * DAY), "keys rotate --if-due", "keys replace builder")
    suspend(project.keys, project.home, SCHEDULE, passphrase, now + DAY, "builder")
    hint_of(lambda: signs(now + 2 * DAY), "keys reinstate builder", "keys revoke builder")


def test_a_key_that_may_not_sign_yet_says_from_when(project, passphrase, now):
    home, trust = project.home, open_trust(project.keys, now=now)
    hint_of(
        lambda: open_signers("builder", trust=trust, home=home, passphrase=passphrase, now=now - DAY),
        "2026-11-21",
        "clock",
    )


def test_a_damaged_folder_says_how_to_get_it_back(project, now):
    ring = project.keys / "ring/1.targets.json"
    whole = ring.read_bytes()
    for bad in (
        b"",
        b"{}",
        whole[:-40],
        whole.replace(b"builder", b"bvilder"),
        whole.replace(b'"version": 1', b'"version": 2'),
    ):
        ring.write_bytes(bad)
        hint_of(lambda: open_trust(project.keys, now=now), "git log", "trust update")
    ring.write_bytes(whole)
    assert open_trust(project.keys, now=now).ring_version == 1
    (target,) = project.keys.glob("targets/*.builder.json")
    target.unlink()
    hint_of(lambda: open_trust(project.keys, now=now), "git log", "trust update")
