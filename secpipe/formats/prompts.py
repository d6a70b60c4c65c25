"""What a prompt file says of itself: id, version and owner; and the prompts that stand in a notebook. Pure.

Read are front matter (text, Markdown, Prompty, Jinja), a Jinja file's first comment, and the top of YAML and JSON, with
`metadata` and `prompt` below it, as providers and frameworks write them. Nothing is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core import shape
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, KIB, Limits
from secpipe.core.text import printable
from secpipe.formats.huggingface import read_card
from secpipe.formats.yaml import parse_yaml

#: Bytes of a file that is looked into; a longer one is a prompt as well, and says nothing of itself.
MOST = 1024 * KIB
#: The tag by which a cell of a notebook is a prompt.
TAG = "prompt"
_COMMENT = re.compile(rb"\A\s*\{#-?(.{0,8192}?)-?#\}", re.DOTALL)
_IDS, _VERSIONS = ("id", "prompt_id", "promptId", "name"), ("version", "prompt_version", "promptVersion")
_OWNERS = ("owner", "owners", "maintainer", "maintainers", "author", "authors")
_INNER = ("metadata", "prompt")
_WORD = 200


@dataclass(frozen=True, slots=True)
class Told:
    """What a prompt file says of itself; "" where it says nothing."""

    id: str = ""
    version: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A prompt in a notebook: its cell's id (or number), and its text."""

    id: str
    text: str


def told(name: str, data: bytes, limits: Limits = DEFAULT) -> Told:
    """Return what a file called `name` says of itself; what cannot be read says nothing."""
    if len(data) > MOST:
        return Told()
    try:
        tables = _tables(name.lower(), data, limits)
    except (InputError, RecursionError):
        return Told()
    return Told(_first(tables, _IDS), _first(tables, _VERSIONS), _first(tables, _OWNERS))


def cells(notebook: object) -> list[Cell]:
    """Return the cells of a notebook (its JSON, read) that are tagged as prompts."""
    found = []
    for number, cell in enumerate(shape.tables(shape.mapping(notebook).get("cells")), 1):
        tags = shape.mapping(cell.get("metadata")).get("tags")
        if isinstance(tags, list) and TAG in tags:
            source = cell.get("source") or ""
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            found.append(Cell(_word(cell.get("id")) or str(number), text))
    return found


def _tables(name: str, data: bytes, limits: Limits) -> list[Mapping[str, Any]]:
    """Return the tables in which a prompt may name itself, outermost first."""
    top: Any = {}
    if name.endswith(".json"):
        top = parse_json(data, "the prompt", limits)
    elif name.endswith((".yaml", ".yml")):
        documents = parse_yaml(data, "the prompt", limits)
        top = documents[0] if documents else {}
    elif comment := _COMMENT.match(data):
        documents = parse_yaml(comment[1], "the comment", limits)
        top = documents[0] if documents else {}
    elif data.lstrip(b"\xef\xbb\xbf").startswith(b"---"):
        top = read_card(data, limits).front
    outer = shape.mapping(top)
    return [outer, *(shape.mapping(outer.get(word)) for word in _INNER)]


def _first(tables: list[Mapping[str, Any]], words: tuple[str, ...]) -> str:
    return next((found for table in tables for word in words if (found := _word(table.get(word)))), "")


def _word(value: Any) -> str:
    if isinstance(value, list):
        return (
            ", ".join(filter(None, map(_word, value[:20])))[:_WORD]
            if all(isinstance(one, str) for one in value)
            else ""
        )
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return printable(str(value).strip()[:_WORD], _WORD)
