"""A rotation key of one identity: the common one and the signing key together add nothing to it any more."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from secpipe.core.errors import InputError, TrustError
from secpipe.keys.schedule import Schedule
from secpipe.keys.successor import endorse
from secpipe.keystore import home as store
from secpipe.keystore import quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.foresight import obstacles
from secpipe.keystore.fresh import fresh
from secpipe.keystore.pending import pending_changes, sign_pending
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.keystore.unlock import open_record
from tests.unit.keystore.test_ring_attacks import PAIR, Thief

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))


@pytest.fixture
def elsewhere(project, passphrase, now, tmp_path):
    """The home in which the builder's own rotation key was made; `project.home` has none of it."""
    home = tmp_path / "elsewhere"
    shutil.copytree(project.home, home)
    found = quorum.begin(project.keys, home, now)
    quorum.draft(found, quorum.with_own_rotation_key(found, home, "builder", passphrase, now), now)
    assert '"builder" gets versions by rotation only with the key' in "\n".join(pending_changes(found))
    assert sign_pending(project.keys, home, passphrase, now).published
    return home


class Better(Thief):
    """A thief of the common rotation key and of the builder's signing key, after the builder got a key of its own."""

    def authorised(self, own, rotation):
        version, signers = self.version(), self.pair.signers
        return endorse("builder", version, self.now, self.project.pin, self.first, self.builder, signers, own, rotation)


@pytest.fixture
def thief(elsewhere, project, passphrase, now):
    return Better(project, passphrase, now)


def own_key(elsewhere, project, passphrase):
    (record,) = store.find(elsewhere, "rotation", "builder", project.pin)
    return record, open_record(record, elsewhere, passphrase)


def test_with_its_own_key_it_rotates(thief, elsewhere, project, passphrase):
    record, signers = own_key(elsewhere, project, passphrase)
    assert len(thief.publish([thief.authorised(signers, record.halves)]).identities[0].versions) == 2


def test_without_it_no_version_is_added(thief):
    with pytest.raises(TrustError, match="not authorised by the rotation key of its identity"):
        thief.publish([thief.endorsed()])


def test_another_pair_or_one_half_or_the_word_for_another_version_does_not_authorise(
    thief, elsewhere, project, passphrase
):
    record, signers = own_key(elsewhere, project, passphrase)
    good = thief.authorised(signers, record.halves)
    stranger = fresh(PAIR)
    other = thief.authorised(stranger.signers, stranger.halves)
    half = dict(list(good.authorisation.items())[:1])
    late = endorse(
        "builder", thief.version(sign_until=thief.now + 80 * DAY), thief.now, project.pin, thief.first, thief.builder,
        thief.pair.signers, signers, record.halves,
    )  # fmt: skip
    for wrong in (other.authorisation, half, {}, late.authorisation, good.authorisation | other.authorisation):
        with pytest.raises(TrustError, match="not authorised"):
            thief.publish([replace(good, authorisation=wrong)])


def test_an_authorisation_that_nobody_asked_for_is_refused(project, passphrase, now):
    plain = Thief(project, passphrase, now)
    stranger = fresh(PAIR)
    message = plain.endorsed().statement
    with pytest.raises(TrustError, match="not authorised"):
        plain.publish(
            [replace(plain.endorsed(), authorisation={one.keyid: one.sign(message) for one in stranger.signers})]
        )


def test_the_scheduler_without_it_names_it_and_rotates_the_others(elsewhere, project, passphrase, now):
    found = open_folder(project.keys, now=now)
    assert list(obstacles(found, project.home)) == ["builder"]
    assert "keys renew --rotation-key-of builder" in obstacles(found, project.home)["builder"]
    assert obstacles(found, elsewhere) == {}
    at = now + 80 * DAY
    file_custody.forget()
    outcome = rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: at)
    done = {step.identity: step.blocked for step in outcome.plan.steps}
    assert done["verdict"] == ""
    assert "is not on this machine" in done["builder"]
    file_custody.forget()
    outcome = rotate(project.keys, elsewhere, SCHEDULE, passphrase, lambda: at + DAY)
    assert [step.identity for step in outcome.made] == ["builder"]
    assert [len(one.versions) for one in open_trust(project.keys, now=at + DAY).identities] == [2, 2]


def test_a_lost_one_is_made_anew_by_the_holders_and_old_versions_stay(elsewhere, project, passphrase, now):
    at = now + 80 * DAY
    rotate(project.keys, elsewhere, SCHEDULE, passphrase, lambda: at)
    later = at + DAY
    found = quorum.begin(project.keys, project.home, later)
    change = quorum.with_own_rotation_key(found, project.home, "builder", passphrase, later)
    quorum.draft(found, change, later)
    assert sign_pending(project.keys, project.home, passphrase, later).published
    trust = open_trust(project.keys, now=later)
    assert [len(one.versions) for one in trust.identities] == [2, 2]
    with pytest.raises(InputError, match="rotation key of"):
        rotate(project.keys, elsewhere, SCHEDULE, passphrase, lambda: later, ("builder",))


def test_a_key_has_one_job(project, now):
    found = open_folder(project.keys, now=now)
    builder, verdict = found.ring.identities
    twice = replace(builder, rotation=builder.versions[0].halves)
    quorum.draft(found, replace(quorum.renewed(found), identities=(twice, verdict)), now)
    with pytest.raises(TrustError, match="another job"):
        pending_changes(found)
