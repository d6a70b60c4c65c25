"""Years ahead in one pass: which rotations will happen, what expires, when an algorithm's deadline strikes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from secpipe.core.trust import Identity, KeyVersion, PublicHalf
from secpipe.keys.deadlines import Profile
from secpipe.keys.identity import pair_name
from secpipe.keys.plan import Step, due_time, plan_rotation
from secpipe.keys.ring import Delegation
from secpipe.keys.schedule import Schedule
from secpipe.keys.schemes import scheme

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that will happen; `breaks` says that something stops working then."""

    at: datetime
    what: str
    breaks: bool = False


#: Makes the halves of a key version, signs and verifies with it under a floor: (halves, "" or what went wrong).
Trial = Callable[[Identity, KeyVersion, Sequence[str], str], tuple[tuple[PublicHalf, ...], str]]


@dataclass(frozen=True, slots=True)
class Future:
    """The dates of trust that a simulation starts from."""

    identities: tuple[Identity, ...]
    bounds: Delegation
    root_expires: datetime
    targets_expires: datetime
    ring_expires: datetime
    automated: bool = True  # custody lets automation rotate


def simulate(
    start: Future,
    schedule: Schedule,
    now: datetime,
    until: datetime,
    profiles: Sequence[Profile],
    trial: Trial | None = None,
) -> list[Event]:
    """Return what happens from `now` to `until`, in order, if the scheduler runs and nobody does anything else.

    `trial` signs and verifies with each key version that is made, and what it says against one breaks.
    """
    events = [Event(start.root_expires, "the trust root expires: nothing verifies any more", True)]
    events += [
        Event(max(now, stage.sign_from), f"no {stage.name} key is made: {stage.withheld}", True)
        for stage in schedule.stages
        if stage.withheld
    ]
    identities, ring_expires, blocked = list(start.identities), start.ring_expires, set[str]()
    for _ in range(_MOST):
        waiting = [item for item in identities if item.name not in blocked]
        at = min((max(now, _next(item, schedule, now)) for item in waiting), default=until)
        if at >= min(until, ring_expires):
            break
        now = at
        plan = plan_rotation(
            waiting, schedule, now, start.bounds.algorithms, (), start.bounds.key_days, start.bounds.late
        )
        for step in plan.steps:
            index = next(place for place, item in enumerate(identities) if item.name == step.identity)
            if step.blocked or not start.automated:
                why = step.blocked or "its custody cannot rotate by itself"
                events.append(Event(now, f"{step.identity} is due but stays: {why}", True))
                events.append(
                    Event(identities[index].versions[-1].sign_until, f"{step.identity} can sign no more", True)
                )
                blocked.add(step.identity)
                continue
            stage = schedule.stage(step.not_before)
            blank = KeyVersion(step.version, (), step.not_before, step.sign_until, step.verify_until)
            halves, problem = _imagined(step), ""
            if trial is not None:
                halves, problem = trial(
                    identities[index], blank, step.algorithms, stage.require if stage else "classical+pq"
                )
            version = replace(blank, halves=halves)
            identities[index] = replace(identities[index], versions=(*identities[index].versions, version))
            if problem:
                events.append(Event(step.not_before, f"{step.identity} version {step.version}: {problem}", True))
            signs = f"signs from {step.not_before:%Y-%m-%d}"
            events.append(
                Event(now, f"{step.identity} version {step.version} ({pair_name(halves)}) is published, {signs}")
            )
        if plan.ready and start.automated:
            ring_expires = min(now + schedule.ring_validity, start.targets_expires)
    events.append(Event(ring_expires, "the keyring expires: nothing verifies until the root's people renew it", True))
    events += _deadlines(identities, profiles)
    events += [
        Event(
            version.verify_until,
            f"{identity.name} version {version.version} is no longer accepted without a time stamp",
        )
        for identity in identities
        for version in identity.versions
        if version.verify_until is not None
    ]
    return sorted((event for event in events if event.at <= until), key=lambda event: (event.at, event.what))


def _imagined(step: Step) -> tuple[PublicHalf, ...]:
    return tuple(PublicHalf(name, scheme.get(name).half, f"{step.identity}/{step.version}") for name in step.algorithms)


def _next(identity: Identity, schedule: Schedule, now: datetime) -> datetime:
    due, _ = due_time(identity, schedule, now)
    for stage in schedule.stages:  # a migration makes a rotation due when the time of its algorithms comes near
        start = stage.sign_from - schedule.lead
        if start > now and stage.name != pair_name(identity.versions[-1].halves):
            due = min(due, start)
    newest = identity.versions[-1]
    return max(due, newest.not_before if newest.not_before > now else due)


def _deadlines(identities: Sequence[Identity], profiles: Sequence[Profile]) -> list[Event]:
    events = []
    for profile in profiles:
        for rule in profile.rules:
            touched = sorted(
                f"{identity.name} version {version.version}"
                for identity in identities
                for version in identity.versions
                if rule.touches([half.algorithm for half in version.halves]) and version.sign_until > rule.at
            )
            if touched:
                text = f"{profile.name}: {rule.what}; still signing then: {', '.join(touched[:5])}"
                events.append(Event(rule.at, text + (" ..." if len(touched) > 5 else ""), rule.breaks))
    return events
