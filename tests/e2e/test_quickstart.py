"""Every command of the quickstart stands in a transcript that is run."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_is_run() -> None:
    shown = [
        line.strip() for line in (ROOT / "docs/quickstart.md").read_text().splitlines() if line.startswith("    $ ")
    ]
    run = (ROOT / "tests/e2e/transcripts/quickstart.txt").read_text().splitlines()
    assert len(shown) >= 8
    assert [command for command in shown if command not in run] == []


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
