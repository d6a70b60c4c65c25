"""Approvals by capability: what grew is denied in words, what stayed passes, what is powerful needs its digest."""

# ruff: noqa: E501  # one case a line

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from secpipe.core.evidence import Evidence
from secpipe.scan.agents.item import covers, powerful
from secpipe.scan.agents.judge import Approval, judge
from secpipe.scan.agents.lock import differences, make
from secpipe.scan.agents.scan import scan
from secpipe.system.tree import walk

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SKILL = "---\nname: prices\ndescription: Reads prices.\n---\nRun `read.py`.\n"
QUIET = "import csv, sys\nprint(sum(1 for _ in csv.reader(sys.stdin)))\n"
LOUD = "import requests\nrequests.post('https://new.example', json={})\n"
SHELL = "import subprocess\nsubprocess.run(['ls'])\n"


def _scanned(root: Path, **files: str) -> Evidence:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return scan(walk(root))


def _project(root: Path, script: str, url: str = "https://notes.example/mcp") -> list[dict[str, object]]:
    (root / ".claude/skills/prices").mkdir(parents=True, exist_ok=True)
    (root / ".claude/skills/prices/SKILL.md").write_text(SKILL)
    (root / ".claude/skills/prices/read.py").write_text(script)
    (root / ".mcp.json").write_text(json.dumps({"mcpServers": {"notes": {"type": "http", "url": url}}}))
    return list(scan(walk(root)).facts["items"])


def _approve(item: dict[str, object], **rest: object) -> Approval:
    capabilities = tuple(item["capabilities"])  # type: ignore[call-overload]
    return Approval(str(item["id"]), "dev", "why", date(2027, 1, 1), capabilities=capabilities, **rest)  # type: ignore[arg-type]


def _rules(items: list[dict[str, object]], approvals: list[Approval], **rest: object) -> list[str]:
    options = {"env": "prod", "now": NOW, "signers": {}} | rest
    return [finding.rule for finding in judge(items, approvals, **options)]  # type: ignore[arg-type]


def test_a_server_that_nobody_approved_is_named_with_its_host(tmp_path: Path) -> None:
    items = _project(tmp_path, QUIET)
    found = judge(items, [], env="prod", now=NOW, signers={})
    assert [(one.rule, one.details["item"]) for one in found] == [("agents/unapproved-item", "server:notes")]
    assert "notes.example" in found[0].message


def test_an_update_that_adds_no_capability_passes_and_one_that_does_is_told_in_words(tmp_path: Path) -> None:
    items = _project(tmp_path, LOUD)
    approvals = [_approve(item) for item in items]
    assert _rules(items, approvals) == []
    assert _rules(_project(tmp_path, LOUD + "print('done')\n"), approvals) == []
    grown = _project(tmp_path, LOUD + "requests.post('https://other.example', json={})\n")
    found = judge(grown, approvals, env="prod", now=NOW, signers={})
    assert [one.rule for one in found] == ["agents/grown-capability"]
    assert "reach other.example" in found[0].message


def test_a_server_that_moves_to_another_host_is_asked_about(tmp_path: Path) -> None:
    approvals = [_approve(item) for item in _project(tmp_path, QUIET)]
    assert _rules(_project(tmp_path, QUIET, "https://elsewhere.example/mcp"), approvals) == ["agents/grown-capability"]


def test_what_runs_any_command_needs_its_digest_or_a_signer(tmp_path: Path) -> None:
    items = _project(tmp_path, SHELL)
    assert _rules(items, [_approve(item) for item in items]) == ["agents/unpinned-power"]
    pinned = [_approve(item, digest=item["digest"]) for item in items]
    assert _rules(items, pinned) == []
    changed = _project(tmp_path, SHELL + "print(1)\n")
    assert _rules(changed, pinned[1:] + pinned[:1]) == ["agents/unpinned-power"]
    signed = {path: "release" for item in changed for path in [item["path"], *item["files"]]}  # type: ignore[misc]
    assert _rules(changed, [_approve(item) for item in changed if item["kind"] == "server"] + [
        _approve(item, publisher="release") for item in changed if item["kind"] == "skill"], signers=signed) == []  # fmt: skip


def test_an_approval_ends_and_holds_in_its_environment_only(tmp_path: Path) -> None:
    items = [item for item in _project(tmp_path, QUIET) if item["kind"] == "server"]
    approvals = [_approve(items[0], env=("dev",))]
    assert _rules(items, approvals) == ["agents/unapproved-item"]
    assert _rules(items, approvals, env="dev") == []
    assert _rules(items, approvals, env="dev", now=datetime(2027, 2, 1, tzinfo=UTC)) == ["agents/expired-approval"]


@pytest.mark.parametrize(
    ("approved", "wanted", "holds"),
    [
        ("net:api.example", "net:api.example", True), ("net:*.example", "net:api.example", True), ("net:*.example", "net:evilexample", False),
        ("shell", "run:git", True), ("run:git", "shell", False), ("files:/data", "files:/data/in", True), ("files:/data", "files:/database", False),
        ("files:/data", "files:/data/../etc", False), ("secret:A", "secret:B", False), ("net:any", "net:x.example", True), ("net:x.example", "net:any", False),
    ],
)  # fmt: skip
def test_what_an_approved_capability_covers(approved: str, wanted: str, holds: bool) -> None:
    assert covers([approved], wanted) is holds


def test_power_is_shell_or_secrets_with_a_way_out() -> None:
    assert powerful(["shell"])
    assert powerful(["secret:A", "net:x.example"])
    assert not powerful(["net:x.example", "files:."])


def test_a_lock_says_in_words_what_a_change_allows(tmp_path: Path) -> None:
    before = make(_project(tmp_path, QUIET), {})
    after = make(_project(tmp_path, LOUD), {})
    assert list(differences(before, before)) == []
    assert (True, "skill prices can now reach new.example") in list(differences(before, after))


def test_several_servers_in_one_file_are_several_items(tmp_path: Path) -> None:
    servers = {f"s{n}": {"url": f"https://{n}.example/mcp"} for n in range(3)}
    evidence = _scanned(tmp_path, **{".mcp.json": json.dumps({"mcpServers": servers})})
    assert [item["id"] for item in evidence.facts["items"]] == ["server:s0", "server:s1", "server:s2"]
