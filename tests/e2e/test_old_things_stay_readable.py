"""What each kept version wrote (tests/data/old, made by tests/make_old.py) is read today, and says the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.gate import record
from secpipe.report import WRITERS

OLD = sorted(path for path in (Path(__file__).parents[1] / "data/old").iterdir() if path.is_dir())


@pytest.fixture(params=OLD, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, as the current folder: what is kept is never written to."""
    folder = tmp_path / "old"
    shutil.copytree(request.param, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    return folder


def made(old: Path) -> str:
    """Return the time at which its verdict was given."""
    return (old / "made.txt").read_text().split()[0]


def entry(old: Path) -> str:
    (folder,) = (old / "verdicts").glob("*/*/*")
    return folder.relative_to(old).as_posix()


def trusted(old: Path) -> list[str]:
    return ["--trust", "keys", "--trust-pin", (old / "trust.pin").read_text().split()[0]]


def pinned(old: Path) -> list[str]:
    return ["--policy", "policy.toml", "--policy-ref", (old / "policy.pin").read_text().split()[0], *trusted(old)]


def test_its_policy_has_the_same_pin_and_no_mistake(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "pin", "policy.toml"]) == 0
    assert capsys.readouterr().out.split()[0] == (old / "policy.pin").read_text().split()[0]
    assert run(["policy", "lint", "policy.toml"]) == 0
    for environment in ("prod", "dev"):
        assert run(["policy", "show", "policy.toml", "--env", environment]) == 0


def test_its_ring_opens_and_its_signature_holds(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trust", "pin", "keys"]) == 0
    assert capsys.readouterr().out.split()[0] == (old / "trust.pin").read_text().split()[0]
    assert run(["trust", "verify", "keys", "--at", made(old)]) == 0
    assert run(["verify", "acme/models/tiny", *trusted(old), "--at", made(old)]) == 0
    assert run(["verify", "acme", *trusted(old), "--at", made(old)]) == 0


def test_its_verdict_is_shown_verified_and_replayed(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decision = json.loads((old / "verdict.json").read_text())["decision"]
    assert run(["verdict", "show", entry(old)]) == 0
    asked = ["verdict", "verify", "acme", "--store", "verdicts", *pinned(old), "--at", made(old)]
    assert run(asked) == (0 if decision in ("pass", "warn") else 1)
    (old / "acme/app.py").write_text("changed = True\n")
    assert run(asked) == 3, "the old verdict is not on these files"
    capsys.readouterr()
    assert run(["policy", "replay", "policy.toml", "--store", "verdicts", "--fail-on-change"]) == 0
    assert "1 verdict replayed: none would change" in capsys.readouterr().out
    assert run(["monitor", "--store", "verdicts", *pinned(old), "--at", made(old)]) in (0, 1)
    assert "1 verdict" in capsys.readouterr().out


def test_its_evidence_decodes_without_loss(old: Path) -> None:
    for file in (old / "evidence.json", old / entry(old) / "evidence.json"):
        data = file.read_bytes()
        then, again = json.loads(data), json.loads(record.encode(record.decode(data, "the old evidence")))
        for one in again["evidence"].values():
            assert one.pop("account") is None, "nothing is claimed about what was not accounted for then"
        for document in (then, again):
            del document["schema"], document["tool"]
        assert again == then


@pytest.mark.parametrize("form", WRITERS)
def test_its_documents_render(old: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    for file in ("verdict.json", "models.findings.json", "shadow-ai.findings.json"):
        assert run(["report", file, "-f", form]) == 0, file
    assert len(capsys.readouterr().out) > 100 or form in ("github", "gitlab")  # which list findings only


def test_its_bom_is_valid_and_true(old: Path) -> None:
    assert run(["sbom", "validate", "acme.cdx.json"]) == 0
    assert run(["sbom", "verify", "acme.cdx.json", "acme"]) == 0


def test_it_holds_no_private_key() -> None:
    for file in (path for folder in OLD for path in folder.rglob("*") if path.is_file()):
        assert b"PRIVATE " + b"KEY" not in file.read_bytes()
        assert b"age-encryption" not in file.read_bytes()
