"""Dependencies: known vulnerabilities, on data fresh enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from secpipe.core import times
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, JudgedFinding, Reason
from secpipe.gate.facts import mapping
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on

VULNERABILITY = "audit/known-vulnerability"


def vulnerabilities(situation: Situation) -> Ruling:
    """No dependency has a known vulnerability at the blocking severity, judged on data fresh enough."""
    policy, evidence = situation.policy.vulnerabilities, situation.of("audit")
    extra = list(_advisory_age(situation, evidence))
    judged = judge_findings(situation, evidence.findings, block=policy.block, warn=policy.warn)
    judged, spared = _graced(situation, judged)
    extra += spared
    date = str(mapping(evidence, "advisories").get("date", ""))[:10]
    judged_, lost = (int(evidence.facts.get(name, 0)) for name in ("packages", "unjudged"))
    summary = f"{judged_:,} of {plural(judged_ + lost, 'package')} judged" if lost else plural(judged_, "package")
    summary += f", advisories of {date}" if date else ""
    return rule_on(
        situation, evidence, "No known vulnerabilities", required=policy.required, findings=judged, extra=extra,
        summary=summary, complete=policy.complete,
    )  # fmt: skip


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


def _advisory_age(situation: Situation, evidence: Evidence) -> list[Reason]:
    """Return why the advisory data is too old, below the pinned minimum, or from the future."""
    policy, minimum = situation.policy.vulnerabilities, situation.policy.minimum.advisories
    if evidence.state is not State.OK:
        return []
    owner = situation.policy.owner
    date = times.maybe_moment(mapping(evidence, "advisories").get("date"))
    if date is None:
        what = "the advisory data has no date"
        return [Reason("gate/stale-advisories", Effect.UNDECIDED, what, "audit", owner)]
    age = situation.now - date
    what = f"the advisory data is of {date:%Y-%m-%d}, {plural(age.days, 'day')} old"
    if age < timedelta(days=-1):
        return [
            Reason(
                "gate/clock",
                Effect.UNDECIDED,
                f"the advisory data is of {date:%Y-%m-%d}, in the future",
                "audit",
                owner,
                advice="correct the clock, or use advisory data that is not dated in the future",
            )
        ]
    if minimum and date.date() < minimum:
        return [
            Reason(
                "gate/stale-advisories",
                Effect.UNDECIDED,
                f"{what}; the policy wants {minimum} or newer",
                "audit",
                owner,
            )
        ]
    if policy.max_age_days and age > timedelta(days=policy.max_age_days):
        return [
            Reason(
                "gate/stale-advisories",
                Effect.UNDECIDED,
                f"{what}; the policy allows {policy.max_age_days}",
                "audit",
                owner,
            )
        ]
    if not policy.max_age_days and age > timedelta(days=30):
        return [Reason("gate/stale-advisories", Effect.WARN, what, "audit", owner)]
    return []


RULES = {60: vulnerabilities}
