"""Every command of the README and of the quickstart stands in a transcript that is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = {
    line[2:]
    for story in (ROOT / "tests/e2e/transcripts").glob("*.txt")
    for line in story.read_text().splitlines()
    if line.startswith("$ ")
}
#: Run elsewhere: the demo plays a transcript, the tests are these; how to install is tried by its own tests.
ELSEWHERE = re.compile(r"make (demo|test|dist)\b.*|(pipx|uv|pip|python3?|git) .*|secpipe check path/to/project")


def commands(page: str) -> list[str]:
    """Return what a page shows to be typed: indented lines behind a prompt, or that begin with a program's name."""
    lines = re.findall(r"^    (?:\$ )?((?:secpipe|make|pipx|uv|pip|git|python3?|[A-Z]+=|\().*)$", page, re.MULTILINE)
    shown = re.findall(r"^    \$ (.+)$", page, re.MULTILINE)
    return list(dict.fromkeys([*lines, *shown]))


@pytest.mark.parametrize(("name", "least"), [("README.md", 5), ("docs/quickstart.md", 10)])
def test_every_command_is_run(name: str, least: int) -> None:
    shown = commands((ROOT / name).read_text())
    assert len(shown) >= least
    assert [line for line in shown if line not in RUN and not ELSEWHERE.fullmatch(line)] == []
    if name != "README.md":
        story = (ROOT / "tests/e2e/transcripts/quickstart.txt").read_text().splitlines()
        assert [line for line in shown if f"$ {line}" not in story] == []  # in this story, not just anywhere


def test_the_approval_shown_is_the_one_that_is_run() -> None:
    text = (ROOT / "docs/quickstart.md").read_text()
    run = (ROOT / "tests/e2e/transcripts/quickstart.txt").read_text()
    for line in (
        'provider = "openai"',
        'owner = "jane@shop.example"',
        'reason = "contract 2026-014"',
        "expires = 2027-03-31",
    ):
        assert line in text
        assert line in run


def test_the_story_goes_as_the_page_tells_it() -> None:
    """A transcript that was written anew may hold an error as what is expected: here none is."""
    run = (ROOT / "tests/e2e/transcripts/quickstart.txt").read_text()
    assert "secpipe: error" not in run
    assert "PASS for prod" in run
