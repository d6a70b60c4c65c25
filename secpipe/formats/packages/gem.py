"""RubyGems' version order, after `Gem::Version` in its API documentation."""

from __future__ import annotations

import re

_VERSION = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_SEGMENT = re.compile(r"[0-9]{1,20}|[A-Za-z]+")

Rank = tuple[int, int, str]
#: Both sides go on in zeros: what follows a zero says on which side of the end of a version it stands.
_ZERO_THEN_WORD, _END, _ZERO_THEN_NUMBER = (1, 0, ""), (2, 0, ""), (3, 0, "")


def key(text: str) -> tuple[Rank, ...] | None:
    """Return the key of `text`, or None where it is no version. A letter makes a pre-release; `1.0` is `1`."""
    plain = text.strip()
    if not _VERSION.fullmatch(plain):
        return None
    segments = _SEGMENT.findall(plain.replace("-", ".pre."))
    word = next((place for place, part in enumerate(segments) if not part.isdecimal()), len(segments))
    return (*_ranks(segments[:word]), *_ranks(segments[word:]), _END)


def _ranks(segments: list[str]) -> list[Rank]:
    """Return the ranks of the segments without zeros at their end (`1.0.a` is `1.a`)."""
    found: list[Rank] = []
    for part in reversed(segments):
        if not part.isdecimal():
            found.append((0, 0, part))
        elif int(part):
            found.append((4, int(part), ""))
        elif found:
            found.append(_ZERO_THEN_WORD if found[-1][0] <= 1 else _ZERO_THEN_NUMBER)
    return found[::-1]
