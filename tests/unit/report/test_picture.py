"""The picture of what agents reach: well-formed, bounded, and no name in it is markup."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from secpipe.api.agents import judged_items
from secpipe.report import html
from secpipe.report.document import Given
from secpipe.report.html.agents import of_agents

EVIL = '"><script>alert(1)</script><text x="&#x27; onload=\'x'


def _drawn(*given: Given) -> ElementTree.Element:
    return ElementTree.fromstring("".join(line for line in of_agents(given) if not line.startswith(("<h2", "<p>"))))


def test_a_line_leads_from_the_agent_to_the_item_and_on_to_what_it_reaches() -> None:
    made = _drawn(
        Given("cursor", "server:notes", ("net:notes.example", "secret:NOTES_TOKEN")),
        Given("cursor", "skill:prices", ("net:notes.example",)),
    )
    texts = [one.text for one in made.iter("text")]
    assert texts[3:] == ["cursor", "server:notes", "skill:prices", "secret:NOTES_TOKEN", "notes.example"]
    assert len(list(made.iter("path"))) == 2 + 3
    assert [one.get("class") for one in made.iter("path")].count("deny") == 1, "a secret is seen at once"


def test_names_of_others_are_text() -> None:
    made = _drawn(Given(EVIL, f"server:{EVIL}", (f"net:{EVIL}",)))
    assert {one.tag for one in made.iter()} == {"svg", "text", "path", "g", "title", "rect"}
    for one in made.iter():
        assert not {name for name in one.attrib if name.startswith("on") or name in {"style", "href"}}


def test_many_items_are_counted_not_drawn() -> None:
    lines = list(of_agents([Given("a", f"server:{n}", (f"net:h{n}.example",)) for n in range(5000)]))
    assert len("".join(lines)) < 60_000
    assert "4,960 further items" in lines[-1]
    assert list(of_agents([])) == []


@pytest.mark.parametrize("policy", [False, True])
def test_a_report_of_a_scan_shows_it_and_fetches_nothing(tmp_path: Path, policy: bool) -> None:
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {"a": {"url": "https://a.example/mcp"}}}' if policy else "{}")
    page = html.render(judged_items([str(tmp_path)]).to_dict())
    assert ("<svg" in page) is policy
    assert not re.search(r'(?:src|style)=|href="(?!#)', page)
