"""Waivers: dated exceptions that take the sting out of a finding, are always listed, and stop by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase

from secpipe.core.finding import Finding
from secpipe.core.text import plural
from secpipe.core.verdict import UsedWaiver
from secpipe.gate.persons import same_person
from secpipe.gate.policy import Policy, Waiver, Waivers

#: Rules that nobody can waive: `waivable = false` in policies/rules (a house test holds both together). A signature
#: that does not hold is worse than none: whoever accepts the file removes it and waives gate/unsigned-artifact.
NEVER = (
    "signatures/changed-file",
    "signatures/compromised-key",
    "signatures/extra-file",
    "signatures/ignored-path",
    "signatures/invalid",
    "signatures/missing-file",
    "signatures/replayed",
    "signatures/reserved-name",
    "signatures/stripped-half",
    "signatures/suspended-key",
    "signatures/unknown-key",
    "signatures/wrong-purpose",
)


def is_expired(waiver: Waiver, now: datetime) -> bool:
    """A waiver holds through the whole day `expires` (UTC)."""
    return waiver.expires is None or now.date() > waiver.expires


def applies(waiver: Waiver, finding: Finding, environment: str) -> bool:
    """Whether the waiver names this finding, whether or not it counts. Every field given must match."""
    if waiver.env and environment not in waiver.env:
        return False
    if waiver.finding and waiver.finding != finding.id:
        return False
    if waiver.rule and not fnmatchcase(finding.rule, waiver.rule):
        return False
    if waiver.paths and not any(fnmatchcase(finding.path, glob) for glob in waiver.paths):
        return False
    return not waiver.subjects or any(fnmatchcase(finding.subject, glob) for glob in waiver.subjects)


def refusal(waiver: Waiver, rules: Waivers, now: datetime) -> str:
    """Return why a waiver does not count at `now`, whatever it names, as the end of a sentence; "" if it does."""
    if waiver.expires is None or now.date() > waiver.expires:
        return f"expired on {waiver.expires}"
    if rules.horizon_days and waiver.expires > (latest := _ahead(now, rules.horizon_days)):
        days = plural(rules.horizon_days, "day")
        return f"does not count: it ends on {waiver.expires}, and the policy allows {days} ahead, until {latest}"
    if rules.approved and not waiver.approved_by.strip():
        return "does not count: nobody approved it"
    if waiver.approved_by and same_person(waiver.approved_by, waiver.owner):
        return "does not count: its own owner approved it"
    if rules.signed and not waiver.signed_by:
        return "does not count: it comes from a file that nobody signed"
    return ""


def never(rule: str, rules: Waivers) -> bool:
    """Whether no waiver may cover findings of this rule."""
    return rule in NEVER or any(fnmatchcase(rule, glob) for glob in rules.never)


def find(policy: Policy, finding: Finding, environment: str, now: datetime) -> tuple[Waiver | None, Waiver | None, str]:
    """Return (the waiver that covers the finding, else the one that would have, why that does not count)."""
    other, why = None, ""
    for waiver in policy.waiver:
        if applies(waiver, finding, environment):
            against = refusal(waiver, policy.waivers, now)
            if not against and never(finding.rule, policy.waivers):
                against = f"does not count: nothing waives {finding.rule}"
            if not against:
                return waiver, None, ""
            if other is None:
                other, why = waiver, against
    return None, other, why


def summary(policy: Policy, used: Iterable[str], now: datetime) -> tuple[UsedWaiver, ...]:
    """Return every waiver of the policy with the number of findings it took, and why it does not count if so."""
    names = list(used)
    return tuple(
        UsedWaiver(
            id=waiver.id,
            owner=waiver.owner,
            reason=waiver.reason,
            expires=str(waiver.expires or ""),
            used=names.count(waiver.id),
            expired=is_expired(waiver, now),
            approved_by=waiver.approved_by,
            source=waiver.source,
            signed_by=waiver.signed_by,
            refused=refusal(waiver, policy.waivers, now),
        )
        for waiver in policy.waiver
    )


def _ahead(now: datetime, days: int) -> date:
    try:
        return (now + timedelta(days=days)).date()
    except OverflowError:
        return date.max
