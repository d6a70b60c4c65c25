"""The root's people: joining, 2 of 3, identities, revocation, renewal, and what too few of them cannot do."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.trust import Authority, Identity, KeyState
from secpipe.keys.identity import check_authority
from secpipe.keys.schedule import Schedule
from secpipe.keystore import quorum
from secpipe.keystore.commit import rotate, suspend
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.keystore.unlock import open_signers

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))


def carry_out(project, home, passphrase, now, make):
    found = quorum.begin(project.keys, home, now)
    quorum.draft(found, make(found), now)
    return sign_pending(project.keys, home, passphrase, now)


def join(project, home, passphrase, now, name, people=None):
    return carry_out(
        project, home, passphrase, now, lambda found: quorum.with_holder(found, home, name, people, passphrase, now)
    )


@pytest.fixture
def team(project, tmp_path, passphrase, now):
    """alice, bob and carol, each with a home of their own; two must sign."""
    homes = {"alice": project.home, "bob": tmp_path / "bob", "carol": tmp_path / "carol"}
    assert not join(project, homes["bob"], passphrase, now + DAY, "bob").published
    assert not join(project, homes["carol"], passphrase, now + DAY, "carol", 2).published
    assert open_trust(project.keys, now=now + DAY).root_version == 1
    progress = sign_pending(project.keys, homes["alice"], passphrase, now + DAY)
    assert progress.published
    return homes


def test_a_team_of_three_gets_two_of_three(project, team, passphrase, now):
    found = open_folder(project.keys, pin=project.pin, now=now + 2 * DAY)
    assert (found.root.version, found.ring.version) == (2, 2)
    assert (found.root.quorum.people, found.root.quorum.names) == (2, ("alice", "bob", "carol"))
    assert found.trust.pinned
    assert not (project.keys / "pending").exists()


def test_one_of_three_cannot_act_and_two_can(project, team, passphrase, now):
    at = now + 2 * DAY
    progress = carry_out(project, team["bob"], passphrase, at, lambda found: quorum.renewed(found, root=True))
    assert (progress.published, progress.missing, progress.signed) == (False, 1, ("bob",))
    assert open_trust(project.keys, now=at).root_version == 2
    assert sign_pending(project.keys, team["carol"], passphrase, at).published
    assert open_trust(project.keys, now=at).root_version == 3


def test_a_new_root_needs_the_old_ones_people(project, team, passphrase, now, tmp_path):
    """Bob and carol, or a thief with a root of their own, cannot follow root 2 without its quorum."""
    root = project.keys / "root"
    document = json.loads((root / "2.root.json").read_text())
    document["signed"]["version"] = 3
    (root / "3.root.json").write_text(json.dumps(document))
    with pytest.raises(TrustError, match="signed by 0 of the 2 people"):
        open_trust(project.keys, now=now + 2 * DAY)


@pytest.mark.parametrize("drop", ["ml-dsa-65/1", "ed25519"])
def test_a_holder_counts_with_both_halves_only(project, team, passphrase, now, drop):
    path = project.keys / "ring/2.targets.json"
    root = json.loads((project.keys / "root/2.root.json").read_text())["signed"]["keys"]
    document = json.loads(path.read_text())
    (mine,) = [key for key, value in root.items() if value["scheme"] == drop and value["x-secpipe-holder"] == "carol"]
    document["signatures"] = [item for item in document["signatures"] if item["keyid"] != mine]
    path.write_text(json.dumps(document))
    with pytest.raises(TrustError, match="1 of the 2 people"):
        open_trust(project.keys, now=now + 2 * DAY)


def test_removing_a_holder(project, team, passphrase, now):
    at = now + 2 * DAY
    carry_out(project, team["alice"], passphrase, at, lambda found: quorum.without_holder(found, "carol", None))
    assert sign_pending(project.keys, team["bob"], passphrase, at).published
    assert open_folder(project.keys, now=at).root.quorum.names == ("alice", "bob")
    with pytest.raises(ConfigError, match="cannot sign"):
        quorum.without_holder(open_folder(project.keys, now=at), "bob", 2)


def test_a_new_identity_signs_after_publication(project, passphrase, now):
    blank = Identity("notary", Authority(("provenance",), ("acme/*",), ("prod",)), (), "alice")
    halves = ["ecdsa-p256", "ml-dsa-65"]
    progress = carry_out(
        project,
        project.home,
        passphrase,
        now,
        lambda found: quorum.with_identity(found, project.home, blank, halves, SCHEDULE, passphrase, now),
    )
    assert progress.published
    trust = open_trust(project.keys, now=now)
    assert trust.identities[1].authority == blank.authority
    _, signers = open_signers("notary", trust=trust, home=project.home, passphrase=passphrase, now=now)
    assert len(signers) == 2
    both = Identity("both", Authority(("verdict", "model")), (), "alice")
    for purposes in (("override", "model"), ("override", "vsa"), ("over*",), ("*",)):
        with pytest.raises(TrustError, match="signs nothing else"):
            check_authority("both", Authority(purposes))
    check_authority("both", Authority(("override",)))
    with pytest.raises(TrustError, match="verdict key signs nothing else"):
        quorum.with_identity(open_folder(project.keys, now=now), project.home, both, halves, SCHEDULE, passphrase, now)


def test_revocation_marks_the_past_and_gives_a_new_key(project, passphrase, now):
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    at, since = now + 100 * DAY, now + 50 * DAY
    carry_out(
        project,
        project.home,
        passphrase,
        at,
        lambda found: quorum.revoked(
            found, project.home, "builder", None, since, "laptop stolen", SCHEDULE, passphrase, at
        ),
    )
    trust = open_trust(project.keys, now=at)
    builder = trust.identities[0]
    assert [version.state(at) for version in builder.versions] == [KeyState.COMPROMISED] * 2 + [KeyState.ACTIVE]
    assert {version.compromised_since for version in builder.versions} == {since, None}
    version, _ = open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=at)
    assert version.version == 3
    assert "laptop stolen" in (project.keys / "ring/3.targets.json").read_text()
    outcome = rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: at + 90 * DAY)
    assert ("builder", 4) in [(step.identity, step.version) for step in outcome.made]


def test_a_suspension_is_taken_back_by_the_quorum_only(project, passphrase, now):
    suspend(project.keys, project.home, SCHEDULE, passphrase, now + DAY, "builder")
    carry_out(project, project.home, passphrase, now + 2 * DAY, lambda found: quorum.reinstated(found, "builder"))
    trust = open_trust(project.keys, now=now + 2 * DAY)
    assert trust.identities[0].versions[0].state(now + 2 * DAY) is KeyState.ACTIVE


def test_after_a_long_pause_the_quorum_renews_and_automation_goes_on(project, passphrase, now):
    at = now + 500 * DAY
    with pytest.raises(TrustError, match="expired"):
        rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: at)
    assert carry_out(project, project.home, passphrase, at, quorum.renewed).published
    assert len(rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: at).made) == 2
    open_trust(project.keys, now=at)


def test_rotations_are_folded_into_the_next_ring(project, passphrase, now):
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    carry_out(project, project.home, passphrase, now + 80 * DAY, quorum.renewed)
    found = open_folder(project.keys, now=now + 80 * DAY)
    assert (found.ring.version, found.ring.rotation) == (3, None)
    assert [len(identity.versions) for identity in found.ring.identities] == [2, 2]
    assert sorted(path.name for path in (project.keys / "ring").glob("*.*.json")) == [
        "1.targets.json",
        "2.rotation.json",
        "3.targets.json",
    ]


def test_a_stale_draft_is_refused(project, passphrase, now):
    found = quorum.begin(project.keys, project.home, now)
    quorum.draft(found, quorum.renewed(found), now)
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    with pytest.raises(TrustError, match="do not follow"):
        sign_pending(project.keys, project.home, passphrase, now + 77 * DAY)


def test_someone_who_is_no_holder_cannot_sign(project, passphrase, now, tmp_path):
    found = quorum.begin(project.keys, project.home, now)
    quorum.draft(found, quorum.renewed(found), now)
    with pytest.raises(InputError, match="no key of a holder"):
        sign_pending(project.keys, tmp_path / "mallory", passphrase, now)
    with pytest.raises(ConfigError, match="future"):
        quorum.revoked(found, project.home, "builder", None, now + DAY, "", SCHEDULE, None, now)


def test_nothing_to_sign(project, passphrase, now):
    with pytest.raises(ConfigError, match="nothing waits"):
        sign_pending(project.keys, project.home, passphrase, now)


def test_a_crash_between_ring_and_root_leaves_trust_that_holds(project, team, passphrase, now, monkeypatch):
    """The ring goes first; under the old root it holds already."""
    at = now + 2 * DAY
    carry_out(project, team["bob"], passphrase, at, lambda found: quorum.without_holder(found, "alice", 2))
    from secpipe.system import files

    real = files.write_atomic

    def stop(path, data, **options):
        if Path(path).name == "3.root.json" and Path(path).parent.name == "root":
            raise KeyboardInterrupt
        real(path, data, **options)

    monkeypatch.setattr(files, "write_atomic", stop)
    with pytest.raises(KeyboardInterrupt):
        sign_pending(project.keys, team["carol"], passphrase, at)
    monkeypatch.setattr(files, "write_atomic", real)
    trust = open_trust(project.keys, now=at)
    assert (trust.root_version, trust.ring_version) == (2, 3)
    file_custody.forget()


def test_a_holder_reads_what_they_sign(project, team, passphrase, now):
    """Somebody else's draft is told in words: new keys, swapped keys, wider authority, wider bounds."""
    from dataclasses import replace

    from secpipe.keystore.fresh import fresh
    from secpipe.keystore.pending import pending_changes

    at = now + 2 * DAY
    found = open_folder(project.keys, now=at)
    builder, verdict = found.ring.identities
    swapped = replace(builder.versions[0], halves=fresh(["ecdsa-p256", "ml-dsa-65"]).halves)
    added = replace(swapped, version=2, halves=fresh(["ecdsa-p256", "ml-dsa-65"]).halves)
    wider = replace(builder, versions=(swapped, added), authority=replace(builder.authority, purposes=("*odel",)))
    mallory = replace(verdict, name="mallory", versions=(replace(added, version=1, halves=fresh(["ed25519"]).halves),))
    later = replace(verdict, versions=(replace(verdict.versions[0], verify_until=now + 900 * DAY),))
    bounds = replace(found.ring.delegation, key_days=9999, algorithms=("ed25519",))
    quorum.draft(found, quorum.TrustChange((wider, mallory, later), bounds), at)
    text = "\n".join(pending_changes(open_folder(project.keys, now=at)))
    for part in (
        'adds identity "mallory", which may sign verdict',
        '"builder" purposes: *odel (now model, file)',
        '"builder" version 1 gets OTHER KEYS',
        '"builder" gets version 2 (ecdsa-p256+ml-dsa-65)',
        '"verdict" version 1 verify until: ',
        "lets automation use algorithms: ed25519",
        "days a key may sign: 9999",
    ):
        assert part in text
    quorum.draft(found, quorum.TrustChange((verdict,), found.ring.delegation, replace(found.root.quorum, people=1)), at)
    text = "\n".join(pending_changes(open_folder(project.keys, now=at)))
    assert 'REMOVES identity "builder"' in text
    assert "needs 1 of 3 holders (now 2 of 3)" in text
    quorum.draft(found, quorum.renewed(found), at)
    first, *dates = pending_changes(open_folder(project.keys, now=at))
    assert first == "renews what is there; nobody may do more, less or longer"
    assert f"ring issued: {at:%Y-%m-%dT%H:%M:%SZ} (now " in "\n".join(dates)


