"""Packagist's version order: Composer's normal form, compared as PHP's `version_compare` does (PHP manual)."""

from __future__ import annotations

import re

_VERSION = re.compile(r"[vV]?(\d{1,20}(?:\.\d{1,20}){0,9})((?:[._-]?[A-Za-z][A-Za-z]*(?:[.-]?\d{1,20})*)*)(?:\+\S*)?")
_PART = re.compile(r"\d+|[A-Za-z]+")
_NUMERIC = 4  # parts of a release in Composer's normal form
#: What PHP makes of a word; a word that it does not know comes first. The end of a version stands below a number.
_RANKS = {"dev": 1, "alpha": 2, "a": 2, "beta": 3, "b": 3, "rc": 4, "patch": 7, "pl": 7, "p": 7}
_END, _NUMBER = (5, 0), 6


def key(text: str) -> tuple[tuple[int, int], ...] | None:
    """Return the key of `text`, or None where it is no version (a branch such as `dev-main`)."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    numbers = [int(part) for part in match[1].split(".")]
    numbers += [0] * (_NUMERIC - len(numbers))
    words = [part.lower() for part in _PART.findall(match[2]) if part.lower() != "stable"]
    ranks = [(_NUMBER, int(part)) if part.isdecimal() else (_RANKS.get(part, 0), 0) for part in words]
    return (*((_NUMBER, number) for number in numbers), *ranks, _END)
