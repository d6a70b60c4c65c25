"""A stolen rotation key: it can add nothing that version n did not endorse, and widen nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from secpipe.core.errors import InputError, TrustError
from secpipe.core.trust import KeyVersion
from secpipe.keys.ring import Suspension, rotation_fields, target_entry
from secpipe.keys.schedule import Schedule
from secpipe.keys.successor import Successor, core, endorse, statement
from secpipe.keystore import home as store
from secpipe.keystore.commit import rotate
from secpipe.keystore.fresh import fresh, signed_file
from secpipe.keystore.trusted import open_folder, open_trust, target_path
from secpipe.keystore.unlock import open_record

DAY = timedelta(days=1)
PAIR = ("ecdsa-p256", "ml-dsa-65")


class Thief:
    """Holds the rotation key and can write files; `signers` of version 1 only where a test hands them over."""

    def __init__(self, project, passphrase, now):
        self.project, self.now = project, now + DAY
        self.found = open_folder(project.keys, now=now)
        (self.role,) = store.find(project.home, "rotation", "rotation", project.pin)
        self.keys = open_record(self.role, project.home, passphrase)
        self.first = self.found.ring.identity("builder").versions[0]
        self.builder = open_record(store.read_record(project.home, self.first.id), project.home, passphrase)
        self.pair = fresh(PAIR)

    def version(self, number=2, pair=None, **changes):
        halves = (pair or self.pair).halves
        return replace(KeyVersion(number, halves, self.now, self.now + 90 * DAY), **changes)

    def endorsed(self, version=None, pair=None, **changes):
        """Properly endorsed and proven, before `changes`."""
        version = version or self.version()
        pinned = {"identity": "builder", "ring": self.project.pin, "issued": self.now} | changes
        signers = (pair or self.pair).signers
        return endorse(pinned["identity"], version, pinned["issued"], pinned["ring"], self.first, self.builder, signers)

    def publish(self, successors=(), suspended=(), edit=lambda signed: None, expires=None):
        ring = self.found.ring
        history = (*ring.history, ring.newest.digest)
        expires = expires or self.now + 100 * DAY
        signed = rotation_fields(ring.version + 1, self.now, expires, history, successors, suspended)
        for item in successors:
            self.place(f"{item.identity}/{item.version.version}.json", item.document())
        edit(signed)
        data = signed_file(signed, self.role.halves, self.keys, "rotation")
        (self.project.keys / f"ring/{ring.version + 1}.rotation.json").write_bytes(data)
        return open_trust(self.project.keys, now=self.now)

    def place(self, path, data):
        where = target_path(self.project.keys, path, hashlib.sha256(data).hexdigest())
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data)


@pytest.fixture
def thief(project, passphrase, now):
    return Thief(project, passphrase, now)


def test_the_honest_rotation_holds(thief):
    trust = thief.publish([thief.endorsed()])
    assert [version.version for version in trust.identities[0].versions] == [1, 2]


def unendorsed(thief, endorsement, possession):
    version = thief.version()
    return Successor("builder", version, thief.now, thief.project.pin, thief.first.id, endorsement, possession)


def proofs(thief):
    honest = thief.endorsed()
    return honest.endorsement, honest.possession


def zeroed(proof):
    return {keyid: bytes(len(value)) for keyid, value in proof.items()}


FORGERIES = {
    "no endorsement": lambda t: unendorsed(t, {}, proofs(t)[1]),
    "endorsed by its own key": lambda t: unendorsed(t, proofs(t)[1], proofs(t)[1]),
    "classical half only": lambda t: unendorsed(t, dict([*proofs(t)[0].items()][:1]), proofs(t)[1]),
    "post-quantum half only": lambda t: unendorsed(t, dict([*proofs(t)[0].items()][1:]), proofs(t)[1]),
    "zeroed": lambda t: unendorsed(t, zeroed(proofs(t)[0]), proofs(t)[1]),
    "swapped": lambda t: unendorsed(
        t, dict(zip(proofs(t)[0], reversed(list(proofs(t)[0].values())), strict=True)), proofs(t)[1]
    ),
    "no proof of possession": lambda t: unendorsed(t, proofs(t)[0], {}),
    "possession by half": lambda t: unendorsed(t, proofs(t)[0], dict([*proofs(t)[1].items()][:1])),
    "another root's ring": lambda t: t.endorsed(ring="0" * 64),
    "too long": lambda t: t.endorsed(t.version(sign_until=t.now + 1000 * DAY)),
    "back-dated": lambda t: t.endorsed(t.version(not_before=t.now - DAY)),
    "issued before the ring": lambda t: t.endorsed(issued=t.now - 10 * DAY),
    "issued after the rotation": lambda t: t.endorsed(t.version(not_before=t.now + DAY), issued=t.now + DAY),
    "signed for another identity": lambda t: replace(t.endorsed(), identity="verdict"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_successors_are_refused(thief, name):
    with pytest.raises((TrustError, InputError)):
        thief.publish([FORGERIES[name](thief)])


@pytest.mark.parametrize("algorithms", [("ecdsa-p256",), ("ed25519", "ml-dsa-65"), ("ecdsa-p256", "ml-dsa-44")])
def test_algorithms_that_the_quorum_did_not_allow(thief, algorithms):
    pair = fresh(algorithms)
    with pytest.raises(TrustError, match="does not allow"):
        thief.publish([thief.endorsed(thief.version(pair=pair), pair)])


def test_a_version_is_not_skipped(thief):
    version = thief.version(3)
    fields = core("builder", version, thief.now, thief.project.pin, thief.first.id)
    message = statement(fields)
    signed = [{signer.keyid: signer.sign(message) for signer in group} for group in (thief.builder, thief.pair.signers)]
    successor = Successor("builder", version, thief.now, thief.project.pin, thief.first.id, *signed)
    with pytest.raises(TrustError, match="does not follow"):
        thief.publish([successor])


def test_one_key_has_one_job(thief):
    """A half of the verdict key, or of version 1 itself, cannot come back under another version."""
    verdict = thief.found.ring.identity("verdict").versions[0]
    version = thief.version()
    version = replace(version, halves=(verdict.halves[0], version.halves[1]))
    fields = core("builder", version, thief.now, thief.project.pin, thief.first.id)
    verdict_signers = open_record(
        store.read_record(thief.project.home, verdict.id), thief.project.home, lambda: b"correct horse"
    )
    message = statement(fields)
    endorsement = {signer.keyid: signer.sign(message) for signer in thief.builder}
    possession = {signer.keyid: signer.sign(message) for signer in (verdict_signers[0], thief.pair.signers[1])}
    successor = Successor("builder", version, thief.now, thief.project.pin, thief.first.id, endorsement, possession)
    with pytest.raises(TrustError, match="another job"):
        thief.publish([successor])


EDITS = {
    "a new identity": lambda t, s: s["targets"].update({"mallory.json": target_entry(b"{}")}),
    "a version of nobody": lambda t, s: s["targets"].update({"mallory/1.json": target_entry(b"{}")}),
    "a path upwards": lambda t, s: s["targets"].update({"../builder/2.json": target_entry(b"{}")}),
    "a delegation": lambda t, s: s.update(delegations={"keys": {}, "roles": []}),
    "another history": lambda t, s: s["x-secpipe"].update(history=["0" * 64]),
    "a short history": lambda t, s: s["x-secpipe"].update(history=[]),
    "an old issue date": lambda t, s: s["x-secpipe"].update(issued="2020-01-01T00:00:00Z"),
    "a suspension of nobody": lambda t, s: s["x-secpipe"].update(
        suspended=[{"identity": "mallory", "version": 1, "since": "2026-11-22T12:00:00Z"}]
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_the_rotation_role_widens_nothing(thief, name):
    with pytest.raises((TrustError, InputError)):
        thief.publish([thief.endorsed()], edit=lambda signed: EDITS[name](thief, signed))


def test_a_rotation_does_not_outlive_its_bound(thief):
    with pytest.raises(TrustError, match="longer than the root quorum allows"):
        thief.publish(expires=thief.now + 401 * DAY)


def test_half_of_the_rotation_role_is_nobody(thief):
    thief.keys = thief.keys[:1]
    thief.role = replace(thief.role, version=replace(thief.role.version, halves=thief.role.halves[:1]))
    with pytest.raises(TrustError, match="0 of the 1 people"):
        thief.publish([thief.endorsed()])


def test_a_suspended_key_endorses_nothing(thief):
    with pytest.raises(TrustError, match="suspended"):
        thief.publish([thief.endorsed()], [Suspension("builder", 1, thief.now)])


def test_an_edited_target_is_refused(project, passphrase, now):
    at = now + 76 * DAY
    rotate(project.keys, project.home, Schedule(jitter=timedelta(0)), passphrase, lambda: at)
    (path,) = (project.keys / "targets/builder").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"version": 2', b'"version": 3'))
    with pytest.raises(TrustError, match="not the file that was signed"):
        open_trust(project.keys, now=at)
