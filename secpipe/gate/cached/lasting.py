"""Until when a judgement holds: the first moment at which a key, a waiver, an approval or an age would change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from secpipe.core.evidence import Evidence
from secpipe.core.trust import KeyVersion, Trust
from secpipe.core.verdict import Judgement
from secpipe.gate.facts import each

_SECOND = timedelta(seconds=1)


def lasts_until(
    judge: Callable[[datetime], Judgement],
    evidence: Mapping[str, Evidence],
    trust: Trust | None,
    now: datetime,
    end: datetime,
) -> datetime:
    """Return the last second, at most `end`, at which the same evidence gives the same judgement as it does at `now`.

    `judge` decides as of a time. Keys that the evidence rests on count as changed at the first of their dates to come:
    what the evidence says of signatures was established at `now`.
    """
    if trust is not None:
        end = min([end, *(date - _SECOND for version in _versions(evidence, trust) for date in _dates(version, now))])
    first = judge(now)
    if end <= now or _same(judge(end), first):
        return max(end, now)
    low, high = now, end  # what expires, expires for good
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _same(judge(middle), first) else (low, middle)
    return low


def _same(one: Judgement, other: Judgement) -> bool:
    return one.decision is other.decision and [(each.rule, each.effect, each.path) for each in one.reasons] == [
        (each.rule, each.effect, each.path) for each in other.reasons
    ]


def _versions(evidence: Mapping[str, Evidence], trust: Trust) -> Iterator[KeyVersion]:
    """Yield every version of every identity that the evidence names: of which it rests on, no more is known."""
    named = {str(fact.get("identity", "")) for fact in _facts(evidence)}
    for identity in trust.identities:
        if identity.name in named:
            yield from identity.versions


def _facts(evidence: Mapping[str, Evidence]) -> Iterator[Mapping[str, Any]]:
    for one in evidence.values():
        yield from (one.facts, *each(one))
        artifacts = one.facts.get("artifacts")
        yield from (
            fact for fact in (artifacts if isinstance(artifacts, list | tuple) else ()) if isinstance(fact, dict)
        )


def _dates(version: KeyVersion, now: datetime) -> Iterator[datetime]:
    """Yield the dates to come at which the state of a key version changes."""
    for date in (
        version.not_before,
        version.sign_until,
        version.verify_until,
        version.compromised_since,
        version.suspended_since,
        version.destroyed_since,
    ):
        if date is not None and date > now:
            yield date
