"""CODEOWNERS: who owns the file that declares an item; told, and believed in nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.agents import owners
from secpipe.scan.agents.scan import scan
from secpipe.system.tree import walk

RULES = """\
# everybody
*                 @acme/all
*.md              @acme/writers   # texts
/.claude/         @acme/platform
docs/*            docs@acme.example
/apps/**/tools    @acme/tools
/.claude/agents/
space\\ name.md    @acme/space
[Section]
!*.py             @acme/never
"""


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("src/a.py", "@acme/all"),
        ("src/a.md", "@acme/writers"),
        (".claude/settings.json", "@acme/platform"),
        ("sub/.claude/settings.json", "@acme/all"),
        ("docs/a.txt", "docs@acme.example"),
        ("docs/deep/a.txt", "@acme/all"),
        ("apps/x/y/tools/a.json", "@acme/tools"),
        ("apps/tools", "@acme/tools"),
        ("apps/x/toolsmith", "@acme/all"),
        (".claude/agents/a.md", ""),
        ("x/space name.md", "@acme/space"),
    ],
)
def test_the_last_pattern_that_meets_a_path_owns_it(tmp_path: Path, path: str, owner: str) -> None:
    (tmp_path / "CODEOWNERS").write_text(RULES)
    assert owners.owner(path, owners.rows(walk(tmp_path))) == owner


def test_items_bear_their_owner_and_a_hostile_file_changes_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {"a": {"url": "https://a.example/mcp"}}}')
    before = scan(walk(tmp_path)).facts["items"][0]
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/CODEOWNERS").write_text("*" * 5000 + " @a\n" + "a/" * 3000 + "\n*.json @acme/dev\u202e\x07\n")
    (tmp_path / "CODEOWNERS").write_text("* @acme/other\n")
    item = scan(walk(tmp_path)).facts["items"][0]
    assert item["owner"].startswith("@acme/dev")
    assert item["owner"].isprintable()
    assert {**item, "owner": ""} == before
