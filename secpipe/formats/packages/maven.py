"""Maven's version order, after "Version Order Specification" in its POM reference (as of Maven 3.9)."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"([.-]?)(\d+|[^\d.-]+|)")
_RELEASE = ("", "final", "ga", "release")
_ORDER = {"alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "cr": 3, "snapshot": 4, "": 5, "sp": 6}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}
_MAX_TOKENS = 64

Rank = tuple[int, int, str]
_END: Rank = (0, _ORDER[""], "")


def key(text: str) -> tuple[Rank, ...] | None:
    """Return the key of `text`, or None where it is empty or has too many parts.

    A qualifier ranks below `-number`, that below `.number`; the end of a version ranks as the qualifier "release".
    """
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text.strip().lower()):
        separator, word = match.groups()
        if not match[0]:
            continue
        if not separator and tokens:  # a change between digits and letters counts as a hyphen
            separator = "-"
            if tokens[-1][1] in _SHORT and word.isdecimal():
                tokens[-1] = (tokens[-1][0], _SHORT[tokens[-1][1]])
        tokens.append((separator, "" if word in _RELEASE[1:] else word or "0"))
    if not tokens or len(tokens) > _MAX_TOKENS:
        return None
    return (*(_rank(token) for token in _trim(tokens)), _END)


def _trim(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop zeros and "release" words at the end, before each hyphen and before each qualifier."""
    kept: list[tuple[str, str]] = []
    for separator, word in [*tokens, ("-", "")]:
        if separator == "-" or not word.isdecimal():
            while kept and not kept[-1][1].strip("0"):
                kept.pop()
        kept.append((separator, word))
    return kept[:-1]


def _rank(token: tuple[str, str]) -> Rank:
    separator, word = token
    if word.isdecimal():
        return (1 if separator == "-" else 2, int(word), "")
    return (0, _ORDER.get(word, 7), "" if word in _ORDER else word)
