"""Automation only appends: what a stolen rotation key tries on those who remember, and how holders begin anew."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secpipe.core.errors import SecpipeError, TrustError
from secpipe.core.trust import KeyState, KeyVersion
from secpipe.keys.growth import demand_growth, known, parse_known
from secpipe.keys.ring import Suspension, rotation_fields
from secpipe.keys.schedule import Schedule
from secpipe.keys.successor import endorse
from secpipe.keystore import home as store
from secpipe.keystore import memory, quorum
from secpipe.keystore.commit import rotate, suspend
from secpipe.keystore.fresh import fresh, signed_file
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trust_update import FolderSource, update
from secpipe.keystore.trusted import open_folder, open_trust, target_path
from secpipe.keystore.unlock import open_record

DAY = timedelta(days=1)
PAIR = ("ecdsa-p256", "ml-dsa-65")
SCHEDULE = Schedule(jitter=timedelta(0))
OLD = Path(__file__).parent / "old_rings"


class Lab:
    """One trust folder whose rotation key is in a thief's hands, and a verifier far away that follows by updates."""

    def __init__(self, project, passphrase, now, far):
        self.project, self.passphrase, self.now, self.far = project, passphrase, now, far
        (self.role,) = store.find(project.home, "rotation", "rotation", project.pin)
        self.thief = open_record(self.role, project.home, passphrase)
        self.follow(now)

    @property
    def found(self):
        return open_folder(self.project.keys, now=None)

    def follow(self, at):
        """The verifier takes what lies in the folder now."""
        return update(self.far / "keys", FolderSource(self.project.keys), self.far / "home", at, self.project.pin)

    def follow_with_memory_only(self, at):
        shutil.rmtree(self.far / "keys")
        return self.follow(at)

    def signers(self, name, number=1):
        version = self.found.ring.identity(name).versions[number - 1]
        return version, open_record(
            store.read_record(self.project.home, version.id), self.project.home, self.passphrase
        )

    def made(self, name, at, old=1, **changes):
        """A version that follows `old`, properly endorsed, with a key of the thief's own."""
        version, signers = self.signers(name, old)
        new = fresh(PAIR)
        blank = replace(KeyVersion(old + 1, new.halves, at, at + 90 * DAY), **changes)
        return endorse(name, blank, at, self.project.pin, version, signers, new.signers)

    def forge(self, number, at, made=(), suspended=(), history=None):
        """Write rotation `number` instead of the present one, with the stolen rotation key."""
        ring = self.found.ring
        history = (*ring.history, ring.newest.digest) if history is None else history
        signed = rotation_fields(number, at, at + 399 * DAY, history[: number - 1], made, suspended)
        for item in made:
            data = item.document()
            place = f"{item.identity}/{item.version.version}.json"
            path = target_path(self.project.keys, place, hashlib.sha256(data).hexdigest())
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        data = signed_file(signed, self.role.halves, self.thief, "rotation")
        for path in (self.project.keys / "ring").glob("*.rotation.json"):
            path.unlink()
        (self.project.keys / f"ring/{number}.rotation.json").write_bytes(data)
        hint = json.loads((self.project.keys / "ring/latest.json").read_text()) | {"ring": number}
        (self.project.keys / "ring/latest.json").write_text(json.dumps(hint))

    def rotated(self, at):
        return rotate(self.project.keys, self.project.home, SCHEDULE, self.passphrase, lambda: at)

    def suspended(self, name, at):
        suspend(self.project.keys, self.project.home, SCHEDULE, self.passphrase, at, name)

    def decided(self, at, make):
        found = quorum.begin(self.project.keys, self.project.home, at)
        quorum.draft(found, make(found), at)
        assert sign_pending(self.project.keys, self.project.home, self.passphrase, at).published

    def new_epoch(self, at, *, rotation_key=True):
        folder, home = self.project.keys, self.project.home
        found, identities, _ = quorum.begin_epoch(folder, home, at)
        change = quorum.new_epoch(found, identities)
        if rotation_key:
            change = quorum.with_rotation_key(found, change, home, self.passphrase, at)
        quorum.draft(found, change, at)
        return sign_pending(folder, home, self.passphrase, at)


@pytest.fixture
def lab(project, passphrase, now, tmp_path):
    (tmp_path / "far").mkdir()
    return Lab(project, passphrase, now, tmp_path / "far")


def marks(lab, *since):
    return [Suspension(name, 1, at) for name, at in zip(("verdict", "builder"), since, strict=False)]


def lifted(lab, at):
    lab.suspended("builder", at)
    lab.follow(at)
    lab.forge(3, at + DAY)


def lifted_with_padding(lab, at):
    """The mark stays, but begins in a hundred years; another one fills the number."""
    lab.suspended("builder", at)
    lab.follow(at)
    lab.forge(3, at + DAY, (), marks(lab, at, at + 36_500 * DAY))


