"""Many words looked for in one pass over bytes. The only importer of ahocorasick_rs (docs/adr/0011)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_WORD = re.compile(rb"[a-z0-9]+")

#: (index of the word, where it starts)
Hit = tuple[int, int]
Search = Callable[[bytes], Sequence[Hit]]


def any_of(words: Iterable[bytes]) -> Callable[[bytes], bool]:
    """Return what tells whether one of the words stands in bytes."""
    patterns = list(words)
    search = native(patterns)
    if search is None:
        return lambda data: any(word in data for word in patterns)
    return lambda data: bool(search(data))


def native(patterns: list[bytes]) -> Search | None:
    """Return the fast search, None where the extra is not installed."""
    try:
        import ahocorasick_rs
    except ImportError:
        return None
    # some MB more than the default, and less than half the time
    automaton: Any = ahocorasick_rs.BytesAhoCorasick(patterns, implementation=ahocorasick_rs.Implementation.DFA)

    def search(data: bytes) -> Sequence[Hit]:
        return [(term, start) for term, start, _ in automaton.find_matches_as_indexes(data, overlapping=True)]

    return search


def plain(patterns: list[bytes]) -> Search:
    """The same without the wheel: a term is tried only in data that holds its inner word, so most are never
    searched.
    """
    anchored: dict[bytes, list[int]] = {}
    plain: list[int] = []
    for index, pattern in enumerate(patterns):
        anchor = _anchor(pattern)
        if anchor:
            anchored.setdefault(anchor, []).append(index)
        else:
            plain.append(index)

    def search(data: bytes) -> Sequence[Hit]:
        words = set(_WORD.findall(data))
        tried = [index for word in anchored.keys() & words for index in anchored[word]]
        hits: list[Hit] = []
        for index in (*plain, *tried):
            start = data.find(patterns[index])
            while start >= 0:
                hits.append((index, start))
                start = data.find(patterns[index], start + 1)
        return hits

    return search


def _anchor(pattern: bytes) -> bytes:
    """Return the longest word that stands between two non-word bytes inside the pattern, or b""."""
    inner = [match[0] for match in _WORD.finditer(pattern) if match.start() > 0 and match.end() < len(pattern)]
    return max(inner, key=len, default=b"")
