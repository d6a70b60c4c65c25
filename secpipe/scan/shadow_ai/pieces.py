"""Whether a text puts an address together: from pieces that make up a known host in any order, or from what it gets
elsewhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

#: What stands next to a quote, a bracket or a sign of a template: a string, or a part of one.
_PIECE = re.compile(
    rb"(?<=[\"'`}])[a-z0-9.-]{2,60}|(?<=://)[a-z0-9.-]{2,60}(?=[\"'`{$%])|[a-z0-9.-]{2,60}(?=[\"'`{$%])"
)
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


class Hosts:
    """Known hosts, by how they begin."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._by_start: dict[bytes, set[bytes]] = defaultdict(set)
        for host in hosts:
            raw = host.lower().encode()
            for size in range(2, len(raw) + 1):
                self._by_start[raw[:size]].add(raw)

    def made_of(self, parts: frozenset[bytes]) -> set[bytes]:
        """Return the hosts that strings make up, in whatever order they stand."""
        starts = parts & self._by_start.keys()
        return {host for start in starts for host in self._by_start[start] if _fits(host[len(start) :], parts)}


def _fits(rest: bytes, pieces: Collection[bytes]) -> bool:
    """Tell whether what is left of a host is one piece after the other."""
    reached = {0}
    for end in range(1, len(rest) + 1):
        if any(rest[start:end] in pieces for start in reached):
            reached.add(end)
    return len(rest) in reached
