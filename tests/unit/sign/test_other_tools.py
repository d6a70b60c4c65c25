"""Honest signatures by other tools that were refused, each with the attack that stands beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import State
from secpipe.sign.legacy import check_statement
from secpipe.sign.manifest import oms_root, ordered
from secpipe.system.tree import open_tree
from tests.unit.sign.world import World, rules

TYPE = "https://in-toto.io/Statement/v1"


def statement(subjects: list[Any], kind: str = "https://slsa.dev/provenance/v1", predicate: Any = None) -> bytes:
    return json.dumps(
        {"_type": TYPE, "subject": subjects, "predicateType": kind, "predicate": predicate or {}}
    ).encode()


def digests(data: bytes, *names: str) -> dict[str, str]:
    return {name: hashlib.new(name, data).hexdigest() for name in names}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "app.whl").write_bytes(b"app")
    return tmp_path / "app.whl"


def judged(payload: bytes, path: Path) -> bool:
    try:
        _, covered, problems = check_statement(payload, open_tree(path), directory=path.is_dir())
    except SecpipeError:
        return False
    return bool(covered) and not problems


OURS, OTHER = digests(b"app", "sha256"), digests(b"other", "sha256")


@pytest.mark.parametrize(
    ("subjects", "good"),
    [
        ([{"name": "x", "digest": OTHER}, {"name": "app.whl", "digest": OURS}], True),
        ([{"name": "x", "digest": OTHER}, {"name": "y", "digest": digests(b"z", "sha256")}], False),
        ([{"name": "app.whl", "digest": digests(b"app", "sha512")}], True),
        ([{"name": "app.whl", "digest": digests(b"app", "sha384", "sha512")}], True),
        ([{"name": "app.whl", "digest": digests(b"other", "sha512")}], False),
        ([{"name": "app.whl", "digest": OURS | digests(b"other", "sha512")}], False),
        ([{"name": "app.whl", "digest": OTHER | digests(b"app", "sha512")}], False),
        ([{"name": "app.whl", "digest": {"md5": hashlib.md5(b"app").hexdigest()}}], False),
        ([{"name": "app.whl", "digest": {}}], False),
        ([{"name": "app.whl"}], False),
        ([], False),
        (["app.whl", None, 3], False),
        ([{"name": "app.whl", "digest": {"sha512": None}}], False),
    ],
)
def test_subjects_of_other_tools(file: Path, subjects: list[Any], good: bool) -> None:
    assert judged(statement(subjects), file) is good


def model(tmp_path: Path, *, links: Any = True, listed: dict[str, bytes] | None = None) -> tuple[Path, bytes]:
    path = tmp_path / "m"
    (path / "real").mkdir(parents=True)
    (path / "real/w.bin").write_bytes(b"w")
    files = {"real/w.bin": b"w"} | (listed or {})
    rows = [{"name": name, "digest": hashlib.sha256(files[name]).hexdigest(), "algorithm": "sha256"} for name in
            ordered(files)]  # fmt: skip
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": links, "ignore_paths": []}
    root = oms_root(row["digest"] for row in rows)
    subject = [{"name": "m", "digest": {"sha256": root}}]
    return path, statement(subject, "https://model_signing/signature/v1.0", {"resources": rows, "serialization": how})


def test_links_that_the_signer_followed(tmp_path: Path) -> None:
    path, payload = model(tmp_path, listed={"w.bin": b"w"})
    (path / "w.bin").symlink_to("real/w.bin")
    assert judged(payload, path)
    (path / "w.bin").unlink()
    (path / "evil").write_bytes(b"evil")
    (path / "w.bin").symlink_to("evil")
    assert not judged(payload, path)


def test_without_links_the_flag_changes_nothing(tmp_path: Path) -> None:
    path, payload = model(tmp_path)
    assert judged(payload, path)
    (tmp_path / "outside").write_bytes(b"w")
    (path / "more").symlink_to("real/w.bin")
    assert not judged(payload, path), "a link that is not listed is not covered"


@pytest.mark.parametrize("target", ["../outside", "/etc/hostname", "real", "nowhere", "loop"])
def test_links_that_lead_elsewhere(tmp_path: Path, target: str) -> None:
    path, payload = model(tmp_path, listed={"loop": b"w"})
    (tmp_path / "outside").write_bytes(b"w")
    (path / "loop").symlink_to(target)
    assert not judged(payload, path)


@pytest.mark.parametrize("links", ["true", 1, None, []])
def test_the_flag_is_a_flag(tmp_path: Path, links: Any) -> None:
    path, payload = model(tmp_path, links=links)
    assert not judged(payload, path)


def test_a_file_that_is_not_listed_may_be_ignored_and_one_that_is_may_not(make_world: Any) -> None:
    world: World = make_world("directory").sign()
    (world.path / "run.log").write_text("told later")
    (world.path / "logs").mkdir()
    (world.path / "logs/a.log").write_text("told later")
    assert rules(world.verify(ignore=("run.log",))) == {"extra-file"}
    evidence = world.verify(ignore=("run.log", "logs"))
    assert evidence.state is State.OK
    assert not {"run.log", "logs/a.log"} & evidence.facts["covered"].keys()
    (world.path / "config.json").write_text("evil")
    (world.path / "weights/evil.py").write_text("evil")
    everything = ("run.log", "logs", "config.json", "weights")
    assert rules(world.verify(ignore=everything)) == {"changed-file", "extra-file"}


def test_a_log_proof_holds_nothing_unseen(make_world: Any) -> None:
    world: World = make_world("directory").sign()
    (world.path / "model.sig.tlog-proof").write_text("import os")
    for evidence in world.both():
        assert rules(evidence) == {"extra-file"}
