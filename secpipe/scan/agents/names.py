"""Names that are nearly a known one: a letter off, a scope off, a host off, letters of another script."""

from __future__ import annotations

import re
from functools import cache

from secpipe.scan.agents.hidden import shown
from secpipe.scan.agents.known import table

_SHORT = 8  # shorter names are a letter off from many honest ones
_JOINTS = str.maketrans("", "", "-_./@")
_SWAPS = str.maketrans("0135", "oles")


def look_alike(kind: str, name: str) -> str:
    """Return the known name (`npm`, `pypi`, `host`) that `name` is nearly and is not, or ""."""
    known = _known(kind)
    lower = name.lower()
    if lower in known or len(lower) < _SHORT or _below(kind, lower, known):
        return ""
    if kind == "host" and (one := next((one for one in known if lower.startswith(f"{one}.")), "")):
        return one  # a known name in front of another's
    plain = shown(lower)
    if plain in known:
        return plain
    loose = _loose(plain)
    for one in known:
        if abs(len(one) - len(plain)) > 2 and _bare(one) != _bare(plain):
            continue
        if plain.translate(_SWAPS) == one.translate(_SWAPS) or (loose == _loose(one) and kind != "host"):
            return one
        if _distance(plain, one) == 1 and len(one) >= _SHORT and not _numbered(plain, one):
            return one
        if kind == "npm" and _stolen_scope(plain, one):
            return one
    return ""


def reported(kind: str, name: str, version: str) -> bool:
    """Whether a package was reported as hostile, in this version or in one that nobody named."""
    return any(
        row["kind"] == kind
        and row["name"] == name.lower()
        and (not version or not row["versions"] or version in row["versions"])
        for row in table("known")["reported"]
    )


@cache
def _known(kind: str) -> frozenset[str]:
    return frozenset(table("known")["names"].get(kind, ()))


def _below(kind: str, name: str, known: frozenset[str]) -> bool:
    return kind == "host" and any(name.endswith(f".{one}") for one in known)


def _loose(name: str) -> str:
    return name.translate(_JOINTS)


def _bare(name: str) -> str:
    return name.rpartition("/")[2]


def _numbered(one: str, other: str) -> bool:
    """Whether both differ in a number only: a second edition is no look-alike."""
    return re.sub(r"\d+", "", one) == re.sub(r"\d+", "", other) and one != other and bool(re.search(r"\d$", one))


def _stolen_scope(name: str, known: str) -> bool:
    """Whether a scope is a few letters off with the same package: `@modelcontextprotocols/server-git`."""
    if "/" not in known or "/" not in name or _bare(name) != _bare(known):
        return False
    mine, theirs = name.partition("/")[0], known.partition("/")[0]
    return mine != theirs and len(theirs) > 6 and (_distance(mine, theirs) <= 2 or theirs.lstrip("@") in mine)


def _distance(one: str, other: str, most: int = 2) -> int:
    """Return the edit distance with swaps of neighbours (Damerau, restricted), or `most + 1` beyond it."""
    if one == other:
        return 0
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, theirs in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != theirs))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == theirs:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, last = last, now
        if min(now) > most:
            return most + 1
    return last[-1]
