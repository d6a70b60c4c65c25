"""Endorsements verified before are not verified again, and nothing else is believed for it."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import timedelta

import pytest

from secpipe.core.errors import TrustError
from secpipe.keys import successor
from secpipe.keys.ring import Suspension
from secpipe.keys.schedule import Schedule
from secpipe.keys.successor import Successor
from secpipe.keystore import proofs
from secpipe.keystore.commit import rotate
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.system import diskcache
from tests.unit.keystore.test_ring_attacks import FORGERIES, Thief

DAY = timedelta(days=1)


@pytest.fixture
def counted(monkeypatch):
    """How many proofs were verified by signature since the last look."""
    calls = []
    honest = successor._all_signed
    monkeypatch.setattr(successor, "_all_signed", lambda *args: calls.append(1) or honest(*args))

    def look():
        found = len(calls)
        calls.clear()
        return found

    return look


@pytest.fixture
def stores(monkeypatch, tmp_path):
    monkeypatch.setattr(proofs, "_WORTH", 1)
    monkeypatch.setattr(proofs, "may_carry_a_foreign_change", lambda environ: False)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "user/home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "user/cache"))
    return tmp_path / "user"


@pytest.fixture
def ring(project, tmp_path, passphrase, now, stores):
    """A ring of two rotations, away from the stores."""
    folder = tmp_path / "repository/keys"
    shutil.copytree(project.keys, folder)
    for day in (76, 166):
        rotate(folder, project.home, Schedule(jitter=timedelta(0)), passphrase, lambda at=now + day * DAY: at)
    shutil.rmtree(stores, ignore_errors=True)
    return folder


def test_a_second_opening_verifies_no_endorsement_again(ring, now, counted):
    at = now + 170 * DAY
    first = open_trust(ring, now=at)
    assert counted() == 8  # two identities, two successors, two proofs each
    assert open_trust(ring, now=at) == first
    assert counted() == 0


def test_what_is_new_is_verified(ring, project, passphrase, now, counted):
    open_folder(ring, now=None)
    counted()
    at = now + 256 * DAY
    rotate(ring, project.home, Schedule(jitter=timedelta(0)), passphrase, lambda: at)
    assert counted() > 0
    opened = open_folder(ring, now=None)
    assert counted() == 0
    assert len(diskcache.find(proofs._place(ring, opened.anchor))) == 6


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "issue_comment"])
def test_nothing_is_believed_in_a_job_for_a_foreign_change(ring, now, counted, monkeypatch, event):
    open_folder(ring, now=None)
    monkeypatch.undo()
    monkeypatch.setenv("GITHUB_EVENT_NAME", event)
    assert proofs.recall(ring, "a" * 64).known == frozenset()
    assert proofs._place(ring, "a" * 64) is None


@pytest.mark.parametrize("store", ["SECPIPE_HOME", "SECPIPE_CACHE"])
def test_a_store_beside_or_below_the_folder_is_the_projects_own(ring, monkeypatch, store):
    for inside in (ring.parent / "cache", ring / "cache"):
        monkeypatch.setenv(store, str(inside))
        assert proofs._place(ring, "a" * 64) is None


def test_a_store_in_the_git_work_tree_is_the_projects_own(ring, monkeypatch):
    (ring.parent.parent / ".git").mkdir()
    open_folder(ring, now=None)
    assert proofs._place(ring, "a" * 64) is None


def test_a_cache_without_the_users_key_says_nothing(ring, now, stores, counted):
    open_folder(ring, now=None)
    counted()
    (stores / "home/cache.key").write_bytes(bytes(32))
    open_folder(ring, now=None)
    assert counted() == 8


def test_a_proof_counts_for_one_document_and_one_predecessor(ring):
    opened = open_folder(ring, now=None)
    made = opened.ring.successors[0]
    first, second, _ = opened.ring.identity(made.identity).versions
    digest = hashlib.sha256(made.document()).hexdigest()
    kept = diskcache.find(proofs._place(ring, opened.anchor))
    assert successor.proof_of(digest, first) in kept
    assert successor.proof_of(digest, second) not in kept
    with pytest.raises(TrustError, match="does not follow"):
        made.verify(second, opened.anchor, proven=True)
    with pytest.raises(TrustError, match="another trust root"):
        made.verify(first, "0" * 64, proven=True)


@pytest.fixture
def warm(project, tmp_path, passphrase, now, stores):
    """A thief in a project whose honest rotation this machine has verified and kept."""
    folder = tmp_path / "repository"
    shutil.copytree(project.keys, folder / "keys")
    thief = Thief(type(project)(folder / "keys", project.home, project.pin), passphrase, now)
    thief.publish([thief.endorsed()])
    assert diskcache.find(proofs._place(folder / "keys", project.pin))
    return thief


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_successors_are_refused_beside_kept_proofs(warm, name):
    with pytest.raises(Exception, match=r"\w"):
        warm.publish([FORGERIES[name](warm)])


def test_states_and_dates_are_judged_every_time(warm):
    honest = warm.endorsed()
    warm.publish([honest])
    with pytest.raises(TrustError, match="suspended"):
        warm.publish([honest], [Suspension("builder", 1, warm.now)])


def test_other_signatures_under_the_same_statement_are_verified(warm):
    honest = warm.endorsed()
    warm.publish([honest])
    document = json.loads(honest.document())
    zeroed = {keyid: bytes(len(value)) for keyid, value in honest.endorsement.items()}
    stripped = Successor(
        honest.identity, honest.version, honest.issued, honest.ring, honest.predecessor, zeroed, honest.possession
    )
    assert json.loads(stripped.document())["key"] == document["key"]
    with pytest.raises(TrustError, match="not endorsed"):
        warm.publish([stripped])
