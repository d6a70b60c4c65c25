"""A feed packed, signed with a real hybrid key, mirrored and taken: the whole way that docs/advisories.md shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from secpipe.keystore import age
from tests.unit.keystore.conftest import quick_seal


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a trust root in `keys/` and OSV records in `osv/`; age files are real, at a low work factor."""
    place = tmp_path_factory.mktemp("organisation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECPIPE_HOME", str(place / "home"))
        patch.setenv("FEED_PASSPHRASE", "correct horse battery staple")
        patch.setattr(age, "seal", quick_seal)
        patch.chdir(place)
        _fill(place)
        yield place


@pytest.fixture
def organisation(made: Path) -> Path:
    """The same with an empty advisory store, and no feeds."""
    for old in (*made.glob("feed-*"), made / "stick", made / "home" / "advisories"):
        shutil.rmtree(old, ignore_errors=True)
    return made


def _fill(tmp_path: Path) -> None:
    record = {
        "id": "GHSA-1",
        "modified": datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z"),
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "torch"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.2.0"}]}],
            }
        ],
    }
    (tmp_path / "osv").mkdir()
    (tmp_path / "osv" / "a.json").write_text(json.dumps(record))
    assert run(["keys", "init", "--passphrase-file", "env:FEED_PASSPHRASE"]) == 0


def packed(number: int, *, key: str = "advisories", kind: str = "advisories") -> str:
    """Pack and sign feed `number`; return its folder."""
    place = f"feed-{number}-{key}"
    assert run(["advisories", "pack", "--from", "osv", "--to", place, "--number", str(number)]) == 0
    command = ["sign", f"{place}/advisories.json", "--key", key, "--kind", kind]
    assert run([*command, "--passphrase-file", "env:FEED_PASSPHRASE"]) == 0
    return place


def test_packed_signed_mirrored_taken(organisation: Path, capsysbinary: Any) -> None:
    place = packed(1)
    shutil.move(place, "stick")
    assert run(["advisories", "update", "--from", "stick", "--trust", "keys"]) == 0
    assert b"signed by advisories" in capsysbinary.readouterr().out
    bom = {
        "bomFormat": "CycloneDX",
        "components": [{"type": "library", "name": "torch", "purl": "pkg:pypi/torch@2.0.0"}],
    }
    (organisation / "bom.json").write_text(json.dumps(bom))
    assert run(["audit", "bom.json", "-f", "json"]) == 1
    evidence = json.loads(capsysbinary.readouterr().out)["evidence"]
    assert "not signed" not in evidence["producer"]  # what was needed is signed, whatever else the store holds
    feeds = evidence["facts"]["advisories"]["feeds"]
    signed = [(feed["signed"], feed["version"]) for feed in feeds]
    assert signed[0] == ("advisories", 1)
    assert all(name == "" for name, _ in signed[1:])  # the shipped snapshot beside it, for what the feed does not cover


def test_one_signed_folder_carries_all_that_a_site_needs(organisation: Path, capsysbinary: Any) -> None:
    place = Path("transfer")
    shutil.move(packed(7), place / "feed")
    shutil.copytree("keys", place / "keys")
    (place / "policy.toml").write_text('name = "site"\n')
    assert run(["sign", "transfer", "--key", "builder", "--passphrase-file", "env:FEED_PASSPHRASE"]) == 0
    trust = ["--trust", "transfer/keys"]
    assert run(["verify", "transfer", *trust]) == 0
    assert run(["advisories", "update", "--from", "transfer/feed", *trust]) == 0
    (place / "policy.toml").write_text('name = "other"\n')
    assert run(["verify", "transfer", *trust]) == 1


def test_what_is_refused(organisation: Path) -> None:
    newer, older = packed(2), packed(1)
    assert run(["advisories", "update", "--from", newer]) == 2  # no trust root named
    assert run(["advisories", "update", "--from", newer, "--trust", "keys", "--trust-pin", f"sha256:{'0' * 64}"]) == 1
    assert run(["advisories", "update", "--from", newer, "--trust", "keys"]) == 0
    assert run(["advisories", "update", "--from", older, "--trust", "keys"]) == 1  # rollback
    assert run(["advisories", "update", "--from", "osv"]) == 1  # not signed, over signed data
    changed = organisation / packed(3) / "advisories.json"
    changed.write_text(changed.read_text().replace('"version": 3', '"version": 4'))
    assert run(["advisories", "update", "--from", str(changed.parent), "--trust", "keys"]) == 1
    stripped = organisation / packed(5)
    (stripped / "advisories.json.pqc.sig").unlink()
    assert run(["advisories", "update", "--from", str(stripped), "--trust", "keys"]) == 1


def test_a_key_for_something_else_does_not_vouch_for_advisories(organisation: Path) -> None:
    place = packed(1, key="builder", kind="file")
    assert run(["advisories", "update", "--from", place, "--trust", "keys"]) == 1
