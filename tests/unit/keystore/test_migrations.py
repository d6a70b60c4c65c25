"""Migrations that arrive: ten years of rotations, an artifact signed at each step, and all of them verified."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import ConfigError, MissingDependency
from secpipe.core.evidence import State
from secpipe.core.trust import Authority, Identity, KeyVersion
from secpipe.keys.schedule import Schedule, Stage, parse_schedule
from secpipe.keys.schemes import raw
from secpipe.keys.simulate import Future, simulate
from secpipe.keystore import quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_trust
from secpipe.keystore.unlock import open_signers
from secpipe.sign.rehearse import Rehearsal
from secpipe.sign.sign import sign_artifact
from secpipe.sign.verify import verify_artifact, verify_tree
from secpipe.system.tree import open_tree, walk
from tests import skips

DAY = timedelta(days=1)
CHANGE = datetime(2030, 1, 1, tzinfo=UTC)
HYBRID = ("ecdsa-p256", "ml-dsa-65")
MIGRATIONS = {
    "to cnsa2": (("ecdsa-p384", "ml-dsa-87"), "classical+pq"),
    "to ml-dsa alone": (("ml-dsa-65",), "pq"),
    "to slh-dsa": (("slh-dsa-sha2-128f",), "pq"),
}


def staged(halves: tuple[str, ...], require: str, start: datetime) -> Schedule:
    return Schedule(
        timedelta(days=270), timedelta(days=30), timedelta(days=30), timedelta(days=3), timedelta(days=400),
        (Stage(HYBRID, start, start), Stage(halves, CHANGE - 60 * DAY, CHANGE, require=require)),
    )  # fmt: skip


def usable(algorithms: tuple[str, ...]) -> None:
    for name in algorithms:
        if name in raw.RAW:
            try:
                raw.library(name)
            except MissingDependency:
                skips.cannot("no OpenSSL 3.5 or liboqs here for SLH-DSA")


@pytest.mark.parametrize(("halves", "require"), MIGRATIONS.values(), ids=MIGRATIONS)
def test_from_2026_to_2036(
    project: Any, passphrase: Callable[[], bytes], now: datetime, tmp_path: Path, halves: tuple[str, ...], require: str
) -> None:
    usable(halves)
    schedule = staged(halves, require, now)
    found = quorum.begin(project.keys, project.home, now)
    quorum.draft(found, quorum.renewed(found, schedule=schedule), now)
    assert sign_pending(project.keys, project.home, passphrase, now).published
    shelf, at, made = tmp_path / "shelf", now, []
    while at < datetime(2036, 6, 1, tzinfo=UTC):
        outcome = rotate(project.keys, project.home, schedule, passphrase, lambda at=at: at)
        made += [step.algorithms for step in outcome.made if step.identity == "builder"]
        trust = open_trust(project.keys, pin=project.pin, now=at)
        version, signers = open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=at)
        artifact = shelf / f"m{at:%Y%m%d}"
        artifact.mkdir(parents=True)
        (artifact / "w.bin").write_text(str(at))
        sign_artifact(artifact, open_tree(artifact), signers, version, now=at)
        evidence = verify_tree(walk(shelf), trust, require=require if at >= CHANGE else "classical+pq", now=at)
        assert evidence.state is State.OK, (at, evidence.reason)
        assert len(evidence.facts["artifacts"]) == len(list(shelf.iterdir()))
        at += 180 * DAY
    assert made[0] == HYBRID
    assert made[-1] == halves
    names = ["+".join(algorithms) for algorithms in made]
    assert sorted(names, key=lambda name: name != "+".join(HYBRID)) == names  # once, and no way back


def test_a_stage_that_no_verifier_could_use_is_withheld_and_rotation_goes_on(
    project: Any, passphrase: Callable[[], bytes], now: datetime
) -> None:
    schedule = staged(("ml-dsa-65",), "classical+pq", now)
    schedule = replace(schedule, stages=(schedule.stages[0], replace(schedule.stages[1], sign_from=now)))
    assert schedule.withheld_at(now)
    at, made = now, []
    for _ in range(12):
        outcome = rotate(project.keys, project.home, schedule, passphrase, lambda at=at: at)
        made += [step.algorithms for step in outcome.made]
        at += 60 * DAY
    assert made
    assert set(made) == {HYBRID}


def test_rotation_toml_knows_the_floors() -> None:
    text = 'schema = "secpipe.rotation/1"\n[[algorithms]]\nhalves = ["ml-dsa-65"]\naccept_from = 2026-01-01\n'
    text += "sign_from = 2026-01-01\nrequire = "
    assert not parse_schedule((text + '"pq"').encode(), "x").stages[0].withheld
    assert 'require = "pq"' in parse_schedule((text + '"classical"').encode(), "x").stages[0].withheld
    for wrong in ('"any"', "1", "[]", '""'):
        with pytest.raises(ConfigError):
            parse_schedule((text + wrong).encode(), "x")


@pytest.mark.parametrize("half", [0, 1])
def test_one_half_signs_and_verifies_and_a_hybrid_still_needs_both(
    project: Any, passphrase: Callable[[], bytes], now: datetime, tmp_path: Path, half: int
) -> None:
    algorithm, floor = HYBRID[half], ("classical", "pq")[half]
    found = quorum.begin(project.keys, project.home, now)
    blank = Identity("single", Authority(("model", "file")), (), "alice")
    quorum.draft(found, quorum.with_identity(found, project.home, blank, [algorithm], Schedule(), passphrase, now), now)
    assert sign_pending(project.keys, project.home, passphrase, now).published
    trust = open_trust(project.keys, now=now)

    def signed(who: str, path: Path) -> tuple[Path, ...]:
        version, signers = open_signers(who, trust=trust, home=project.home, passphrase=passphrase, now=now)
        return sign_artifact(path, open_tree(path), signers, version, now=now)

    path = tmp_path / "x.txt"
    path.write_text("x")
    assert len(signed("builder", path)) == 2
    (bundle,) = signed("single", path)
    assert sorted(each.name for each in tmp_path.glob("x.txt*")) == ["x.txt", bundle.name], "the old half is gone"
    assert verify_artifact(path, open_tree(path), trust, require=floor, now=now).state is State.OK
    for other in {"classical", "pq", "classical+pq"} - {floor}:
        refused = verify_artifact(path, open_tree(path), trust, require=other, now=now)
        assert refused.state is State.FAILED
        assert f"--require {floor}" in refused.findings[0].fix
    moved = bundle.with_name("x.txt.pqc.sig" if bundle.name == "x.txt.sig" else "x.txt.sig")
    shutil.copy(bundle, moved)
    assert verify_artifact(path, open_tree(path), trust, require=floor, now=now).state is State.FAILED


def future(now: datetime, algorithms: tuple[str, ...]) -> Future:
    from secpipe.keys.metadata import Quorum
    from secpipe.keys.ring import Delegation
    from secpipe.keystore.fresh import fresh, tuf_keys

    first = KeyVersion(1, fresh(HYBRID).halves, now, now + 300 * DAY)
    who = Identity("builder", Authority(("model",), ("acme/*",), ("prod",)), (first,), "ann")
    bounds = Delegation(Quorum((tuf_keys(fresh(("ed25519", "ml-dsa-65")).halves, "rotation"),), 1),
                        ("+".join(HYBRID), "+".join(algorithms)), 700, 400)  # fmt: skip
    return Future((who,), bounds, now + 3650 * DAY, now + 3650 * DAY, now + 400 * DAY)


def test_simulate_signs_and_verifies_each_stage(now: datetime) -> None:
    for halves, floor, broken in ((("ml-dsa-65",), "pq", False), (("ml-dsa-65",), "classical+pq", True)):
        events = simulate(
            future(now, halves),
            staged(halves, floor, now),
            now,
            datetime(2033, 1, 1, tzinfo=UTC),
            (),
            Rehearsal().publish,
        )
        assert any(event.breaks for event in events) is broken, [event for event in events if event.breaks]
        assert any("(ml-dsa-65) is published" in event.what for event in events) is not broken


def test_simulate_says_what_this_machine_cannot_make(now: datetime) -> None:
    def unable(*args: object) -> Any:
        raise MissingDependency("nothing here can do it")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "library", unable)
        halves = ("slh-dsa-sha2-128f",)
        schedule = staged(halves, "pq", now)
        events = simulate(future(now, halves), schedule, now, datetime(2031, 1, 1, tzinfo=UTC), (), Rehearsal().publish)
    assert any(event.breaks and "cannot make the key" in event.what for event in events)


def test_simulate_finds_a_key_that_signs_what_nobody_takes(now: datetime) -> None:
    """The stage says what its verifiers ask for; a set allowed by the root that does not give it breaks."""
    who = future(now, HYBRID).identities[0]
    blank = replace(who.versions[0], version=2, halves=())
    assert Rehearsal().publish(who, blank, ["ml-dsa-65"], "classical+pq")[1]
    assert not Rehearsal().publish(who, blank, ["ml-dsa-65"], "pq")[1]
