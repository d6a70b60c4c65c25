"""Whether a text puts an address together: from pieces that make up a known host in any order, or from what it gets
elsewhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cached_property

#: What stands next to a quote, a bracket or a sign of a template: a string, or a part of one.
_PIECE = re.compile(rb"(?<=[\"'`}])[a-z0-9.-]{2,60}|(?<![a-z0-9.-])[a-z0-9.-]{2,60}+(?=[\"'`{$%])")
#: A scheme whose host comes from somewhere else, and names glued where an address is expected.
_OPEN = re.compile(
    rb"https?://(?:[\"'`]|\$?\{|\$\w|#\{|%[sv(])"
    rb"|(?:post|get|put|request|urlopen|fetch|open)\(\s*(?:[\"'](?:post|get|put)[\"']\s*,\s*)?"
    rb"(?:[\w.]+\s*(?:\+|\.\s*format|%)|f[\"']\{[^}\n]{1,60}\}[^\"'\n]{0,60}\{|`\$\{[^}\n]{1,60}\}[^`\n]{0,60}\$\{)"
    rb"|(?:url|uri|host|endpoint|base|address)\w{0,20}\s{0,4}[:=]{1,2}\s{0,4}"
    rb"(?:[\w.]+\s{0,4}\+|f[\"']\{[^}\n]{1,60}\}[^\"'\n]{0,60}\{|`\$\{[^}\n]{1,60}\}[^`\n]{0,60}\$\{)"
)


def is_open(text: bytes) -> bool:
    """Tell whether lower-case text makes an address of names."""
    return _OPEN.search(text) is not None


def pieces(text: bytes) -> frozenset[bytes]:
    """Return the strings of lower-case text, and parts of them, of which a host may be made."""
    return frozenset(_PIECE.findall(text))


#: A line that gives a name a value: an assignment, a key, an argument.
_GIVEN = re.compile(
    rb"(?m)^[ \t]*(?:export[ \t]+)?(?:(?P<given>default)\b|(?:(?:const|let|var|final|static|public|private)[ \t]+){0,3}"
    rb"[\"']?(?:\w{1,60}\.){0,4}(?P<name>\w{1,60})[\"']?[ \t]*(?::[^=\n\"']{0,60})?(?:=(?!=)|:))[^\n\"'`]*[\"'`][^\n]*"
)


def given(text: bytes) -> frozenset[tuple[bytes, bytes]]:
    """Return (name, piece) for the pieces of lower-case text in lines that give a name a value."""
    return frozenset(
        (line["name"] or line["given"], piece)
        for line in _GIVEN.finditer(text)
        for piece in _PIECE.findall(text, line.start(), line.end())
    )


class Hosts:
    """Known hosts, by how they begin."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._by_start: dict[bytes, set[bytes]] = defaultdict(set)
        for host in hosts:
            raw = host.lower().encode()
            for size in range(2, len(raw) + 1):
                self._by_start[raw[:size]].add(raw)

    def made_of(self, parts: Collection[bytes]) -> set[bytes]:
        """Return the hosts that strings make up, in whatever order they stand."""
        hosts = set().union(*(self._by_start[start] for start in self._by_start.keys() & parts))
        return {host for host in hosts if _ends(host, parts)[-1] == len(host)}

    def within(self, parts: frozenset[bytes]) -> frozenset[bytes]:
        """Return the strings that stand in a known host: the others can be no part of one."""
        return parts & self._within

    @cached_property
    def _within(self) -> frozenset[bytes]:
        hosts = set().union(*self._by_start.values())
        return frozenset(
            host[start:end]
            for host in hosts
            for start in range(len(host) - 1)
            for end in range(start + 2, len(host) + 1)
        )


def parts_of(host: bytes, parts: Collection[bytes]) -> set[bytes]:
    """Return the strings of which a host can be made up with others of them."""
    found: set[bytes] = set()
    behind = {len(host)}  # places behind which the rest can be made up
    before = _ends(host, parts)
    for end in range(len(host), 0, -1):
        fits = [start for start in before if start < end and host[start:end] in parts] if end in behind else []
        behind.update(fits)
        found.update(host[start:end] for start in fits)
    return found


def _ends(host: bytes, parts: Collection[bytes]) -> list[int]:
    """Return the places of a host before which it is one string after the other."""
    reached = [0]
    for end in range(1, len(host) + 1):
        if any(host[start:end] in parts for start in reached):
            reached.append(end)
    return reached
