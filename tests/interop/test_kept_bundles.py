"""Bundles signed by earlier releases verify in every later one, for ever."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.evidence import State
from secpipe.core.trust import Authority, HalfClass, Identity, KeyVersion, PublicHalf, TimeAuthority, Trust
from secpipe.keys.schemes import scheme
from secpipe.sign.attest import verify_attestation
from secpipe.sign.verify import verify_artifact, verify_tree
from secpipe.system.tree import open_tree, walk
from tests import skips

GENERATIONS = sorted(path for path in (Path(__file__).parent / "bundles").iterdir() if path.is_dir())
CASES = [
    pytest.param(folder, pair, name, id=f"{folder.name}-{pair}-{name}")
    for folder in GENERATIONS
    for pair in ("default", "cnsa2")
    for name in ("tiny-model", "prompt.txt")
]


def trusted(folder: Path, pair: str, **dates: Any) -> tuple[Trust, datetime]:
    told = json.loads((folder / "trust.json").read_text())
    signed = datetime.fromisoformat(told["signed"])
    halves = tuple(
        PublicHalf(row["algorithm"], scheme.get(row["algorithm"]).half, row["pem"]) for row in told["keys"][pair]
    )
    assert {half.half for half in halves} == set(HalfClass)
    window = {"not_before": signed - timedelta(days=1), "sign_until": signed + timedelta(days=1)} | dates
    identity = Identity("builder", Authority(("*",)), (KeyVersion(1, halves, **window),))
    far = signed + timedelta(days=36500)
    authority = TimeAuthority("test", told["authority"])
    return Trust(1, "0" * 64, far, 1, "1" * 64, far, (identity,), (authority,), pinned=True), signed


def test_every_release_keeps_its_bundles() -> None:
    assert [folder.name for folder in GENERATIONS][:1] == ["v1"]


@pytest.mark.parametrize(("folder", "pair", "name"), CASES)
def test_a_kept_bundle_verifies(folder: Path, pair: str, name: str) -> None:
    trust, signed = trusted(folder, pair)
    path = folder / pair / name
    evidence = verify_artifact(path, open_tree(path), trust, min_version="1.0.0", now=signed)
    assert evidence.state is State.OK, evidence.reason
    attestation = verify_attestation(path, open_tree(path), trust, "bias", now=signed)
    assert attestation.state is State.OK, attestation.reason
    assert verify_tree(walk(folder / pair), trust, now=signed).state is State.OK


@pytest.mark.parametrize(("folder", "pair", "name"), CASES)
def test_its_timestamps_outlive_its_key(folder: Path, pair: str, name: str) -> None:
    skips.module("rfc3161_client")
    _, signed = trusted(folder, pair)
    trust, _ = trusted(
        folder, pair, verify_until=signed + timedelta(days=2), compromised_since=signed + timedelta(days=3)
    )
    path = folder / pair / name
    evidence = verify_artifact(path, open_tree(path), trust, now=signed + timedelta(days=30))
    assert evidence.state is State.OK, evidence.reason


@pytest.mark.parametrize(("folder", "pair", "name"), CASES)
def test_and_still_fails_when_it_is_touched(folder: Path, pair: str, name: str, tmp_path: Path) -> None:
    trust, signed = trusted(folder, pair)
    shutil.copytree(folder / pair, tmp_path / pair)
    path = tmp_path / pair / name
    target = path / "config.json" if path.is_dir() else path
    target.write_bytes(target.read_bytes() + b" ")
    assert verify_artifact(path, open_tree(path), trust, now=signed).state is State.FAILED