def dropped(lab, at):
    lab.rotated(at + 76 * DAY)
    lab.follow(at + 76 * DAY)
    lab.forge(3, at + 77 * DAY, (), marks(lab, at + 77 * DAY, at + 77 * DAY))


def replaced_by_the_retired(lab, at):
    """Version 1, months past its end, endorses a second version 2."""
    lab.rotated(at + 76 * DAY)
    lab.follow(at + 76 * DAY)
    late = at + 200 * DAY
    verdict = lab.found.ring.successors[1]
    lab.forge(3, late, [lab.made("builder", late), verdict], [])


def replaced_by_the_present(lab, at):
    lab.rotated(at + 76 * DAY)
    lab.follow(at + 76 * DAY)
    second = lab.found.ring.successors[1]
    lab.forge(3, at + 77 * DAY, [lab.made("builder", at + 77 * DAY), second], marks(lab, at + 77 * DAY))


def jumped(lab, at):
    invented = tuple(hashlib.sha256(str(number).encode()).hexdigest() for number in range(58_148))
    ring = lab.found.ring
    lab.forge(58_150, at + DAY, (), marks(lab, at), (ring.newest.digest, *invented))


def back_dated(lab, at):
    """The stolen laptop holds version 1 too: its successor says that it was made before the suspension."""
    lab.suspended("builder", at + 2 * DAY)
    lab.follow(at + 2 * DAY)
    lab.forge(3, at + 3 * DAY, [lab.made("builder", at + DAY)], lab.found.ring.suspended)


def set_aside(lab, at):
    """The holders declared builder compromised in ring 2; rotation 3 extends ring 1 again."""
    folder = lab.project.keys
    kept = (folder / "ring/1.targets.json").read_bytes()
    lab.decided(
        at + DAY,
        lambda found: quorum.revoked(found, lab.project.home, "builder", None, at, "stolen", SCHEDULE, None, at + DAY),
    )
    lab.follow(at + DAY)
    ring = lab.found.ring
    history = (*ring.history, ring.newest.digest)
    (folder / "ring/2.targets.json").unlink()
    (folder / "ring/1.targets.json").write_bytes(kept)
    hint = folder / "ring/latest.json"
    hint.write_text(json.dumps({"root": 1, "targets": 1, "ring": 3}))
    lab.forge(3, at + 2 * DAY, (), marks(lab, at + 2 * DAY, at + 36_500 * DAY), history)


