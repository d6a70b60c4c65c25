"""Two teams: an identity of another trust root signs here, for some purposes and names, until a date."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from secpipe.core.errors import ConfigError, TrustError
from secpipe.core.trust import Authority, KeyState
from secpipe.keys.schedule import Schedule
from secpipe.keystore import federation, quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.create import create
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.foresight import obstacles
from secpipe.keystore.pending import pending_changes, sign_pending
from secpipe.keystore.trusted import open_folder, open_trust

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))
SCOPE = Authority(("model",), ("partner/*",), ("prod",))


@pytest.fixture
def partner(plan, tmp_path, now):
    pin = create(tmp_path / "p/keys", tmp_path / "p/home", plan, b"correct horse", now, lambda text: None)
    return open_folder(tmp_path / "p/keys", pin=pin, now=now)


def accept(project, passphrase, at, partner, until, alias="partner", scope=SCOPE):
    found = quorum.begin(project.keys, project.home, at)
    quorum.draft(found, federation.federated(found, partner, "builder", alias, scope, until, at), at)
    text = "\n".join(pending_changes(found))
    assert sign_pending(project.keys, project.home, passphrase, at).published
    return text


def test_a_partner_is_accepted_scoped_and_dated(project, passphrase, now, partner):
    text = accept(project, passphrase, now, partner, now + 60 * DAY)
    assert f'"partner" belongs to: the trust root sha256:{partner.anchor}' in text
    assert '"partner" namespaces: partner/*' in text
    taken = next(one for one in open_trust(project.keys, now=now).identities if one.name == "partner")
    (version,) = taken.versions
    assert (taken.authority, version.id) == (SCOPE, partner.ring.identity("builder").versions[0].id)
    assert version.verify_until == now + 60 * DAY
    assert version.state(now + 61 * DAY) is KeyState.DEACTIVATED


def test_their_rotation_is_followed_by_asking_again(project, passphrase, now, partner):
    accept(project, passphrase, now, partner, now + 200 * DAY)
    at = now + 80 * DAY
    file_custody.forget()
    made = rotate(partner.folder, partner.folder.parent / "home", SCHEDULE, passphrase, lambda: at)
    assert len(made.made) == 2
    newer = open_folder(partner.folder, now=at)
    accept(project, passphrase, at, newer, now + 200 * DAY)
    taken = open_folder(project.keys, now=at).ring.identity("partner")
    assert [version.version for version in taken.versions] == [1, 2]
    assert taken.versions[1].sign_until <= now + 200 * DAY


def test_automation_here_neither_rotates_nor_misses_it(project, passphrase, now, partner):
    accept(project, passphrase, now, partner, now + 300 * DAY)
    found = open_folder(project.keys, now=now)
    assert obstacles(found, project.home) == {}
    outcome = rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 80 * DAY)
    assert {step.identity for step in outcome.plan.steps} == {"builder", "verdict"}


def test_what_is_not_federated(project, passphrase, now, partner):
    found = open_folder(project.keys, now=now)

    def ask(other=partner, name="builder", alias="partner", scope=SCOPE, until=now + DAY):
        return federation.federated(found, other, name, alias, scope, until, now)

    for wrong in ({"name": "nobody"}, {"alias": "builder"}, {"until": now}, {"other": found}):
        with pytest.raises(ConfigError):
            ask(**wrong)
    with pytest.raises(TrustError, match="signs nothing else"):
        ask(scope=Authority(("model", "verdict"), ("partner/*",)))
    accept(project, passphrase, now, partner, now + 60 * DAY)
    mine = open_folder(project.keys, now=now)
    with pytest.raises(ConfigError, match="of its own"):  # trust does not travel further
        federation.federated(partner, mine, "partner", "third", SCOPE, now + DAY, now)


def marked(partner, **marks):
    """The partner's ring with marks on the first version of its builder, as an Opened."""
    builder = partner.ring.identity("builder")
    first = replace(builder.versions[0], **marks)
    changed = replace(builder, versions=(first, *builder.versions[1:]))
    identities = tuple(changed if one.name == "builder" else one for one in partner.ring.identities)
    return replace(partner, ring=replace(partner.ring, identities=identities))


def stolen_since(project, at):
    return open_folder(project.keys, now=at).ring.identity("partner").versions[0].compromised_since


def test_an_older_ring_of_theirs_does_not_take_a_revocation_back(project, passphrase, now, partner):
    """Whoever serves their folder serves it from before the theft; their pin, their signatures and the dates hold."""
    accept(project, passphrase, now, marked(partner, compromised_since=now - DAY), now + 200 * DAY)
    for hours, (theirs, since) in enumerate(
        [
            (partner, now - DAY),
            (marked(partner, compromised_since=now), now - DAY),
            (marked(partner, compromised_since=now - 2 * DAY), now - 2 * DAY),
        ],
        start=1,
    ):
        at = now + timedelta(hours=hours)
        accept(project, passphrase, at, theirs, now + 200 * DAY)
        assert stolen_since(project, at) == since


def test_our_own_revocation_of_a_partner_is_not_taken_back_by_following(project, passphrase, now, partner):
    accept(project, passphrase, now, partner, now + 200 * DAY)
    found = quorum.begin(project.keys, project.home, now)
    with pytest.raises(ConfigError, match="another trust root"):
        quorum.revoked(found, project.home, "partner", None, now, "stolen", SCHEDULE, passphrase, now)
    quorum.draft(found, quorum.revoked(found, project.home, "partner", None, now, "stolen", SCHEDULE, None, now), now)
    assert sign_pending(project.keys, project.home, passphrase, now).published
    accept(project, passphrase, now + DAY, partner, now + 200 * DAY)
    assert stolen_since(project, now + DAY) == now


def test_an_older_ring_of_theirs_does_not_lose_a_key(project, passphrase, now, partner, tmp_path):
    shutil.copytree(partner.folder, tmp_path / "old")
    file_custody.forget()
    rotate(partner.folder, partner.folder.parent / "home", SCHEDULE, passphrase, lambda: now + 80 * DAY)
    accept(project, passphrase, now + 80 * DAY, open_folder(partner.folder, now=now + 80 * DAY), now + 200 * DAY)
    with pytest.raises(TrustError, match=r"version 2.*is not there"):
        accept(project, passphrase, now + 81 * DAY, open_folder(tmp_path / "old", now=now), now + 200 * DAY)


def test_we_make_no_key_in_their_name(project, passphrase, now, partner):
    accept(project, passphrase, now, partner, now + 200 * DAY)
    found = quorum.begin(project.keys, project.home, now)
    with pytest.raises(ConfigError, match="another trust root"):
        quorum.replaced(found, project.home, "partner", SCHEDULE, passphrase, now)


def test_a_shorter_time_and_another_scope_are_what_following_may_change(project, passphrase, now, partner):
    accept(project, passphrase, now, partner, now + 200 * DAY)
    accept(project, passphrase, now + DAY, partner, now + 20 * DAY, scope=Authority(("model",), ("partner/a",)))
    accept(project, passphrase, now + 2 * DAY, partner, now + 100 * DAY)
