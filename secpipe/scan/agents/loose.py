"""Whether a setting lets an assistant act without asking: by its name where that is known, else by the words of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from secpipe.core.shape import mapping
from secpipe.scan.agents.known import pattern, table

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
#: Editors hold settings of much else; there only keys of assistants count.
_OF_ASSISTANTS = re.compile(
    r"(?i)chat|copilot|claude|cline|roo|gemini|codex|agent|assistant|\bai\b|cascade|windsurf|continue|cursor|\bamp\b|mcp|tool"
)


def words_of(key: str) -> list[str]:
    """Return the words of a key or name, however they are joined, in lower case."""
    return [word.lower() for word in _WORD.findall(key)]


def loosened(key: str, value: Any, client: str = "") -> str:
    """Return what a setting lets an assistant do without asking, in words, or ""."""
    if not isinstance(value, bool | str | int):
        return ""
    said = str(value).strip().lower()
    if known := _switches().get(key.lower()):
        for values, says in known:
            if said in values:
                return says
    if client == "vscode" and not _OF_ASSISTANTS.search(key):
        return ""
    parts = words_of(key)
    return next((row["says"] for row in table("settings")["worded"] if _worded(row, parts, said)), "")


def _worded(row: Mapping[str, Any], parts: list[str], said: str) -> bool:
    if said not in row["values"] or any(part.startswith(word) for part in parts for word in row["none"]):
        return False
    found = [{part for part in parts if any(part.startswith(word) for word in group)} for group in row["each"]]
    return all(found)


@cache
def _switches() -> dict[str, list[tuple[list[str], str]]]:
    made: dict[str, list[tuple[list[str], str]]] = {}
    for row in table("settings")["switch"]:
        for key in row["keys"]:
            made.setdefault(key.lower(), []).append((row["values"], row["says"]))
    return made


def all_allowed(row: Mapping[str, Any]) -> str:
    """Return the pattern of a rule that allows everything, or ""."""
    known = table("settings")["rows"]
    if not any(str(row.get(key, "")).lower() in known["allow"] for key in known["verdicts"]):
        return ""
    return next((str(row[key]) for key in known["patterns"] if str(row.get(key, "")) in known["everything"]), "")


def every_pattern(value: Any) -> bool:
    """Whether a table of pattern -> allowed lets everything through."""
    everything = table("settings")["rows"]["everything"]
    return any(
        key in everything and (rule in (True, "allow") or mapping(rule).get("approve") is True)
        for key, rule in mapping(value).items()
    )


def lists_allowed(key: str) -> bool:
    """Whether a list under `key` names what is used without asking."""
    if pattern("settings", "lists").match(key):
        return True
    known, parts = table("settings")["lists"], words_of(key)
    if any(part in known["none"] for part in parts):
        return False
    return any(part.startswith(word) for part in parts for word in known["each"])


def wide(tool: str) -> bool:
    """Whether a permission lets everything through, or any command."""
    bare = tool.strip()
    if pattern("settings", "wide_tool").match(bare):
        return True
    name, _, scope = bare.partition("(")
    if scope and scope.rstrip(")") not in table("settings")["rows"]["everything"]:
        return False
    first, second = table("settings")["lists"]["runs"]
    parts = words_of(name.rpartition("__")[2])
    return len(parts) in {2, 3} and any(
        one in first and other in second for one in parts for other in parts if one != other
    )
