"""The outer documents say what is true: links lead somewhere, commands exist, the verdict shown is the one printed."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTER = sorted(ROOT.glob("*.md"))
PAGES = [
    *OUTER,
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name / "README.md" for name in ("bench", "keys", "policies")),
]
STORY = ROOT / "tests/e2e/transcripts/acme-chat.txt"
AUDIT = ROOT / "tests/e2e/transcripts/sbom-audit.txt"
#: What README shows of the audit: a command, and the start of the line of its answer that tells most.
TELLING = (
    ("$ secpipe sbom score 1.0.json", "G7/BSI"),
    ("$ secpipe sbom verify 1.0.json flipped", "  high"),
    ("$ secpipe sbom diff 1.0.json 1.1.json", "weights"),
)


def block(text: str, name: str) -> str:
    found = re.search(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", text, re.DOTALL)
    assert found, f"README.md lacks the {name} block"
    return found[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in OUTER:
        named = set(re.findall(r"(?:^|`|\s)make ([a-z]+)(?=[\s`]|$)", page.read_text(), re.MULTILINE))
        assert named <= targets | {"up", "sure"}, page.name


def test_readme_fits_one_screen_and_names_both_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 66
    assert re.search(r"^    make demo", text, re.MULTILINE)
    assert re.search(r"^    make test", text, re.MULTILINE)


def first_verdict() -> str:
    """Return the first check of the story with the first three things that must change, as an indented block."""
    story = STORY.read_text().splitlines()
    start = next(index for index, line in enumerate(story) if line.startswith("$ secpipe check"))
    end = next(index for index in range(start, len(story)) if story[index].startswith(" 4. "))
    shown = "\n".join([*story[start:end], "..."])
    return "".join(f"    {line}".rstrip() + "\n" for line in shown.splitlines())


def test_readme_shows_the_verdict_that_the_demo_prints() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        text = text.replace(block(text, "demo"), first_verdict())
        readme.write_text(text)
    assert block(text, "demo") == first_verdict(), "UPDATE_TRANSCRIPTS=1 .venv/bin/python -m pytest tests/house"


def audit_lines() -> str:
    """Return the commands of TELLING, each with its line of the transcript, as an indented block."""
    story = AUDIT.read_text().splitlines()
    shown: list[str] = []
    for command, line in TELLING:
        start = next(index for index, text in enumerate(story) if text.startswith(command))
        answer = itertools.takewhile(lambda text: not text.startswith(("$ ", "# ")), story[start + 1 :])
        shown += [story[start], next(text for text in answer if text.startswith(line))]
    return "".join(f"    {line}\n" for line in shown)


def test_readme_shows_what_the_audit_prints() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        text = text.replace(f"<!-- audit:begin -->\n{block(text, 'audit')}", f"<!-- audit:begin -->\n{audit_lines()}")
        readme.write_text(text)
    assert block(text, "audit") == audit_lines(), "UPDATE_TRANSCRIPTS=1 .venv/bin/python -m pytest tests/house"


def test_every_decision_is_listed() -> None:
    index = (ROOT / "docs/adr/README.md").read_text()
    records = [path.name for path in sorted((ROOT / "docs/adr").glob("0*.md")) if not path.name.startswith("0000")]
    assert records
    unlisted = [name for name in records if f"({name})" not in index]
    assert not unlisted, "".join(
        f"\ndocs/adr/README.md lacks: | [{name[:4]}]({name}) | ... | accepted |" for name in unlisted
    )
    numbers = [name[:4] for name in records]
    assert len(numbers) == len(set(numbers)), "two records bear one number"
    for name in records:
        first = (ROOT / "docs/adr" / name).read_text().split("\n")[0]
        heading = re.match(r"# (\d+)[.:] ", first)
        assert int(heading[1] if heading else -1) == int(name[:4]), f"{name} begins: {first}"
