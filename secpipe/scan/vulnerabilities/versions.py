"""Which of two versions is newer, ecosystem by ecosystem, as OSV orders them. Keys are total orders."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from secpipe.scan.vulnerabilities import maven

Key = Any  # compares with the keys of its own ecosystem

_SEMVER = re.compile(r"[vV=]{0,2}(\d{1,20}(?:\.\d{1,20}){0,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.~-]*)?")
_GLUED = re.compile(r"[vV=]{0,2}(\d{1,20}(?:\.\d{1,20}){0,9})\.?([A-Za-z][0-9A-Za-z.-]*)")
_PEP440_START = re.compile(
    r"\s*v?(?:\d{1,9}!)?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|rc|alpha|beta|pre|preview|c)[-_.]?\d+)?", re.I
)
_LOWEST = (0, ())


@lru_cache(maxsize=65_536)
def pypi(text: str) -> Key | None:
    """Return the PEP 440 key of `text`, or None."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except (InvalidVersion, ValueError):
        return None


def semver(text: str) -> Key | None:
    """Return the SemVer 2.0 precedence of `text` (any number of numeric parts, `v` ignored), or None."""
    match = _SEMVER.fullmatch(text.strip()) or _GLUED.fullmatch(text.strip())
    if match is None:
        return None
    parts = tuple(int(part) for part in match[1].split("."))
    while len(parts) > 1 and parts[-1] == 0:
        parts = parts[:-1]
    before = match[2]
    if before is None:
        return (parts, 1, ())
    return (parts, 0, tuple((0, int(word), "") if word.isdecimal() else (1, 0, word) for word in before.split(".")))


KEYS: dict[str, Callable[[str], Key | None]] = {
    "PyPI": pypi,
    "npm": semver,
    "Go": semver,
    "crates.io": semver,
    "Maven": maven.key,
    "Hex": semver,
    "Pub": semver,
    "SwiftURL": semver,
    "NuGet": semver,
}


def key(ecosystem: str, text: str) -> Key | None:
    """Return the key of `text` in `ecosystem`; None for an unknown ecosystem or a version that is none."""
    found = KEYS.get(ecosystem)
    return found(text) if found is not None and len(text) <= 256 else None


def event_key(ecosystem: str, text: str) -> Key | None:
    """Return the key of a version in an advisory.

    Advisories name versions that never were (`2.6.0-NA`, `2.6.0-cu124` in PyPI's own data): the leading PEP 440
    version is what was meant. Without that the range would end before it begins and hide the vulnerability.
    """
    found = key(ecosystem, text)
    if found is None and ecosystem == "PyPI" and (match := _PEP440_START.match(text)):
        return pypi(match[0])
    return found


def public(ecosystem: str, text: str) -> str:
    """Return `text` without a PEP 440 local label (`2.0.0+cu118` is the release 2.0.0 in another build)."""
    return text.partition("+")[0] if ecosystem == "PyPI" else text
