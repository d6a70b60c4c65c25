"""Waivers: dated exceptions that take the sting out of a finding, are always listed, and stop by themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase

from secpipe.core.finding import Finding
from secpipe.core.text import plural, printable
from secpipe.core.verdict import UsedWaiver
from secpipe.gate.policies.persons import is_among, is_nobody, same_person
from secpipe.gate.policies.policy import Accept, Persons, Policy, Waiver, Waivers

ANYBODY = Persons()
_WILD = re.compile(r"[*?\[]")
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


def is_expired(waiver: Waiver | Accept, now: datetime) -> bool:
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


def refusal(waiver: Waiver | Accept, rules: Waivers, now: datetime, persons: Persons = ANYBODY) -> str:
    """Return why a waiver does not count at `now`, whatever it names, as the end of a sentence; "" if it does.

    Where the policy names `persons`, one of them must have approved a waiver that names an approver or needs one.
    """
    if waiver.expires is None or is_expired(waiver, now):
        return f"expired on {waiver.expires}"
    if rules.horizon_days and waiver.expires > (latest := _ahead(now, rules.horizon_days)):
        days = plural(rules.horizon_days, "day")
        return f"does not count: it ends on {waiver.expires}, and the policy allows {days} ahead, until {latest}"
    if rules.approved and is_nobody(waiver.approved_by):
        return "does not count: nobody approved it"
    if waiver.approved_by and same_person(waiver.approved_by, waiver.owner):
        return "does not count: its own owner approved it"
    if waiver.approved_by and persons.approvers and not is_among(waiver.approved_by, persons.approvers):
        return f"does not count: {printable(waiver.approved_by, 80)} is none of the policy's approvers"
    if rules.signed and not waiver.signed_by:
        return "does not count: it comes from a file that nobody signed"
    return ""


def never(rule: str, rules: Waivers) -> bool:
    """Whether no waiver may cover findings of this rule."""
    return rule in NEVER or any(fnmatchcase(rule, glob) for glob in rules.never)


@dataclass(slots=True)
class _Candidates:
    """The waivers that can concern findings of one rule, each with its place in the policy."""

    by_finding: dict[str, list[tuple[int, Waiver]]] = field(default_factory=dict)
    others: list[tuple[int, Waiver]] = field(default_factory=list)
    subjects: tuple[str, ...] = ()  # what a subject or a path must begin with for one of `others` to apply
    paths: tuple[str, ...] = ()
    never: str = ""  # why no waiver counts for this rule


class Index:
    """The waivers of a policy, ready for many findings: which apply is `applies`' question, this only asks it less."""

    def __init__(self, policy: Policy, environment: str, now: datetime) -> None:
        self._environment, self._rules = environment, policy.waivers
        named = [(place, one) for place, one in enumerate(policy.waiver) if not one.env or environment in one.env]
        self._waivers = named
        self._against = {
            place: why for place, one in named if (why := refusal(one, policy.waivers, now, policy.persons))
        }
        self._by_rule: dict[str, _Candidates] = {}

    def find(self, finding: Finding) -> tuple[Waiver | None, Waiver | None, str]:
        """Return (the first waiver that covers the finding, else the first that would have, why it does not)."""
        if not self._waivers:
            return None, None, ""
        near = self._by_rule.get(finding.rule) or self._near(finding.rule)
        candidates: list[tuple[int, Waiver]] = []
        if near.others and (finding.subject.startswith(near.subjects) or finding.path.startswith(near.paths)):
            candidates = near.others
        if near.by_finding and (named := near.by_finding.get(finding.id)):
            candidates = sorted([*candidates, *named], key=lambda one: one[0])
        other, why = None, ""
        for place, waiver in candidates:
            if applies(waiver, finding, self._environment):
                against = self._against.get(place, "") or near.never
                if not against:
                    return waiver, None, ""
                if other is None:
                    other, why = waiver, against
        return None, other, why

    def may_refuse(self, rule: str) -> bool:
        """Whether a waiver may name a finding of this rule without counting."""
        return bool(self._waivers) and (bool(self._against) or bool(self._near(rule).never))

    def _near(self, rule: str) -> _Candidates:
        near = self._by_rule.get(rule)
        if near is None:
            near = self._by_rule[rule] = self._candidates(rule)
        return near

    def _candidates(self, rule: str) -> _Candidates:
        near = _Candidates(never=f"does not count: nothing waives {rule}" if never(rule, self._rules) else "")
        subjects, paths = set(), set()
        for place, one in self._waivers:
            if one.rule and not fnmatchcase(rule, one.rule):
                continue
            if one.finding:
                near.by_finding.setdefault(one.finding, []).append((place, one))
                continue
            near.others.append((place, one))
            if one.subjects:
                subjects |= {_literal(glob) for glob in one.subjects}
            else:
                paths |= {_literal(glob) for glob in one.paths} or {""}
        near.subjects, near.paths = tuple(sorted(subjects)), tuple(sorted(paths))
        return near


def _literal(glob: str) -> str:
    """Return what everything that the glob matches begins with."""
    return _WILD.split(glob, maxsplit=1)[0]


def summary(policy: Policy, used: Iterable[str], now: datetime) -> tuple[UsedWaiver, ...]:
    """Return every waiver of the policy with the number of findings it took, and why it does not count if so."""
    times = Counter(used)
    return tuple(
        UsedWaiver(
            id=waiver.id,
            owner=waiver.owner,
            reason=waiver.reason,
            expires=str(waiver.expires or ""),
            used=times[waiver.id],
            expired=is_expired(waiver, now),
            approved_by=waiver.approved_by,
            source=waiver.source,
            signed_by=waiver.signed_by,
            refused=refusal(waiver, policy.waivers, now, policy.persons),
        )
        for waiver in policy.waiver
    )


def _ahead(now: datetime, days: int) -> date:
    try:
        return (now + timedelta(days=days)).date()
    except OverflowError:
        return date.max
