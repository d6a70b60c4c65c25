"""Dated demands: the policy as it stands on a day, with every phase that has begun put into it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

from secpipe.gate.policies.policy import Policy

#: Stands for an empty intersection: an empty list of algorithms would mean all of them.
NOTHING = ("none",)


def in_force(policy: Policy, now: datetime) -> Policy:
    """Return the policy with the demands of every phase whose day has come; phases add up and never end.

    The halves they require are joined (`pq` beside `classical` is both), the algorithms they accept intersected. A
    phase without a day holds always. Applying it twice changes nothing.
    """
    today = now.astimezone(UTC).date()
    require = set(policy.signatures.require.split("+"))
    algorithms = policy.keys.algorithms
    for phase in policy.signatures.phase:
        if phase.since is not None and today < phase.since:
            continue
        require |= set(phase.require.split("+")) - {""}
        if phase.algorithms:
            algorithms = tuple(one for one in algorithms or phase.algorithms if one in phase.algorithms) or NOTHING
    joined = "classical+pq" if len(require) > 1 else require.pop()
    return replace(
        policy,
        signatures=replace(policy.signatures, require=joined),
        keys=replace(policy.keys, algorithms=algorithms),
    )


def classical_time_until(policy: Policy) -> datetime | None:
    """Return the moment from which a timestamp that is signed classically proves nothing, or None.

    It is the first day on which a phase asks for post-quantum signatures.
    """
    days = [phase.since or date.min for phase in policy.signatures.phase if "pq" in phase.require.split("+")]
    return datetime.combine(min(days), time(), UTC) if days else None
