"""How long a verdict holds: until the earliest end of anything that it rests on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.evidence import State
from secpipe.core.trust import KeyVersion, Trust
from secpipe.core.verdict import Judgement
from secpipe.gate import ages
from secpipe.gate.facts import each, listing
from secpipe.gate.policies.policy import Policy
from secpipe.gate.rules.promotion import newest
from secpipe.gate.ruling import Situation
from secpipe.scan.shadow_ai.judge import approval_of

#: A policy that sets no bound (`valid_hours = 0`) does not make a verdict eternal.
_LONGEST = timedelta(days=366)

End = tuple[str, datetime]  # what ends, and the first moment it no longer holds (for a day: its last second)


def valid_until(judgement: Judgement, situation: Situation, trust: Trust | None, tree: Policy | None = None) -> End:
    """Return what ends first of all that the judgement rests on, and when; never before the situation's own time.

    `tree` is the policy found in the tree, which the judgement bowed to as well.
    """
    what, when = min(ends(judgement, situation, trust, tree), key=lambda end: end[1])
    return what, max(situation.now, when)


def ends(judgement: Judgement, situation: Situation, trust: Trust | None, tree: Policy | None = None) -> Iterator[End]:
    """Yield everything the judgement rests on that has an end."""
    policy, now = situation.policy, situation.now
    hours = policy.verdicts.valid_hours
    span = min(timedelta(hours=min(hours, 24 * 366)), _LONGEST) if hours else _LONGEST
    yield "the policy's verdicts.valid_hours", now + span
    yield from _of_policy("the policy", policy)
    used = {waiver.id for waiver in judgement.waivers if waiver.used}
    yield from _of_waivers(policy, now, used)
    if tree is not None:
        yield from _of_policy("the project's own policy", tree)
        yield from _of_waivers(tree, now, {waiver.id for waiver in tree.waiver})
    yield from _of_acceptances(judgement, now)
    yield from _of_approvals(situation)
    yield from _of_advisories(judgement, situation)
    yield from _of_attestations(situation)
    yield from _of_shipped_sbom(situation)
    yield from _of_promotion(situation)
    if trust is not None:
        yield "the trust root", trust.root_expires
        yield "the keyring", trust.ring_expires
        if (days := policy.keys.max_ring_age_days) and (fresh := trust.freshness).issued and fresh.expires:
            yield "the statement that the keyring is the newest", min(fresh.expires, _later(fresh.issued, days))
        yield from _of_keys(situation, trust)


def _of_policy(what: str, policy: Policy) -> Iterator[End]:
    if policy.expires:
        yield what, _last_second(policy.expires)


def _of_waivers(policy: Policy, now: datetime, used: set[str]) -> Iterator[End]:
    for waiver in policy.waiver:
        if waiver.id in used and waiver.expires and waiver.expires >= now.date():
            yield f"waiver {waiver.id}", _last_second(waiver.expires)


def _of_acceptances(judgement: Judgement, now: datetime) -> Iterator[End]:
    for one in judgement.accepted:
        day = times.maybe_day(one.expires) if one.paths else None
        if day is not None and day >= now.date():
            yield f"the acceptance by {one.owner}", _last_second(day)


def _of_approvals(situation: Situation) -> Iterator[End]:
    """The approvals of AI services that cover a use; uses that cannot be read leave their check undecided anyway."""
    allow = situation.policy.shadow_ai
    for use in listing(situation.of("shadow-ai"), "uses"):
        try:
            entry, _ = approval_of(use, allow, env=situation.environment, now=situation.now)
        except (KeyError, TypeError, AttributeError):
            continue
        if entry is not None:
            yield f"the approval of {entry.provider or entry.host or 'an AI service'}", entry.until


def _of_advisories(judgement: Judgement, situation: Situation) -> Iterator[End]:
    """Data that is too old already counts by an exception; what the exception ends by is told with the others."""
    rules, evidence = situation.policy.vulnerabilities, situation.of("audit")
    if not rules.max_age_days or evidence.state is not State.OK:
        return
    accepted = {path for one in judgement.accepted for path in one.paths}
    for one in ages.used(evidence):
        if ages.spared(one, situation.policy, situation.now) and rules.embedded_until:
            yield "the exception for the data that came with secpipe", _last_second(rules.embedded_until)
        elif one.path not in accepted:
            yield "the advisory data's age", _later(one.made, rules.max_age_days)


def _of_attestations(situation: Situation) -> Iterator[End]:
    for demand in situation.policy.attestations.require:
        evidence = situation.of(f"attestation:{demand.type}")
        dates = [evidence.since, *(times.maybe_moment(fact.get("since")) for fact in each(evidence))]
        for made in dates if demand.max_age_days else ():
            if made is not None:
                yield f'the "{demand.type}" result\'s age', _later(made, demand.max_age_days)


def _of_shipped_sbom(situation: Situation) -> Iterator[End]:
    """Any one of the files may be the one that counts; one that is too old already is not."""
    policy = situation.policy.sbom
    for row in listing(situation.of("sbom"), "shipped") if policy.shipped and policy.max_age_days else ():
        made = times.maybe_moment(row.get("made")) if isinstance(row, Mapping) else None
        if made is not None and _later(made, policy.max_age_days) >= situation.now:
            yield "the shipped SBOM's age", _later(made, policy.max_age_days)


def _of_promotion(situation: Situation) -> Iterator[End]:
    asked = situation.policy.promotion
    for environment in asked.after if asked.max_age_days else ():
        found = newest(situation, environment)
        made = times.maybe_moment(found.get("at")) if found else None
        if made is not None:
            yield f"the verdict for {environment}", _later(made, asked.max_age_days)


def _of_keys(situation: Situation, trust: Trust) -> Iterator[End]:
    """The keys whose signatures count, and the days on which the policy begins to ask for more."""
    for phase in situation.policy.signatures.phase:
        if phase.since is not None and phase.since > situation.now.date():
            yield f"the demands until {phase.since}", datetime.combine(phase.since, time(), UTC)
    versions = {(one.name, version.version): version for one in trust.identities for version in one.versions}
    for fact in _signed(situation):
        name, number = fact.get("identity"), fact.get("key_version")
        version = versions.get((name, number)) if isinstance(name, str) and isinstance(number, int) else None
        if version is not None:
            proven, old = bool(fact.get("trusted_time")), fact.get("grandfathered") is True
            yield from _of_version(f"the key of {name}", version, situation, proven=proven, old=old)


def _of_version(what: str, version: KeyVersion, situation: Situation, *, proven: bool, old: bool) -> Iterator[End]:
    if version.verify_until is not None and not proven:
        yield what, version.verify_until
    if version.suspended_since is not None:
        yield what, version.suspended_since
    if version.compromised_since is not None and not proven:
        yield what, version.compromised_since
    if situation.policy.keys.max_age_days and not proven:
        yield what, _later(version.not_before, situation.policy.keys.max_age_days)
    since = situation.policy.keys.stamped_from
    if since is not None and not (proven or old):
        yield what, max(version.sign_until, datetime.combine(since, time(), UTC))


def _signed(situation: Situation) -> Iterator[Mapping[str, Any]]:
    """Yield the facts of every signature that holds: artifacts and attestations."""
    for fact in listing(situation.of("signatures"), "artifacts"):
        if isinstance(fact, Mapping) and fact.get("verified") is not False:
            yield fact
    for name, evidence in situation.evidence.items():
        if name.startswith("attestation:"):
            yield from (evidence.facts, *each(evidence))


def _last_second(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


def _later(start: datetime, days: int) -> datetime:
    try:
        return start + timedelta(days=days)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
