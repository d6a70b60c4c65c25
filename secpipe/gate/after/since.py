"""Since when a reason stands against a release: told by an advisory, by the key ring, or by the decision itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence
from secpipe.core.finding import Finding
from secpipe.core.verdict import Judgement, Reason
from secpipe.gate.after.past import Past
from secpipe.gate.after.replay import key
from secpipe.gate.policies.policy import Policy
from secpipe.scan.vulnerabilities.store import AdvisoryStore

_SEARCHED = 20  # reasons of one release whose day is searched for; each costs some 25 decisions


def since(
    verdict: Past, policy: Policy, evidence: Mapping[str, Evidence], advisories: AdvisoryStore | None, now: datetime
) -> Callable[[Reason], str]:
    """Return the function that says since when a reason stands (RFC 3339, or "" where nothing tells)."""
    findings = {item.id: item for one in evidence.values() for item in one.findings}
    memory: dict[datetime, Judgement] = {}
    searched: list[Reason] = []

    def judge(at: datetime) -> Judgement:
        if at not in memory:
            memory[at] = verdict.judge(policy, at, evidence)
        return memory[at]

    def tell(reason: Reason) -> str:
        told = [when for name in reason.findings if (when := _told(findings.get(name), advisories))]
        if told:
            return min(told)
        searched.append(reason)
        return "" if len(searched) > _SEARCHED else _search(reason, judge, verdict.head.at, now)

    return tell


def _told(item: Finding | None, advisories: AdvisoryStore | None) -> str:
    """Return what the finding or its advisory says."""
    if item is None:
        return ""
    if "since" in item.details:
        return str(item.details["since"])
    return _published(item.details, advisories) if advisories is not None else ""


def _published(details: Mapping[str, Any], advisories: AdvisoryStore) -> str:
    name, names = details.get("package"), {details.get("id"), *(details.get("aliases") or ())}
    if not name:
        return ""
    try:
        found = advisories.find(str(details.get("ecosystem", "")), str(name))
    except SecpipeError:
        return ""
    dates = [each.published or each.modified for each in found if names & {each.id, *each.aliases}]
    return min(filter(None, dates), default="")


def _search(reason: Reason, judge: Callable[[datetime], Judgement], low: datetime, high: datetime) -> str:
    """Return the second at which the reason appears on this evidence: what expires, expires for good."""
    wanted = key(reason)

    def stands(at: datetime) -> bool:
        return any(key(other) == wanted for other in judge(at).reasons)

    if low >= high or stands(low):
        return ""
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (low, middle) if stands(middle) else (middle, high)
    return times.rfc3339(high)
