"""Which of two versions is newer, ecosystem by ecosystem, as OSV orders them. Keys are total orders."""

from __future__ import annotations

import re

from secpipe.formats.packages import ecosystems, semver
from secpipe.formats.packages.ecosystems import Key

__all__ = ["Key", "event_key", "is_ordered", "key", "public"]

_LONGEST = 256
_PEP440_START = re.compile(
    r"\s*v?(?:\d{1,9}!)?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|rc|alpha|beta|pre|preview|c)[-_.]?\d+)?", re.I
)


def is_ordered(ecosystem: str) -> bool:
    """Whether versions of an ecosystem can be compared at all."""
    return ecosystems.of(ecosystem) is not None


def key(ecosystem: str, text: str) -> Key | None:
    """Return the key of `text` in `ecosystem`; None for an unknown ecosystem or a version that is none."""
    known = ecosystems.of(ecosystem)
    return known.order(text) if known is not None and len(text) <= _LONGEST else None


def event_key(ecosystem: str, text: str) -> Key | None:
    """Return the key of a version in an advisory.

    Advisories name versions that never were (`2.6.0-NA`, `2.6.0-cu124` in PyPI's own data): the leading PEP 440
    version is what was meant. Without that the range would end before it begins and hide the vulnerability.
    """
    found = key(ecosystem, text)
    if found is None and _is_python(ecosystem) and (match := _PEP440_START.match(text)):
        return semver.pep440(match[0])
    return found


def public(ecosystem: str, text: str) -> str:
    """Return `text` without a PEP 440 local label (`2.0.0+cu118` is the release 2.0.0 in another build)."""
    return text.partition("+")[0] if _is_python(ecosystem) else text


def _is_python(ecosystem: str) -> bool:
    return ecosystem == "PyPI"
