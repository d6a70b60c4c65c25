"""The orders made of numbers and pre-releases: SemVer 2.0 with what its ecosystems add, and PEP 440."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_SEMVER = re.compile(r"[vV=]{0,2}(\d{1,20}(?:\.\d{1,20}){0,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.~-]*)?")
_GLUED = re.compile(r"[vV=]{0,2}(\d{1,20}(?:\.\d{1,20}){0,9})\.?([A-Za-z][0-9A-Za-z.-]*)")

Words = tuple[tuple[int, int, str], ...]


@lru_cache(maxsize=65_536)
def pep440(text: str) -> Any | None:
    """Return the PEP 440 key of `text`, or None."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except (InvalidVersion, ValueError):
        return None


def key(text: str) -> tuple[tuple[int, ...], int, Words] | None:
    """Return the SemVer 2.0 precedence of `text` (any number of numeric parts, `v` ignored), or None."""
    match = _SEMVER.fullmatch(text.strip()) or _GLUED.fullmatch(text.strip())
    if match is None:
        return None
    parts = tuple(int(part) for part in match[1].split("."))
    while len(parts) > 1 and parts[-1] == 0:
        parts = parts[:-1]
    before = match[2]
    return (parts, 1, ()) if before is None else (parts, 0, _words(before))


def without_case(text: str) -> Any | None:
    """Return the key of a NuGet version: SemVer, pre-releases compared without case."""
    return key(text.lower())


def with_build(text: str) -> Any | None:
    """Return the key of a Pub version: SemVer, and a build comes after the version without one (pub_semver)."""
    found = key(text)
    build = text.strip().partition("+")[2]
    return None if found is None else (*found, _words(build) if build else ())


def _words(text: str) -> Words:
    return tuple((0, int(word), "") if word.isdecimal() else (1, 0, word) for word in text.split("."))
