"""One word for one thing: docs/glossary.md against the options and the class names there are."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import click

from tests.house.test_every_command_has_an_example import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/glossary.md").read_text()
EXPLAINED = set(re.findall(r"^\| `(--[\w-]+)` \|", PAGE, re.MULTILINE))
#: What the page says is not the word.
REFUSED = set(re.findall(r"not `(--[\w-]+)`", PAGE))
OPTIONS = [item for command in COMMANDS.values() for item in command.params if isinstance(item, click.Option)]
#: Class names that several rooms still share. None joins; take one out when it has one meaning.
SHARED = {"Item", "Judge", "Plan", "Row", "Rule", "Statement", "Step"}


def test_an_option_of_several_commands_is_explained() -> None:
    used = Counter(name for item in OPTIONS for name in item.opts if name.startswith("--"))
    assert {name for name, times in used.items() if times >= 4} <= EXPLAINED
    assert set(used) >= EXPLAINED, "the page explains an option that no command has"


def test_no_option_and_no_place_has_a_refused_name() -> None:
    assert {"--environment", "--dir"} == REFUSED
    assert not REFUSED & {name for item in OPTIONS for name in item.opts}
    for item in OPTIONS:
        words = re.split(r"[^A-Za-z]+", item.make_metavar(click.Context(click.Command("any"))))
        assert not {"DIR", "DIRECTORY", "FILENAME", "FOLDERNAME"} & set(words), item.opts


def test_a_class_name_has_one_meaning() -> None:
    found = Counter(
        node.name
        for path in (ROOT / "secpipe").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, times in found.items() if times > 2} <= SHARED
