"""Waivers: dated exceptions that take the sting out of a finding, are always listed, and stop by themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from secpipe.core.finding import Finding
from secpipe.core.verdict import UsedWaiver
from secpipe.gate.policy import Waiver

_WILD = re.compile(r"[*?\[]")


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


@dataclass(slots=True)
class _Candidates:
    """The waivers that can concern findings of one rule, each with its place in the policy."""

    by_finding: dict[str, list[tuple[int, Waiver]]] = field(default_factory=dict)
    others: list[tuple[int, Waiver]] = field(default_factory=list)
    subjects: tuple[str, ...] = ()  # what a subject or a path must begin with for one of `others` to apply
    paths: tuple[str, ...] = ()


class Index:
    """The waivers of a policy, ready for many findings: which apply is `applies`' question, this only asks it less."""

    def __init__(self, waivers: Iterable[Waiver], environment: str, now: datetime) -> None:
        self._environment, self._now = environment, now
        self._waivers = [(place, one) for place, one in enumerate(waivers) if not one.env or environment in one.env]
        self._by_rule: dict[str, _Candidates] = {}

    def find(self, finding: Finding) -> tuple[Waiver | None, Waiver | None]:
        """Return (the first waiver that holds, else the first expired one that would have)."""
        if not self._waivers:
            return None, None
        near = self._by_rule.get(finding.rule)
        if near is None:
            near = self._by_rule[finding.rule] = self._candidates(finding.rule)
        candidates: list[tuple[int, Waiver]] = []
        if near.others and (finding.subject.startswith(near.subjects) or finding.path.startswith(near.paths)):
            candidates = near.others
        if near.by_finding and (named := near.by_finding.get(finding.id)):
            candidates = sorted([*candidates, *named], key=lambda one: one[0])
        expired = None
        for _, waiver in candidates:
            if applies(waiver, finding, self._environment):
                if not is_expired(waiver, self._now):
                    return waiver, None
                expired = expired or waiver
        return None, expired

    def _candidates(self, rule: str) -> _Candidates:
        near = _Candidates()
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


def summary(waivers: Iterable[Waiver], used: Iterable[str], now: datetime) -> tuple[UsedWaiver, ...]:
    """Return every waiver of the policy with the number of findings it took."""
    times = Counter(used)
    return tuple(
        UsedWaiver(w.id, w.owner, w.reason, str(w.expires or ""), times[w.id], is_expired(w, now)) for w in waivers
    )
