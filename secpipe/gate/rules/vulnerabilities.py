"""Dependencies: known vulnerabilities, on data fresh enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase

from secpipe.core import times
from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Effect, JudgedFinding, Reason
from secpipe.gate import ages
from secpipe.gate.ages import Data
from secpipe.gate.facts import mapping
from secpipe.gate.policies.policy import Policy
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on

VULNERABILITY = "audit/known-vulnerability"
FOREIGN = "audit/foreign-index"


def vulnerabilities(situation: Situation) -> Ruling:
    """No dependency has a known vulnerability at the blocking severity, judged on data fresh enough."""
    policy, evidence = situation.policy.vulnerabilities, situation.of("audit")
    extra = list(_advisory_age(situation, evidence))
    judged = judge_findings(situation, evidence.findings, block=policy.block, warn=policy.warn)
    judged = _with_indexes(situation, judged)
    judged, spared = _graced(situation, judged)
    extra += spared
    summary = _summary(situation, evidence)
    late = ages.too_old(evidence, situation.policy, situation.now)
    rest = tuple(skip for skip in evidence.skips if skip not in late)  # told above, by their age
    return rule_on(
        situation, replace(evidence, skips=rest), "No known vulnerabilities", required=policy.required,
        findings=judged, extra=extra, summary=summary, complete=policy.complete,
    )  # fmt: skip


def _with_indexes(situation: Situation, judged: tuple[JudgedFinding, ...]) -> tuple[JudgedFinding, ...]:
    """Return the findings, those about an index that the policy allows no more than told, and those of development."""
    allowed, scope = situation.policy.vulnerabilities.indexes, situation.policy.vulnerabilities.scope
    return tuple(
        replace(item, effect=Effect.INFO)
        if item.finding.rule == FOREIGN and item.effect is not Effect.WAIVED and _is_allowed(item.finding, allowed)
        else replace(item, effect=Effect.WARN)
        if item.effect is Effect.DENY and scope == "prod" and _is_development(item.finding)
        else item
        for item in judged
    )


def _is_development(finding: Finding) -> bool:
    return finding.rule == VULNERABILITY and finding.details.get("development") is True


def _is_allowed(finding: Finding, allowed: tuple[str, ...]) -> bool:
    host, place = (str(finding.details.get(name) or "") for name in ("host", "index"))
    return bool(host) and any(fnmatchcase(host, glob) or fnmatchcase(place, glob) for glob in allowed)


def _graced(situation: Situation, judged: tuple[JudgedFinding, ...]) -> tuple[tuple[JudgedFinding, ...], list[Reason]]:
    """Return the findings, those that were published within the policy's grace warning only, and what to say of it.

    What is known to be exploited, what bears no date and what bears one of the future have no grace.
    """
    policy = situation.policy.vulnerabilities
    until = policy.grace_until
    if not policy.grace_days or until is None or situation.now.date() > until:
        return judged, []
    spared = [item.effect is Effect.DENY and _is_young(item.finding, situation) for item in judged]
    if not any(spared):
        return judged, []
    left = tuple(
        replace(item, effect=Effect.WARN) if young else item for item, young in zip(judged, spared, strict=True)
    )
    what = (
        f"{plural(sum(spared), 'vulnerability', 'vulnerabilities')} published less than"
        f" {plural(policy.grace_days, 'day')} ago would block, and only warn (the policy's grace, until {until})"
    )
    return left, [Reason("gate/grace", Effect.WARN, what, "audit", situation.policy.owner)]


def _is_young(finding: Finding, situation: Situation) -> bool:
    details = finding.details
    published = times.maybe_moment(details.get("published"))
    if finding.rule != VULNERABILITY or details.get("kev") or published is None:
        return False
    return timedelta() <= situation.now - published < timedelta(days=situation.policy.vulnerabilities.grace_days)


def _advisory_age(situation: Situation, evidence: Evidence) -> Iterator[Reason]:
    """Yield why the advisory data is too old, below the pinned minimum, or from the future."""
    if evidence.state is not State.OK:
        return
    policy, minimum, now = situation.policy, situation.policy.minimum.advisories, situation.now
    rows = list(ages.used(evidence))
    if not rows and times.maybe_moment(mapping(evidence, "advisories").get("date")) is None:
        yield _stale("the advisory data has no date", Effect.UNDECIDED, policy)
    late = {one: skip for skip, one in ages.too_old(evidence, policy, now).items()}
    for one in rows:
        if one.made - now > timedelta(days=1):
            what = f"the advisory data is of {one.made:%Y-%m-%d}, in the future"
            advice = "correct the clock, or use advisory data that is not dated in the future"
            yield Reason("gate/clock", Effect.UNDECIDED, what, "audit", policy.owner, advice=advice)
        elif minimum and one.made.date() < minimum:
            yield _stale(f"{one.told(now)}; the policy wants {minimum} or newer", Effect.UNDECIDED, policy, one.path)
        elif one in late and late[one] not in evidence.accepted:
            yield _stale(late[one].reason, Effect.UNDECIDED, policy, one.path)
        elif now - one.made > ages.WARNS:
            yield _stale(one.told(now) + _let(one, late, situation, evidence), Effect.WARN, policy)


def _stale(what: str, effect: Effect, policy: Policy, path: str = "") -> Reason:
    return Reason("gate/stale-advisories", effect, what, "audit", policy.owner, path=path)


def _let(one: Data, late: Mapping[Data, Skip], situation: Situation, evidence: Evidence) -> str:
    """Return who lets data decide that is too old, as the end of a sentence; "" where nobody has to."""
    policy = situation.policy
    if one in late and late[one] in evidence.accepted:
        return ": the policy accepts data of that day"
    if ages.spared(one, policy, situation.now):
        until = policy.vulnerabilities.embedded_until
        return f": it came with secpipe, and the policy {printable(policy.name, 60)} accepts it until {until}"
    return ""


def _summary(situation: Situation, evidence: Evidence) -> str:
    """Return how many packages were judged, by data of when, and what of it the policy only lives with."""
    judged, lost = (int(evidence.facts.get(name, 0)) for name in ("packages", "unjudged"))
    oldest = min(ages.used(evidence), key=lambda one: one.made, default=None)
    if oldest is None or not judged + lost:
        return plural(judged + lost, "package")
    said = f"{judged:,} of {plural(judged + lost, 'package')} judged by data of {ages.day(oldest.made, situation.now)}"
    accepted = len(evidence.accepted) + ages.spared(oldest, situation.policy, situation.now)
    return f"{said}, {plural(accepted, 'exception')} of the policy" if accepted else said


RULES = {60: vulnerabilities}
