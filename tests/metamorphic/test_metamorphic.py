"""Known-bad inputs under every transformation: none ends in a silent pass, and the honest twin is never blocked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.gate.pipeline import check
from secpipe.gate.policies import policy_file
from secpipe.gate.request import Request
from tests.metamorphic.changes import CHANGES, Change, Made
from tests.metamorphic.seeds import SEEDS, Seed

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
POLICY = """schema = "secpipe.policy/1"
name = "metamorphic"
owner = "ann@example.org"
expires = 2027-06-30
profile = "baseline"

[signatures]
required = false

[sbom]
required = false

[[shadow_ai.allow]]
provider = "openai"
owner = "ann@example.org"
reason = "the honest twin"
expires = 2027-06-30
"""
PAIRS = [(seed, change) for seed in SEEDS for change in CHANGES if change.fits(seed)]


def write(root: Path, files: Made) -> None:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            path.symlink_to(data)
        else:
            path.write_bytes(data)


def judged(place: Path, files: Made) -> dict[str, Any]:
    root = place / "project"
    write(root, files)
    policy = place / "policy.toml"
    policy.write_text(POLICY)
    pin = f"sha256:{policy_file.load(str(policy)).digest}"
    request = Request(root, NOW, policy=str(policy), policy_ref=pin, cache=False)
    return check(request).document


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))


def words(document: dict[str, Any]) -> str:
    return f"{document['decision']}: {[reason['what'] for reason in document['reasons']]}"


@pytest.mark.parametrize(("seed", "change"), PAIRS, ids=[f"{seed.name}: {change.name}" for seed, change in PAIRS])
def test_the_bad_twin_never_passes(seed: Seed, change: Change, tmp_path: Path) -> None:
    document = judged(tmp_path, change.make(seed, seed.bad))
    wanted = {"deny"} if change.keeps else {"deny", "undecided"}
    assert document["decision"] in wanted, words(document)


@pytest.mark.parametrize(("seed", "change"), PAIRS, ids=[f"{seed.name}: {change.name}" for seed, change in PAIRS])
def test_the_honest_twin_is_never_blocked(seed: Seed, change: Change, tmp_path: Path) -> None:
    document = judged(tmp_path, change.make(seed, seed.honest))
    wanted = {"pass", "warn"} if change.keeps else {"pass", "warn", "undecided"}
    assert document["decision"] in wanted, words(document)
    if document["decision"] == "undecided":
        assert len(document["reasons"]) <= 3, words(document)
