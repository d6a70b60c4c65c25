"""Every secpipe command that a page, a rule or an example names exists, with the options it is given."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from secpipe.cli.main import root

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "commands"),
    *(ROOT / "examples").rglob("*.toml"),
    *(ROOT / "examples/schedulers").iterdir(),
    *(ROOT / "policies").rglob("*.toml"),
    *(ROOT / "policies/starter").iterdir(),
    ROOT / "action.yml",
]
#: `secpipe ` in code: behind a prompt, a variable, at the start of a line, or between backticks.
_NAMED = re.compile(r"(?:^\s*(?:\$ |- run: )?(?:[A-Z_]+=\S+ )?|`|\$\(|\"|; |&& )secpipe ([a-z][^`\n]*)", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])(--?[a-zA-Z][\w-]*)")


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that the words name, and the words behind it."""
    command: click.Command = root
    context = click.Context(command)
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        below = command.get_command(context, words[0])
        if below is None:
            break
        command, words = below, words[1:]
    return command, words


def mistakes(text: str) -> list[str]:
    found = []
    for match in _NAMED.finditer(text):
        line = re.split(r"\s#|\s\||\s&&|\s;|\)\s|(?<=\w)\.\s(?=[A-Z])|(?<=\w),\s", match[1])[0].replace('\\"', '"')
        line = re.sub(r'"[^"]*"|\'[^\']*\'', "TEXT", line)
        command, rest = resolve(line.split())
        if command is root:
            continue  # prose: "secpipe is", "secpipe reads"
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        known |= {"-h", "--help"}
        if isinstance(command, click.Group):
            if rest and re.fullmatch(r"[a-z][a-z-]+", rest[0]) and len(rest) < 4:
                found.append(f"secpipe {line}: no such command")
            continue
        found += [f"secpipe {line}: no {name}" for name in _OPTION.findall(" ".join(rest)) if name not in known]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist_with_their_options(page: Path) -> None:
    assert mistakes(page.read_text()) == []


def test_a_mistake_would_be_found() -> None:
    assert mistakes("    $ secpipe check . --polcy x\n") == ["secpipe check . --polcy x: no --polcy"]
    assert mistakes("run `secpipe keys rotat`") == ["secpipe keys rotat: no such command"]
    assert mistakes("secpipe trust update keys --trust a\n") == []
