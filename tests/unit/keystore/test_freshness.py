"""Freshness: a machine without memory does not take an old ring for the newest, where it asks `--max-ring-age`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from tuf.api.metadata import Metadata

from secpipe.cli.main import run
from secpipe.core.errors import InputError, Undecided
from secpipe.keys.ring import ROTATION
from secpipe.keys.schedule import Schedule
from secpipe.keys.snapshot import snapshot_fields
from secpipe.keystore import home as store
from secpipe.keystore import quorum
from secpipe.keystore.commit import rotate, state_newest, suspend
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.fresh import signed_file
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.snapshot import PATH
from secpipe.keystore.trust_update import FolderSource, update
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.keystore.unlock import open_record, open_signers
from secpipe.sign.sign import sign_artifact
from secpipe.system import clock
from secpipe.system.tree import open_tree
from secpipe.verify import verify

DAY = timedelta(days=1)
WEEK = 7 * DAY
SCHEDULE = Schedule(jitter=timedelta(0), snapshot=WEEK)


class Feed:
    """A trust folder with its keys, and what one can do to it."""

    def __init__(self, project, passphrase):
        self.project, self.keys, self.home, self.passphrase = project, project.keys, project.home, passphrase

    def state(self, now, span=WEEK):
        state_newest(self.keys, self.home, self.passphrase, span, now)

    def rotate(self, now, force=()):
        file_custody.forget()
        return rotate(self.keys, self.home, SCHEDULE, self.passphrase, lambda: now, force)

    def holders(self, change, now):
        found = quorum.begin(self.keys, self.home, now)
        quorum.draft(found, change(found), now)
        assert sign_pending(self.keys, self.home, self.passphrase, now).published

    def copy(self, place):
        shutil.copytree(self.keys, place)
        return place

    def forge(self, now, *, span=WEEK, change=None, record=None, found=None):
        """Write a statement that the rotation key signed, whatever it says."""
        found = found or open_folder(self.keys, now=None)
        record = record or store.find(self.home, "rotation", ROTATION, found.anchor)[0]
        signed = snapshot_fields(1, now, now + span, found.roots, found.ring)
        if change:
            change(signed)
        data = signed_file(signed, record.halves, open_record(record, self.home, self.passphrase), ROTATION)
        (self.keys / PATH).write_bytes(data)


@pytest.fixture
def feed(project, passphrase):
    return Feed(project, passphrase)


def fresh(folder, now, days=7, pin=""):
    return open_trust(folder, now=now, pin=pin, max_ring_age=days)


def stale(folder, now, why, days=7):
    with pytest.raises(Undecided, match=why) as caught:
        fresh(folder, now, days)
    assert "secpipe keys snapshot" in caught.value.hint
    assert open_trust(folder, now=now), "without the demand it holds as before"


def test_a_stated_ring_is_fresh_for_as_long_as_is_asked(feed, now):
    stale(feed.keys, now, "no signed statement")
    feed.state(now)
    assert fresh(feed.keys, now + WEEK)
    stale(feed.keys, now + WEEK + DAY, "expired")
    stale(feed.keys, now + 3 * DAY, "older than 2 days", days=2)


def test_the_ring_of_before_a_revocation_does_not_verify_300_days_later(feed, now, tmp_path):
    """The feed, or whoever stands before a fresh runner, serves what was true once."""
    feed.state(now)
    old = feed.copy(tmp_path / "old")
    suspend(feed.keys, feed.home, SCHEDULE, feed.passphrase, now + DAY, "builder")
    feed.state(now + 300 * DAY)
    assert open_trust(old, now=now + 300 * DAY), "its own expiry lets it through"
    stale(old, now + 300 * DAY, "expired")
    shutil.copy(feed.keys / PATH, old / PATH)
    stale(old, now + 300 * DAY, "names ring 2; here is an older one")
    assert fresh(feed.keys, now + 300 * DAY)


def test_a_frozen_feed_is_noticed_though_the_update_succeeds(feed, now, tmp_path):
    feed.state(now)
    mine = tmp_path / "mine"
    for day in (0, 3, 9):
        update(mine, FolderSource(feed.keys), tmp_path / "verifier", now + day * DAY, feed.project.pin)
    assert fresh(mine, now + 6 * DAY)
    stale(mine, now + 9 * DAY, "expired")
    feed.state(now + 9 * DAY)
    update(mine, FolderSource(feed.keys), tmp_path / "verifier", now + 9 * DAY)
    assert fresh(mine, now + 9 * DAY)


def test_an_older_statement_never_replaces_a_newer_one(feed, now, tmp_path):
    feed.state(now)
    old = feed.copy(tmp_path / "old")
    feed.state(now + 2 * DAY)
    mine = tmp_path / "mine"
    update(mine, FolderSource(feed.keys), tmp_path / "verifier", now + 3 * DAY, feed.project.pin)
    update(mine, FolderSource(old), tmp_path / "verifier", now + 3 * DAY)
    assert (mine / PATH).read_bytes() == (feed.keys / PATH).read_bytes()


def test_a_ring_that_grew_since_is_newer_still(feed, now):
    """Between a ceremony and the next run of the scheduler nobody is locked out."""
    feed.state(now)
    feed.rotate(now + DAY, ("builder",))
    feed.holders(quorum.renewed, now + 2 * DAY)
    assert fresh(feed.keys, now + 3 * DAY)


def test_a_statement_of_another_ring_or_root(feed, now):
    def ring(signed):
        signed["meta"]["targets.json"]["hashes"]["sha256"] = "0" * 64

    def root(signed):
        signed["x-secpipe"]["root"]["hashes"]["sha256"] = "0" * 64

    def next_root(signed):
        signed["x-secpipe"]["root"]["version"] = 2

    for change, why in (
        (ring, "another ring 1"),
        (root, "another root 1"),
        (next_root, "names root 2; here is an older"),
    ):
        feed.forge(now, change=change)
        stale(feed.keys, now, why)


def test_from_the_future_expired_or_longer_than_allowed(feed, now):
    feed.forge(now + 2 * DAY)
    stale(feed.keys, now, "after now")
    assert fresh(feed.keys, now + 2 * DAY - timedelta(seconds=59))
    feed.forge(now, span=500 * DAY)
    stale(feed.keys, now, "longer than the root quorum allows")
    feed.forge(now, span=DAY)
    stale(feed.keys, now + 2 * DAY, "expired")


def test_a_rotation_key_that_is_no_longer_delegated_states_nothing(feed, now):
    found = open_folder(feed.keys, now=now)
    stolen = store.find(feed.home, "rotation", ROTATION, found.anchor)[0]
    change = lambda found: quorum.with_rotation_key(found, quorum.renewed(found), feed.home, feed.passphrase, now + DAY)  # noqa: E731
    feed.holders(change, now + DAY)
    feed.forge(now + DAY, record=stolen)
    stale(feed.keys, now + DAY, "signed by 0 of the 1 people")
    feed.state(now + DAY)
    assert fresh(feed.keys, now + DAY)


def test_one_half_is_no_signature_and_a_rotation_no_statement(feed, now):
    feed.state(now)
    whole = json.loads((feed.keys / PATH).read_text())
    for keep in (0, 1):
        half = whole | {"signatures": [whole["signatures"][keep]]}
        (feed.keys / PATH).write_text(json.dumps(half))
        stale(feed.keys, now, "both halves")
    feed.rotate(now + DAY, ("builder",))
    shutil.copy(feed.keys / "ring" / "2.rotation.json", feed.keys / PATH)
    stale(feed.keys, now + DAY, "not snapshot metadata")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"signed": {}, "signatures": []}', b"x" * (1 << 17)])
def test_garbage_is_no_statement_and_no_exception(feed, now, data):
    (feed.keys / PATH).write_bytes(data)
    stale(feed.keys, now, "statement|snapshot|larger")


def test_a_link_or_a_folder_is_no_statement(feed, now, tmp_path):
    feed.state(now)
    (feed.keys / PATH).rename(tmp_path / "elsewhere")
    (feed.keys / PATH).symlink_to(tmp_path / "elsewhere")
    stale(feed.keys, now, "snapshot")
    (feed.keys / PATH).unlink()
    (feed.keys / PATH).mkdir()
    stale(feed.keys, now, "snapshot")


def test_the_scheduler_keeps_it_fresh_and_a_blocked_identity_does_not_stop_it(feed, now):
    feed.rotate(now)
    first = (feed.keys / PATH).read_bytes()
    feed.rotate(now + 3 * DAY)
    assert (feed.keys / PATH).read_bytes() == first, "nothing is due"
    feed.rotate(now + 4 * DAY)
    assert (feed.keys / PATH).read_bytes() != first
    assert json.loads((feed.keys / PATH).read_text())["signed"]["version"] == 2
    suspend(feed.keys, feed.home, SCHEDULE, feed.passphrase, now + 5 * DAY, "builder")
    suspend(feed.keys, feed.home, SCHEDULE, feed.passphrase, now + 5 * DAY, "verdict")
    with pytest.raises(Exception, match="is due, but"):
        feed.rotate(now + 80 * DAY)
    assert fresh(feed.keys, now + 80 * DAY)


def test_python_tuf_reads_and_verifies_it(feed, now):
    feed.state(now)
    snapshot = Metadata.from_bytes((feed.keys / PATH).read_bytes())
    ring = Metadata.from_bytes((feed.keys / "ring" / "1.targets.json").read_bytes())
    assert type(snapshot.signed).__name__ == "Snapshot"
    ring.signed.verify_delegate(ROTATION, snapshot.signed_bytes, snapshot.signatures)


def test_without_the_rotation_key_nothing_is_stated(feed, now):
    with pytest.raises(InputError, match="rotation key"):
        state_newest(feed.keys, feed.home.parent / "nobody", feed.passphrase, WEEK, now)


def test_an_old_rotation_key_with_the_old_ring_is_bounded_by_a_newer_pin_or_memory(feed, now, tmp_path):
    """What a statement cannot stop is told in docs/spec/threats-keys.md: the thief has all that was true once."""
    old = feed.copy(tmp_path / "old")
    found = open_folder(old, now=now)
    change = lambda found: quorum.with_rotation_key(found, quorum.renewed(found), feed.home, feed.passphrase, now + DAY)  # noqa: E731
    stolen = store.find(feed.home, "rotation", ROTATION, found.anchor)[0]
    feed.holders(change, now + DAY)
    thief = replace(feed.project, keys=old)
    Feed(thief, feed.passphrase).forge(now + 9 * DAY, record=stolen, found=found)
    assert fresh(old, now + 9 * DAY)
    update(tmp_path / "mine", FolderSource(feed.keys), tmp_path / "verifier", now + 2 * DAY, feed.project.pin)
    with pytest.raises(Exception, match="rollback"):
        update(tmp_path / "mine", FolderSource(old), tmp_path / "verifier", now + 9 * DAY)


def test_verify_check_and_trust_verify_ask_for_it(feed, now, tmp_path, monkeypatch, capfdbinary):
    """The commands, on the clock of this machine: a fresh runner that was handed an old folder."""
    monkeypatch.setattr(clock.SystemClock, "now", lambda self: now)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "runner"))
    artifact = tmp_path / "app" / "m.bin"
    artifact.parent.mkdir()
    artifact.write_bytes(b"weights")
    version, signers = open_signers("builder", trust=None, home=feed.home, passphrase=feed.passphrase, now=now)
    sign_artifact(artifact, open_tree(artifact), signers, version, now=now)

    def call(*words):
        code = run([*words, "--trust-pin", f"sha256:{feed.project.pin}"])
        out, err = capfdbinary.readouterr()
        return code, (out + err).decode()

    asked = {
        "verify": ("verify", str(artifact), "--trust", str(feed.keys)),
        "trust": ("trust", "verify", str(feed.keys)),
        "check": ("check", str(artifact.parent), "--trust", str(feed.keys)),
    }
    plain = {name: call(*words)[0] for name, words in asked.items()}
    assert (plain["verify"], plain["trust"]) == (0, 0)
    refused = {**plain, "verify": 3, "trust": 3}  # what `check` says of the rest is not asked here

    def all_say(why, codes):
        for name, words in asked.items():
            code, text = call(*words, "--max-ring-age", "3")
            assert code == codes[name], text
            assert (why in text) if why else ("newest" not in text), text

    all_say("no signed statement of the newest ring", refused)
    feed.state(now)
    all_say("", plain)
    monkeypatch.setattr(clock.SystemClock, "now", lambda self: now + 4 * DAY)
    all_say("older than 3 days", refused)
    with pytest.raises(Undecided, match="older than 3 days"):
        verify(artifact, trust=feed.keys, pin=feed.project.pin, max_ring_age=3, now=now + 4 * DAY)


def test_where_no_keyring_is_used_its_age_cannot_be_asked(tmp_path, capfd):
    place = str(tmp_path)
    assert run(["verify", place, "--max-ring-age", "3", "--allow-legacy", "r", "--public-key", place]) == 2
    assert run(["verify", place, "--max-ring-age", "3", "--identity", "a", "--issuer", "b"]) == 2
    assert "without one" in capfd.readouterr().err


def test_an_update_without_a_statement_and_one_of_another_ring_still_bring_the_ring(feed, now, tmp_path):
    mine = tmp_path / "mine"
    feed.forge(now, change=lambda signed: signed["meta"]["targets.json"]["hashes"].update(sha256="0" * 64))
    update(mine, FolderSource(feed.keys), tmp_path / "verifier", now, feed.project.pin)
    assert not (mine / PATH).exists()
    feed.state(now)
    assert json.loads((feed.keys / "ring" / "latest.json").read_text())["snapshot"] == 1
    update(mine, FolderSource(feed.keys), tmp_path / "verifier", now)
    assert fresh(mine, now)


def test_what_is_due_names_it(feed, now, monkeypatch, capfdbinary):
    (feed.keys / "rotation.toml").write_text('schema = "secpipe.rotation/1"\nsnapshot = "P7D"\n')
    monkeypatch.setattr(clock.SystemClock, "now", lambda self: now)
    assert run(["keys", "due", "--trust", str(feed.keys)]) == 1
    assert b"due: the statement that this keyring is the newest" in capfdbinary.readouterr().out
    feed.state(now)
    assert run(["keys", "due", "--trust", str(feed.keys)]) == 0


def test_a_statement_from_a_clock_that_was_ahead_does_not_stay(feed, now, tmp_path):
    """Neither the scheduler nor an update takes a statement of the future for the newest one."""
    mine = tmp_path / "mine"
    feed.forge(now + 300 * DAY)
    update(mine, FolderSource(feed.keys), tmp_path / "verifier", now, feed.project.pin)
    assert not (mine / PATH).exists()
    shutil.copy(feed.keys / PATH, mine / PATH)
    feed.rotate(now)
    assert fresh(feed.keys, now)
    update(mine, FolderSource(feed.keys), tmp_path / "verifier", now)
    assert fresh(mine, now)
