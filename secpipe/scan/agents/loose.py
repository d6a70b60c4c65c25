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
    if said not in row["values"] or any(_is(part, word) for part in parts for word in row["none"]):
        return False
    return all(any(_is(part, word) for part in parts for word in group) for group in row["each"])


def _is(part: str, word: str) -> bool:
    """Whether a word of a key begins as one of the table does, or is it (`=all`)."""
    return part == word[1:] if word.startswith("=") else part.startswith(word)


@cache
def _switches() -> dict[str, list[tuple[list[str], str]]]:
    made: dict[str, list[tuple[list[str], str]]] = {}
    for row in table("settings")["switch"]:
        for key in row["keys"]:
            made.setdefault(key.lower(), []).append((row["values"], row["says"]))
    return made


def loads_other(name: str, value: str) -> bool:
    """Whether a variable has a program load other code than its own (`LD_PRELOAD`, `NODE_OPTIONS=--require`)."""
    known = table("settings")["loaders"]
    where = known["where"].get(name)
    return bool(value) and (name in known["always"] or (where is not None and re.search(where, value) is not None))


def all_allowed(row: Mapping[str, Any]) -> str:
    """Return the pattern of a rule that allows everything, or ""."""
    known = table("settings")["rows"]
    if not any(str(row.get(key, "")).lower() in known["allow"] for key in known["verdicts"]):
        return ""
    return next((str(row[key]) for key in known["patterns"] if everything(str(row.get(key, "")))), "")


def every_pattern(value: Any) -> bool:
    """Whether a table of pattern -> allowed lets everything through."""
    return any(
        everything(key) and (rule in (True, "allow") or mapping(rule).get("approve") is True)
        for key, rule in mapping(value).items()
    )


def everything(word: str) -> bool:
    """Whether a pattern of commands lets each of them through: known, or an expression that finds all probes."""
    known = table("settings")["rows"]
    if word in known["everything"]:
        return True
    match = re.fullmatch(r"/(.{1,40})/[a-z]{0,6}", word)
    try:
        return match is not None and all(re.search(match[1], probe) for probe in known["probes"])
    except (re.error, OverflowError, RecursionError):
        return False


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
    if re.fullmatch(
        r"(?:python[\d.]*|node|deno|bun|perl|ruby|php|bash|sh|zsh|pwsh)\s+(?:-c|-e|-r|eval|-Command)\s*:?\*",
        scope.rstrip(")"),
    ):
        return True
    if scope and scope.rstrip(")") not in table("settings")["rows"]["everything"]:
        return False
    first, second = table("settings")["lists"]["runs"]
    parts = words_of(name.rpartition("__")[2])
    return len(parts) in {2, 3} and any(
        one in first and other in second for one in parts for other in parts if one != other
    )
