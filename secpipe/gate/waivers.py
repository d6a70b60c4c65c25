"""Waivers: dated exceptions that take the sting out of a finding, are always listed, and stop by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from secpipe.core.finding import Finding
from secpipe.core.verdict import UsedWaiver
from secpipe.gate.policy import Waiver


def is_expired(waiver: Waiver, now: datetime) -> bool:
    """A waiver holds through the whole day `expires` (UTC)."""
    return waiver.expires is None or now.date() > waiver.expires


def applies(waiver: Waiver, finding: Finding, environment: str) -> bool:
    """Whether the waiver names this finding, its expiry aside. Every field given must match."""
    if waiver.env and environment not in waiver.env:
        return False
    if waiver.finding and waiver.finding != finding.id:
        return False
    if waiver.rule and not fnmatchcase(finding.rule, waiver.rule):
        return False
    if waiver.paths and not any(fnmatchcase(finding.path, glob) for glob in waiver.paths):
        return False
    return not waiver.subjects or any(fnmatchcase(finding.subject, glob) for glob in waiver.subjects)


def find(
    waivers: Sequence[Waiver], finding: Finding, environment: str, now: datetime
) -> tuple[Waiver | None, Waiver | None]:
    """Return (the waiver that holds, else the expired one that would have)."""
    expired = None
    for waiver in waivers:
        if applies(waiver, finding, environment):
            if not is_expired(waiver, now):
                return waiver, None
            expired = expired or waiver
    return None, expired


def summary(waivers: Iterable[Waiver], used: Iterable[str], now: datetime) -> tuple[UsedWaiver, ...]:
    """Return every waiver of the policy with the number of findings it took."""
    names = list(used)
    return tuple(
        UsedWaiver(w.id, w.owner, w.reason, str(w.expires or ""), names.count(w.id), is_expired(w, now))
        for w in waivers
    )
