"""What docs/policies.md shows is what a transcript runs, and its policy is the one that decides there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/policies.md").read_text()
POLICY = (ROOT / "examples/policies/shop.toml").read_text()


def test_every_command_is_run() -> None:
    shown = [line.strip() for line in PAGE.splitlines() if line.startswith("    $ ")]
    run = (ROOT / "tests/e2e/transcripts/policies.txt").read_text().splitlines()
    assert len(shown) >= 18
    assert [command for command in shown if command not in run] == []


def test_the_policy_shown_is_the_one_that_decides() -> None:
    shown = PAGE.partition("<!-- policy:begin -->\n```toml\n")[2].partition("```\n<!-- policy:end -->")[0]
    assert shown == POLICY.partition("\n")[2]  # all but the line for editors


def test_the_story_goes_as_the_page_tells_it() -> None:
    """A transcript that was written anew may hold an error as what is expected: here none is."""
    run = (ROOT / "tests/e2e/transcripts/policies.txt").read_text()
    assert "secpipe: error" not in run
    told = [
        "PASS for staging", "PASS for prod", "PASSED for prod", "BLOCKED for prod", "1 of 2 people", "2 of 2 people",
        "OVERRIDDEN for prod by alice and bob", "BLOCKED for prod", "AFFECTED", "roll back to",
    ]  # fmt: skip
    at = 0
    for words in told:
        assert words in run[at:], words
        at = run.index(words, at) + len(words)
