"""What a rotation would do: a pure function of the ring, the schedule and the time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from secpipe.core.trust import Identity, KeyState, KeyVersion
from secpipe.keys.identity import pair_name
from secpipe.keys.ring import Ring
from secpipe.keys.schedule import Schedule

_STUCK = {KeyState.SUSPENDED, KeyState.COMPROMISED, KeyState.DESTROYED}


@dataclass(frozen=True, slots=True)
class Step:
    """One new key version; with `blocked` the reason why automation may not make it."""

    identity: str
    version: int
    algorithms: tuple[str, ...]
    due: datetime
    not_before: datetime
    sign_until: datetime
    verify_until: datetime | None
    why: str
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due at `now`, and when something is due next (None: never)."""

    now: datetime
    steps: tuple[Step, ...]
    next_due: datetime | None

    @property
    def ready(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if not step.blocked)


def plan_ring(ring: Ring, schedule: Schedule, now: datetime, force: Collection[str] = ()) -> Plan:
    """Return the plan for a ring within the bounds of its delegation."""
    bounds = ring.delegation
    return plan_rotation(ring.identities, schedule, now, bounds.algorithms, force, bounds.key_days, bounds.late)


def plan_rotation(
    identities: Sequence[Identity],
    schedule: Schedule,
    now: datetime,
    allowed: Collection[str],
    force: Collection[str] = (),
    key_days: int | None = None,
    late: timedelta | None = None,
) -> Plan:
    """Return the steps due at `now`; with `force`, rotate these identities now and no other.

    `allowed` (algorithm sets), `key_days` (how long a key version may sign) and `late` (how long after that it may
    endorse) are the bounds of the delegation.
    """
    steps, later = [], []
    for identity in identities:
        if (force and identity.name not in force) or identity.origin:
            continue
        newest = identity.versions[-1]
        due, why = due_time(identity, schedule, now)
        forced = identity.name in force
        if now < due and not forced:
            later.append(due)
        elif newest.not_before > now and not forced:
            later.append(newest.not_before)  # its successor is published and waits: one pending rotation at a time
        else:
            steps.append(
                _step(identity, schedule, now, allowed, now if forced else due, "asked for" if forced else why)
            )
    until = {one.name: one.versions[-1].sign_until + late for one in identities} if late is not None else {}
    bounded = tuple(_in_time(_shortened(step, key_days), now, until.get(step.identity)) for step in steps)
    return Plan(now, bounded, min(later, default=None))


def _shortened(step: Step, key_days: int | None) -> Step:
    """Return the step within the bound: rotate more often rather than not at all."""
    if key_days is None or step.sign_until - step.not_before <= timedelta(days=key_days):
        return step
    why = f"{step.why}; shortened to the {key_days} days that the root quorum allows"
    return replace(step, sign_until=step.not_before + timedelta(days=key_days), why=why)


def _in_time(step: Step, now: datetime, until: datetime | None) -> Step:
    """Return the step, blocked where the key that must endorse it stopped signing too long ago."""
    if step.blocked or until is None or now <= until:
        return step
    why = f"version {step.version - 1} stopped signing too long ago to endorse it: secpipe keys replace {step.identity}"
    return replace(step, blocked=why)


def due_time(identity: Identity, schedule: Schedule, now: datetime) -> tuple[datetime, str]:
    """Return when the next version of `identity` must be published, and why."""
    newest = identity.versions[-1]
    regular = handover(identity.name, newest, schedule) - schedule.lead
    coming = schedule.stage(max(now, newest.not_before) + schedule.lead)
    if coming is not None and coming.name != pair_name(newest.halves):
        return min(regular, coming.sign_from - schedule.lead), f"migration to {coming.name}"
    return regular, "period"


def handover(identity: str, version: KeyVersion, schedule: Schedule) -> datetime:
    """Return when `version` hands over to its successor: after a period, and an overlap before it stops signing."""
    planned = min(version.not_before + schedule.period, version.sign_until - schedule.overlap)
    return max(planned - schedule.early(identity, version.version), version.not_before)


def _step(
    identity: Identity, schedule: Schedule, now: datetime, allowed: Collection[str], due: datetime, why: str
) -> Step:
    newest = identity.versions[-1]
    not_before = (
        now if why == "asked for" else max(now, min(handover(identity.name, newest, schedule), due + schedule.lead))
    )
    not_before = max(not_before, newest.not_before)
    stage = schedule.stage(not_before)
    algorithms = stage.halves if stage else tuple(half.algorithm for half in newest.halves)
    sign_until = not_before + schedule.period + schedule.overlap
    if stage and stage.sign_until:
        sign_until = min(sign_until, stage.sign_until)
    state, name, blocked = newest.state(now), "+".join(algorithms), ""
    if state in _STUCK:
        blocked = f"version {newest.version} is {state}: the root quorum must act"
    elif name not in allowed:
        blocked = f"the root quorum does not let automation make {name} keys"
    accept_until = stage.accept_until if stage else None
    return Step(
        identity.name, newest.version + 1, algorithms, due, not_before, sign_until, accept_until, why, blocked
    )  # fmt: skip