def test_one_key_has_one_job_whoever_signs_it(project, passphrase, now):
    """Not even the holders can give one key to two identities, or a root key to automation."""
    from dataclasses import replace

    found = quorum.begin(project.keys, project.home, now)
    builder, verdict = found.ring.identities
    twice = replace(verdict, versions=builder.versions)
    quorum.draft(found, quorum.TrustChange((builder, twice), found.ring.delegation), now)
    with pytest.raises(TrustError, match="another job"):
        sign_pending(project.keys, project.home, passphrase, now)
    bounds = replace(found.ring.delegation, quorum=found.root.quorum)
    quorum.draft(found, quorum.TrustChange((builder, verdict), bounds), now)
    with pytest.raises(TrustError, match="key of a holder"):
        sign_pending(project.keys, project.home, passphrase, now)
    assert open_trust(project.keys, now=now).ring_version == 1


def test_a_new_rotation_key_makes_the_old_one_worthless(project, passphrase, now):
    from secpipe.keystore import home as store

    (old,) = store.find(project.home, "rotation", "rotation", project.pin)
    carry_out(
        project,
        project.home,
        passphrase,
        now + DAY,
        lambda found: quorum.with_rotation_key(found, quorum.renewed(found), project.home, passphrase, now + DAY),
    )
    found = open_folder(project.keys, now=now + DAY)
    assert not {key.public.pem for key in found.ring.delegation.quorum.keys} & {half.pem for half in old.halves}
    assert len(rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY).made) == 2
    newest = store.find(project.home, "rotation", "rotation", project.pin)[-1]
    (project.home / "keys" / f"{newest.id}.json").unlink()
    with pytest.raises(InputError, match="rotation key of this keyring is not on this machine"):
        rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 166 * DAY)
