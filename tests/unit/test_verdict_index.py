"""The index of a verdict store says where to look and is never believed: torn, lying or stale, no answer changes."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.core.errors import InputError
from secpipe.gate import storing
from secpipe.gate.images import verdicts as images
from secpipe.gate.outcome import Outcome
from secpipe.gate.verdicts import signed, store, vsa
from secpipe.gate.verdicts.index import VerdictIndex, place_of
from secpipe.gate.verdicts.signed import About, Broken, Held
from secpipe.sign.sign import write_twins
from secpipe.sign.verdicts import sign_verdict
from secpipe.system import files
from tests.unit.gate_builders import NOW
from tests.unit.verdict_world import DIGEST, KEYS, Gate

HOUR = timedelta(hours=1)
IMAGE, OTHER = "c" * 64, "d" * 64


class Images(Gate):
    """A store with verdicts on images."""

    def judge(self, image: str = IMAGE, digest: str = DIGEST, **options: object) -> Path:
        outcome = self.outcome(digest=digest, **options)  # type: ignore[arg-type]
        outcome = self.named(outcome, image)
        kept = storing.contents(outcome)
        entry = storing.keep(self.store, outcome, kept)
        who = next(one for one in self.trust.identities if one.name == "verdict")
        summary = replace(storing.summarise(outcome, kept, "verdict"), image=image)
        data = sign_verdict(
            "vsa", "acme-chat", digest, vsa.predicate(summary), who, KEYS["verdict"].version, KEYS["verdict"].signers,
            image=image, now=outcome.record.at,
        )  # fmt: skip
        write_twins(tuple(entry.folder / name for name in signed.names("vsa")), data)  # type: ignore[arg-type]
        return entry.folder

    @staticmethod
    def named(outcome: Outcome, image: str) -> Outcome:
        subject = {**outcome.record.subject, "digest": {**outcome.record.subject["digest"], "sha256": image}}
        return replace(outcome, record=replace(outcome.record, subject=subject))

    def about(self, image: str = IMAGE) -> list[Held | Broken]:
        return list(images.kept(self.store, About("", None, "prod", image=image), self.trust, NOW + 2 * HOUR))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    return Images(tmp_path)


def test_an_image_finds_its_verdicts_and_no_others(world: Images) -> None:
    one = world.judge()
    world.judge(OTHER, "b" * 64)
    (found,) = world.about()
    assert isinstance(found, Held)
    assert found.folder == one
    later = world.judge(at=NOW + HOUR)  # the index is there already
    assert {item.folder for item in world.about() if isinstance(item, Held)} == {one, later}
    shutil.rmtree(later)
    assert len(world.about()) == 1
    assert world.about("e" * 64) == []


def test_a_verdict_that_was_damaged_after_it_was_indexed_is_seen(world: Images) -> None:
    world.judge()
    no = world.judge(at=NOW + HOUR)
    assert len(world.about()) == 2
    path = no / store.VERDICT
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"pass", b"deny", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # whoever edits sets the time back
    assert [type(one) for one in sorted(world.about(), key=str)].count(Broken) == 1


def test_a_signature_that_comes_later_is_found(world: Images) -> None:
    folder = world.judge()
    names = [folder / name for name in signed.names("vsa")]
    data = [name.read_bytes() for name in names]
    for name in names:
        name.unlink()
    assert world.about() == []
    for name, content in zip(names, data, strict=True):
        name.write_bytes(content)
    assert len(world.about()) == 1


@pytest.mark.parametrize("damage", ["garbage", "cut", "empty", "other version", "folder", "link"])
def test_an_index_that_cannot_be_used_is_made_again(world: Images, damage: str, tmp_path: Path) -> None:
    world.judge()
    assert len(world.about()) == 1
    place = place_of(world.store)
    data = place.read_bytes()
    place.unlink()
    if damage == "folder":
        place.mkdir()
    elif damage == "link":
        (tmp_path / "mine").write_bytes(b"mine")
        place.symlink_to(tmp_path / "mine")
    elif damage == "other version":
        sqlite3.connect(place).execute("PRAGMA user_version = 99").connection.close()
    else:
        place.write_bytes({"garbage": os.urandom(9000), "cut": data[: len(data) // 2], "empty": b""}[damage])
    assert len(world.about()) == 1
    if damage == "link":
        assert (tmp_path / "mine").read_bytes() == b"mine"


def test_an_index_that_lies_leads_to_what_is_verified_all_the_same(world: Images) -> None:
    """It points an image to the verdict of another, and to a place outside of the store."""
    folder = world.judge(OTHER, "b" * 64)
    with VerdictIndex(world.store) as index:
        index.refresh()
    database = sqlite3.connect(place_of(world.store))
    with database:
        database.execute("UPDATE entry SET image = ?", (IMAGE,))
    database.close()
    (found,) = world.about()
    assert isinstance(found, Broken)
    assert "another image" in found.error.message
    database = sqlite3.connect(place_of(world.store))
    with database:
        database.execute(
            "INSERT INTO entry SELECT environment, '../../x', name, stamp, seen, image, subject, at, 0 FROM entry"
        )
    database.close()
    with VerdictIndex(world.store) as index, pytest.raises(InputError, match="no place"):
        index.of_image(IMAGE, "prod")
    assert folder.exists()


def test_nowhere_to_keep_it_is_no_obstacle(world: Images, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "file/below"))
    world.judge()
    assert len(world.about()) == 1


def test_a_look_up_by_digest_lists_nothing_else(world: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    """What made a look-up among 5,001 releases cost 734 times one among 1."""
    world.sign(world.outcome())
    for number in range(50):
        (world.store / "prod" / f"{number:064x}").mkdir()
    listed: list[str] = []
    monkeypatch.setattr(files, "folders", lambda path, real=files.folders: (listed.append(str(path)), real(path))[1])
    assert world.ask().exit_code == 0
    assert listed == [str(world.store / "prod" / DIGEST)]


def test_what_is_named_by_a_link_or_badly_is_no_release(world: Images, tmp_path: Path) -> None:
    world.sign(world.outcome())
    (world.store / "prod" / ("b" * 64)).symlink_to(world.store / "prod" / DIGEST)
    assert list(store.entries(world.store, environment="prod", digest="b" * 64)) == []
    for environment, digest in (("..", DIGEST), ("prod", "../prod/" + DIGEST), ("prod", "..")):
        assert list(store.entries(world.store, environment=environment, digest=digest)) == []
