"""Servers, skills and hooks of agents in a BOM, in SPDX, and asked across releases."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.api.inventories import Asked, inventory_of
from secpipe.cli.main import run
from secpipe.sbom import bom, convert
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.query import query
from secpipe.sbom.validate import validate
from secpipe.scan.agents.documents import strings

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SERVERS = {
    "github": {
        "type": "http",
        "url": "https://mcp.forge.example/mcp/",
        "headers": {"Authorization": "Bearer ${FORGE_TOKEN}"},
    },
    "web": {"command": "npx", "args": ["-y", "@playwright/mcp@0.0.41"]},
    "evil\u202e\u0007\n## name": {"command": "uvx", "args": ["x==1.0"], "env": {"API_KEY": "s3cr3t-value-93842"}},
}
SKILL = "---\nname: prices\ndescription: Prices.\n---\nRun `sh run.sh`.\n"


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "app"
    (folder / ".claude/skills/prices").mkdir(parents=True)
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": SERVERS}), "utf-8")
    (folder / ".claude/skills/prices/SKILL.md").write_text(SKILL, "utf-8")
    (folder / ".claude/skills/prices/run.sh").write_text("#!/bin/sh\ngrep x y\n", "utf-8")
    (folder / "SKILL.md").write_text("---\nname: top\n---\nHelp.\n", "utf-8")
    (folder / "AGENTS.md").write_text("# Rules\nRun the tests.\n", "utf-8")
    inventory, _ = inventory_of(str(folder), NOW, Asked())
    return bom.load(emit(inventory, name="app", now=NOW), "ours")


def test_servers_are_services_and_the_rest_are_components(document: dict[str, Any]) -> None:
    assert validate(bom.dump(document)) == ()
    assert {item["name"] for item in query(document, "kind=server")} >= {"github", "web"}
    assert [item["type"] for item in query(document, "kind=skill")] == ["application", "application"]
    assert [item["name"] for item in query(document, "kind=rules")] == ["AGENTS.md"]
    assert document["metadata"]["component"]["name"] == "app", "a skill at the top is not the project"
    web = query(document, "item=server:web")[0]
    assert (web["version"], web["x-trust-boundary"]) == ("0.0.41", False)
    github = query(document, "item=server:github")[0]
    assert (github["endpoints"], github["x-trust-boundary"]) == (["https://mcp.forge.example"], True)


def test_no_secret_and_no_control_character_reaches_the_document(document: dict[str, Any]) -> None:
    assert "s3cr3t" not in bom.dump(document).decode()
    assert [name for name in strings(document) if not name.isprintable()] == []


def test_spdx_carries_them_with_their_capabilities(document: dict[str, Any]) -> None:
    graph = json.loads(convert.to_format(document, "spdx-json"))["@graph"]
    named = {str(row.get("name")): row for row in graph}
    assert named["github"]["type"] == "software_Package"
    said = json.dumps(named["github"]["extension"])
    assert "secret:FORGE_TOKEN" in said
    assert "https://mcp.forge.example" in said
    assert "prices" in named


def _ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, str]]:
    capsys.readouterr()
    assert run(["inventory", "query", *words, "--db", str(tmp_path / "i.sqlite"), "-f", "json"]) == 0
    rows: list[dict[str, str]] = json.loads(capsys.readouterr().out)["rows"]
    return rows


def test_who_uses_a_server_and_what_reaches_a_secret(
    tmp_path: Path, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.json").write_bytes(bom.dump(document))
    assert run(["inventory", "add", str(tmp_path / "b.json"), "--db", str(tmp_path / "i.sqlite")]) == 0
    for name in ("web", "@playwright/mcp", "npm:@playwright/mcp"):
        found = _ask(tmp_path, capsys, "--uses-server", name)
        assert [(row["item"], row["place"]) for row in found] == [("server:web 0.0.41", ".mcp.json:1")], name
    assert [row["item"] for row in _ask(tmp_path, capsys, "--uses-server", "mcp.forge.example")] == ["server:github"]
    assert _ask(tmp_path, capsys, "--uses-server", "we") == []
    found = _ask(tmp_path, capsys, "--reaches-secret", "FORGE_TOKEN")
    assert {(row["item"], row["how"]) for row in found} == {
        ("server:github", "is given it"),
        ("skill:prices", "runs any command"),
    }
    assert run(["inventory", "query", "name=x", "--uses-server", "y", "--db", str(tmp_path / "i.sqlite")]) == 2
