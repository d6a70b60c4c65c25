"""`keys grandfather`: what the holders vouch for outlives its key's end, and nothing else does."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import ConfigError
from secpipe.core.evidence import State
from secpipe.gate.policies.policy import Keys, Policy
from secpipe.gate.rules.signed import objection
from secpipe.keystore import quorum
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_folder, open_trust
from secpipe.keystore.unlock import open_signers
from secpipe.sign.lapse import lapses
from secpipe.sign.sign import sign_artifact
from secpipe.sign.verify import verify_artifact
from secpipe.system import secrets
from secpipe.system.clock import SystemClock
from secpipe.system.tree import open_tree
from tests.unit.keystore.test_ring_attacks import Thief

DAY = timedelta(days=1)
STRICT = Policy(keys=Keys(stamped_from=date(2026, 1, 1)))


class Lab:
    def __init__(self, project, passphrase, now, folder):
        self.project, self.passphrase, self.now, self.folder = project, passphrase, now, folder
        self.old, self.new = (self.sign(name, now) for name in ("old.bin", "new.bin"))

    def sign(self, name, at):
        path = self.folder / name
        path.write_text(name)
        trust = open_trust(self.project.keys, now=at)
        version, signers = open_signers(
            "builder", trust=trust, home=self.project.home, passphrase=self.passphrase, now=at
        )
        sign_artifact(path, open_tree(path), signers, version, now=at)
        return path

    def decide(self, at, make):
        found = quorum.begin(self.project.keys, self.project.home, at)
        quorum.draft(found, make(found), at)
        assert sign_pending(self.project.keys, self.project.home, self.passphrase, at).published

    def fact(self, path, at):
        evidence = verify_artifact(path, open_tree(path), open_trust(self.project.keys, now=at), now=at)
        (fact,) = evidence.facts["artifacts"]
        return evidence, fact

    def counts(self, path, at):
        evidence, fact = self.fact(path, at)
        return evidence.state is State.OK and objection(fact, STRICT, at) is None


@pytest.fixture
def lab(project, passphrase, now, tmp_path):
    (tmp_path / "artifacts").mkdir()
    return Lab(project, passphrase, now, tmp_path / "artifacts")


def test_what_the_holders_vouch_for_outlives_its_key(lab, now):
    late = now + 110 * DAY
    digest = lab.fact(lab.old, now)[1]["digest"]
    assert not lab.counts(lab.old, late)
    lab.decide(late, lambda found: quorum.grandfathered(found, {digest: "old.bin"}))
    assert lab.counts(lab.old, late)
    assert not lab.counts(lab.new, late)
    lab.decide(late + DAY, quorum.renewed)
    assert lab.counts(lab.old, late + DAY)
    lab.old.write_text("other bytes")
    assert not lab.counts(lab.old, late + DAY)


def test_the_retired_key_gives_those_bytes_no_other_name_or_version(lab, now):
    """Whoever has a key that no longer signs cannot pass an old model for a newer one, or for another."""
    late = now + 110 * DAY
    digest = lab.fact(lab.old, now)[1]["digest"]
    trust = open_trust(lab.project.keys, now=now)
    version, signers = open_signers("builder", trust=trust, home=lab.project.home, passphrase=lab.passphrase, now=now)
    lab.decide(late, lambda found: quorum.grandfathered(found, {digest: "old.bin"}))
    assert lab.counts(lab.old, late)
    for said in ({"artifact_version": "9.9"}, {"name": "other"}):
        for suffix in (".sig", ".pqc.sig"):
            lab.old.with_name(f"old.bin{suffix}").unlink()
        sign_artifact(lab.old, open_tree(lab.old), signers, version, now=now, **said)
        assert not lab.counts(lab.old, late), said


def test_bytes_count_under_one_name(lab, now):
    lab.decide(now, lambda found: quorum.grandfathered(found, {"a" * 64: "one"}))
    found = quorum.begin(lab.project.keys, lab.project.home, now)
    assert quorum.grandfathered(found, {"a" * 64: "one"}).grandfathered == (("a" * 64, "one"),)
    with pytest.raises(ConfigError, match="counts already as"):
        quorum.grandfathered(found, {"a" * 64: "two"})


def test_a_version_is_vouched_for_with_its_name(lab, now):
    late = now + 110 * DAY
    trust = open_trust(lab.project.keys, now=now)
    version, signers = open_signers("builder", trust=trust, home=lab.project.home, passphrase=lab.passphrase, now=now)
    path = lab.folder / "v.bin"
    path.write_text("v")
    sign_artifact(path, open_tree(path), signers, version, now=now, artifact_version="1.2")
    (one,) = lapses([lab.fact(path, late)[1]], date.min)
    assert one.label == "v.bin version 1.2"
    lab.decide(late, lambda found: quorum.grandfathered(found, {one.digest: one.label}))
    assert lab.counts(path, late)


@pytest.mark.parametrize("what", ["compromised", "suspended"])
def test_a_stolen_or_suspended_key_is_not_helped(lab, project, passphrase, now, what):
    digest = lab.fact(lab.old, now)[1]["digest"]
    late = now + 50 * DAY
    lab.decide(late, lambda found: quorum.grandfathered(found, {digest: "old.bin"}))
    from secpipe.keys.schedule import Schedule
    from secpipe.keystore.commit import suspend

    if what == "suspended":
        suspend(project.keys, project.home, Schedule(), passphrase, late, "builder")
    else:
        lab.decide(
            late, lambda found: quorum.revoked(found, project.home, "builder", None, late, "", Schedule(), None, late)
        )
    assert not lab.counts(lab.old, late + DAY)


def test_a_rotation_grandfathers_nothing(project, passphrase, now):
    thief = Thief(project, passphrase, now)
    trust = thief.publish(
        [thief.endorsed()], edit=lambda signed: signed["x-secpipe"].update(grandfathered={"a" * 64: "evil.bin"})
    )
    assert trust.grandfathered == frozenset()


@pytest.mark.parametrize(
    "table", [{}, {"A" * 64: "x"}, {"a": "x"}, {"a" * 64: ""}, {"a" * 64: "a\nb"}, {"a" * 64: 1}, []]
)
def test_a_table_that_is_none_is_refused(lab, now, table):
    found = open_folder(lab.project.keys, now=None)
    from secpipe.core.errors import InputError
    from secpipe.core.shape import Fields
    from secpipe.keys.ring import _grandfathered

    assert found.ring.grandfathered == ()
    with pytest.raises(InputError):
        _grandfathered(Fields({"grandfathered": table}, "the ring"))


def test_more_than_a_ring_holds(lab, now):
    found = open_folder(lab.project.keys, now=None)
    many = {f"{number:064x}": "x" for number in range(10_001)}
    with pytest.raises(ConfigError, match="at most"):
        quorum.grandfathered(found, many)


def test_what_lapses_and_when(lab, now):
    facts = [lab.fact(path, now)[1] for path in (lab.old, lab.new)]
    ends = now + 104 * DAY
    assert [(one.name, one.at) for one in lapses(facts, date(2026, 1, 1))] == [("new.bin", ends), ("old.bin", ends)]
    assert {one.at.date() for one in lapses(facts, date(2028, 1, 1))} == {date(2028, 1, 1)}
    proven = [{**facts[0], "trusted_time": "2026-11-22T00:00:00Z"}, {**facts[1], "grandfathered": True}]
    assert lapses([*proven, {**facts[0], "verified": False}], date(2026, 1, 1)) == []


@pytest.fixture
def shell(lab, project, tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(project.home))
    monkeypatch.setattr(secrets, "prompt", lambda question, confirm=False: b"correct horse")

    def call(*argv, at):
        monkeypatch.setattr(SystemClock, "now", lambda clock: at)
        file_custody.forget()
        code = run(list(argv))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def test_the_commands(shell, lab, now, tmp_path):
    late = now + 70 * DAY
    code, out, _ = shell("keys", "due", "--artifacts", "artifacts", at=late)
    assert (code, "2027-07-01: 2 artifacts without a time stamp will not count any more: new.bin, old.bin" in out) == (
        0,
        True,
    )
    code, out, _ = shell("keys", "simulate", "--until", "2028-01-01", "--artifacts", "artifacts", at=late)
    assert (code, "2027-07-01  BREAKS  2 artifacts without" in out) == (1, True)
    code, out, err = shell("keys", "grandfather", "artifacts/old.bin", at=late)
    assert (code, "published" in out, "old.bin" in err) == (0, True, True)
    code, out, _ = shell("keys", "due", "--artifacts", "artifacts", "-f", "json", at=late)
    assert [one["path"] for one in json.loads(out)["lapsing"]] == ["new.bin"]
    assert shell("keys", "grandfather", "artifacts/old.bin", at=late)[0] == 2  # nothing there needs it
    lab.new.write_text("changed")
    assert shell("keys", "grandfather", "artifacts", at=late)[0] == 1
    assert not (tmp_path / "keys/pending").exists()


def test_what_the_holders_are_shown(lab, now):
    from secpipe.keystore.pending import shown

    digest = lab.fact(lab.old, now)[1]["digest"]
    found = quorum.begin(lab.project.keys, lab.project.home, now + DAY)
    quorum.draft(found, quorum.grandfathered(found, {digest: "old.bin"}), now + DAY)
    told = shown(open_folder(lab.project.keys, now=None))
    assert told.changes.moves
    assert any(digest in line and "old.bin" in line for line in told.lines)
    shutil.rmtree(lab.project.keys / "pending")


def test_signing_says_what_the_projects_policy_will_ask_for(shell, now, tmp_path):
    (tmp_path / "prompt.txt").write_text("be kind")
    policy = 'schema = "secpipe.policy/1"\nname = "p"\nowner = "o@example.com"\nexpires = 2028-01-01\nprofile = "{}"\n'
    (tmp_path / "secpipe-policy.toml").write_text(policy.format("strict"))
    code, _, err = shell("sign", "prompt.txt", "--key", "builder", at=now)
    assert (code, "without one this counts until 2027-07-01; --tsa URL" in err) == (0, True)
    (tmp_path / "secpipe-policy.toml").write_text(policy.format("baseline"))
    assert "--tsa" not in shell("sign", "prompt.txt", "--key", "builder", at=now)[2]