ATTACKS = (
    lifted,
    lifted_with_padding,
    dropped,
    replaced_by_the_retired,
    replaced_by_the_present,
    jumped,
    back_dated,
    set_aside,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_rotation_key_alone_turns_nothing_back(lab, now, attack):
    attack(lab, now)
    for follow in (lab.follow, lab.follow_with_memory_only):
        with pytest.raises(TrustError):
            follow(now + 210 * DAY)


def test_honest_growth_is_followed(lab, now):
    lab.rotated(now + 76 * DAY)
    lab.suspended("verdict", now + 80 * DAY)
    lab.follow(now + 81 * DAY)
    lab.decided(now + 82 * DAY, lambda found: quorum.reinstated(found, "verdict"))
    after = lab.follow_with_memory_only(now + 83 * DAY)
    assert {version.state(now + 83 * DAY) for one in after.ring.identities for version in one.versions} == {
        KeyState.ACTIVE,
        KeyState.PRE_ACTIVATION,
    }
    lab.rotated(now + 170 * DAY)
    assert lab.follow(now + 171 * DAY).ring.version == 5


def test_the_memory_keeps_what_a_ring_held(lab, now):
    lab.rotated(now + 76 * DAY)
    lab.suspended("verdict", now + 80 * DAY)
    seen = known(lab.found.ring)
    assert sorted(seen.versions) == ["builder/1", "builder/2", "verdict/1", "verdict/2"]
    assert sorted(seen.suspended) == ["verdict/1", "verdict/2"]
    assert parse_known(json.loads(json.dumps(seen.to_dict()))) == seen
    ring = lab.found.ring
    without = [replace(ring, identities=ring.identities[:index]) for index in range(2)]
    for less in (*without, replace(ring, epoch=0, identities=ring.base)):
        with pytest.raises(TrustError, match="takes back"):
            demand_growth(seen, less)


def test_a_memory_of_numbers_only_still_counts_and_is_filled(lab, now):
    home = lab.far / "home"
    (place,) = (home / "seen").glob("*.json")
    seen = json.loads(place.read_text())
    old = {key: seen[key] for key in ("root_version", "root_digest", "time")}
    place.write_text(json.dumps(old | {"ring_version": seen["ring"]["version"], "ring_digest": seen["ring"]["digest"]}))
    assert memory.guard(home, lab.found).ring_version == 1
    memory.remember(home, lab.found, now)
    assert memory.recall(home, lab.project.pin).ring == known(lab.found.ring)


@pytest.mark.parametrize(("late", "holds"), [(None, True), (30, False), (120, True)])
def test_how_long_a_retired_version_endorses_is_set_by_the_root(lab, now, late, holds):
    """Version 1 stops signing at day 104; the scheduler comes back at day 200."""
    lab.decided(
        now + DAY,
        lambda found: replace(quorum.renewed(found), delegation=replace(found.ring.delegation, late_days=late)),
    )
    at = now + 200 * DAY
    if holds:
        assert len(lab.rotated(at).made) == 2
        return
    made = lab.made("builder", at)
    lab.forge(3, at, [made])
    with pytest.raises(TrustError, match="stopped signing longer ago"):
        open_trust(lab.project.keys, now=at)


def test_the_plan_foresees_that_the_window_is_over(lab, now):
    lab.decided(
        now + DAY,
        lambda found: replace(quorum.renewed(found), delegation=replace(found.ring.delegation, late_days=30)),
    )
    with pytest.raises(SecpipeError, match="too long ago"):
        lab.rotated(now + 200 * DAY)
    lab.decided(
        now + 200 * DAY,
        lambda found: quorum.replaced(found, lab.project.home, "builder", SCHEDULE, lab.passphrase, now + 200 * DAY),
    )
    assert len(open_trust(lab.project.keys, now=now + 200 * DAY).identities[0].versions) == 2


def test_a_new_epoch_brings_everybody_back(lab, now, tmp_path):
    """The thief suspended everything in a ring that one verifier saw; another saw the honest rotation."""
    at = now + 76 * DAY
    honest, other = tmp_path / "honest", Lab(lab.project, lab.passphrase, now, tmp_path / "far2")
    lab.rotated(at)
    other.follow(at)
    shutil.copytree(lab.project.keys, honest)
    (lab.project.keys / "ring/2.rotation.json").unlink()
    lab.forge(2, at, (), marks(lab, at, at))
    lab.follow(at)
    shutil.rmtree(lab.project.keys)
    shutil.copytree(honest, lab.project.keys)  # git revert
    with pytest.raises(TrustError, match="fork"):
        lab.follow(at + DAY)
    assert lab.new_epoch(at + DAY).published
    for verifier in (lab, other):
        after = verifier.follow_with_memory_only(at + 2 * DAY)
        assert (after.ring.epoch, after.ring.version) == (1, 2)
        assert [len(one.versions) for one in after.ring.identities] == [2, 2]  # what was genuine is kept
    lab.rotated(at + 100 * DAY)
    assert lab.follow(at + 101 * DAY).ring.version == 3
    lab.forge(4, at + 102 * DAY, (), marks(lab, at))
    with pytest.raises(TrustError, match="0 of the 1 people"):  # the thief's key is worthless
        lab.follow(at + 103 * DAY)
    with pytest.raises(TrustError, match="epoch"):
        update(lab.far / "keys", FolderSource(honest), lab.far / "home", at + 104 * DAY, lab.project.pin)


def test_a_ring_that_cannot_be_read_any_more_is_recovered(lab, now):
    jumped(lab, now)
    with pytest.raises(TrustError, match="jump") as caught:
        open_folder(lab.project.keys, now=None)
    assert "keys renew --new-epoch" in caught.value.hint
    assert lab.new_epoch(now + DAY).published
    assert not list((lab.project.keys / "ring").glob("*.rotation.json"))
    after = lab.follow(now + 2 * DAY)
    assert after.ring.epoch == 1
    assert after.ring.identity("verdict").versions[0].suspended_since  # a mark is never lost, whoever made it


def test_an_epoch_needs_a_new_rotation_key_and_the_holders_newest_ring(lab, now, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(lab.project.keys, old)
    lab.decided(now + DAY, lambda found: quorum.renewed(found))
    lab.follow(now + DAY)
    newest = tmp_path / "newest"
    shutil.copytree(lab.project.keys, newest)
    assert lab.new_epoch(now + 2 * DAY, rotation_key=False).published
    with pytest.raises(TrustError, match="keeps the rotation key"):
        lab.follow(now + 3 * DAY)
    shutil.rmtree(lab.project.keys)
    shutil.copytree(old, lab.project.keys)
    with pytest.raises(TrustError, match="does not follow ring 3"):  # the holder's own machine remembers too
        lab.new_epoch(now + 2 * DAY)
    shutil.rmtree(lab.project.home / "seen")
    assert lab.new_epoch(now + 2 * DAY).published
    with pytest.raises(TrustError, match="does not follow ring 2"):
        lab.follow(now + 3 * DAY)


@pytest.mark.parametrize(("name", "versions"), [("plain", 2), ("late", 2)])
def test_rings_of_an_older_secpipe_are_read(name, versions):
    """Written at commit 731d7dc: no epoch, no window, a predecessor that was retired for months."""
    trust = open_trust(OLD / name, now=datetime(2026, 11, 29, 12, tzinfo=UTC))
    assert [len(one.versions) for one in trust.identities] == [versions]
