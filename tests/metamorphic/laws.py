"""The laws of the suite: what a transformation may do to the verdict of a bad project, and of its honest twin."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.metamorphic.change import Change
from tests.metamorphic.judge import ORDER, Judged, judge
from tests.metamorphic.seeds import Seed

_UNDECIDED = ORDER.index("undecided")
#: How much a person has to read where a transformation leaves something undecided.
_MOST_REASONS = 3


class Laws:
    """Judges pairs of twins in a folder of its own; what a seed comes to by itself is kept."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.base = cache(self._base)

    def _base(self, seed: Seed) -> tuple[Judged, Judged]:
        return (
            judge(self.place / "one", seed.bad, seed.bad_policy),
            judge(self.place / "one", seed.honest, seed.honest_policy),
        )

    def broken(self, seed: Seed, change: Change) -> list[str]:
        """Return what a transformation broke, one sentence each; none is what is wanted."""
        bad, honest = self.base(seed)
        now = judge(self.place / "one", change.make(seed, seed.bad), seed.bad_policy)
        said = [*_bad(seed, change, bad, now)]
        if not change.harms:
            now = judge(self.place / "one", change.make(seed, seed.honest), seed.honest_policy)
            said += _honest(change, honest, now)
        return [f"{seed} | {change.name}: {one}" for one in said]


def _bad(seed: Seed, change: Change, before: Judged, now: Judged) -> list[str]:
    least = before.rank if change.keeps else min(before.rank, _UNDECIDED)
    told = seed.rule in now.rules or now.rank >= _UNDECIDED
    if now.rank >= least and (before.rank or told):
        return []
    if change.labels and now.labelled and not seed.is_code:
        return []
    return [f"the bad twin was {before.decision} and is {now} {sorted(now.rules)}"]


def _honest(change: Change, before: Judged, now: Judged) -> list[str]:
    most = before.rank if change.keeps else max(before.rank, _UNDECIDED)
    if now.rank > max(most, ORDER.index("warn")):
        return [f"the honest twin was {before.decision} and is {now}"]
    if now.rank == _UNDECIDED and not change.keeps:
        different = len(set(now.reasons))  # two checks may say the same of one file: a report tells it once
        if different > _MOST_REASONS:
            return [f"the honest twin is undecided for {different} reasons: {now}"]
        if not all(now.do):
            return [f"the honest twin is undecided and nothing is said to do: {now}"]
    return []
