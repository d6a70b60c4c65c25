"""The inventory of releases: what is kept, what is asked, what a broken file does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import InputError
from secpipe.sbom.bom import dump
from secpipe.sbom.store import SqliteStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def document(name: str, *components: dict[str, Any]) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "application", "name": name, "version": "1"}},
        "components": list(components),
    }


def model(name: str, base: str = "", license_name: str = "mit") -> dict[str, Any]:
    item: dict[str, Any] = {
        "type": "machine-learning-model",
        "name": name,
        "licenses": [{"license": {"name": license_name}}],
    }
    return item | ({"pedigree": {"ancestors": [{"type": "machine-learning-model", "name": base}]}} if base else {})


def test_descent_is_followed_across_releases(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "i.sqlite") as store:
        store.add(document("one", model("tuned", "base")), NOW)
        store.add(document("two", model("adapter", "tuned"), model("other", "elsewhere")), NOW)
        store.add(document("loop", model("a", "b"), model("b", "a")), NOW)
        assert [(release.name, child) for release, child in store.descendants("base")] == [
            ("one", "tuned"),
            ("two", "adapter"),
        ]
        assert [child for _, child in store.descendants("a")] == ["a", "b"]
        assert store.descendants("' OR 1=1 --") == []
        assert store.licenses() == [("mit", 5)]


def test_the_same_document_is_kept_once(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "i.sqlite") as store:
        assert store.add(document("one"), NOW)[1]
        assert not store.add(document("one"), NOW)[1]
        assert len(store.releases()) == 1


def test_a_file_that_is_no_inventory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "i.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError):
        SqliteStore(tmp_path / "i.sqlite")


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    torch = {"type": "library", "name": "torch", "version": "2.5.1"}
    (tmp_path / "b.json").write_bytes(dump(document("chat", torch)))
    assert run(["inventory", "add", str(tmp_path / "b.json")]) == 0
    capsys.readouterr()
    assert run(["inventory", "query", "name=torch and version<2.6"]) == 0
    assert capsys.readouterr().out == "chat 1  torch 2.5.1\n"
    assert run(["inventory", "query", "name=torch and version<2.5"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["inventory", "query"]) == 2
    assert run(["inventory", "export", "-f", "json"]) == 0
    assert '"torch"' in capsys.readouterr().out
