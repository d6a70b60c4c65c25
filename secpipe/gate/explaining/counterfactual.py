"""The smallest set of things to do that turns the verdict: judged again without the findings each would end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from secpipe.core.do import Do
from secpipe.core.text import printable
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.decide import tightened
from secpipe.gate.policies.policy import Policy
from secpipe.gate.ruling import Situation

MAX_STEPS = 48  # each is tried twice or so; with more, what one rule says is one step
_ROUNDS = 6  # findings gone may bring up others: what a policy in the tree calls undecided shows after what it denies


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and the findings that it would end."""

    what: str
    do: Do | None
    owner: str
    ends: frozenset[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the published JSON shape."""
        done = {"do": self.do.to_dict()} if self.do else {}
        return {"what": self.what, "fix": self.do.text if self.do else "", "owner": self.owner, **done}


@dataclass(frozen=True, slots=True)
class Least:
    """What would have to change.

    `remaining` are the reasons that rest on no finding, so that no judging again can tell what ends them; each says
    what to do. `smallest`: every step is needed in any set of the known steps that gets as far; otherwise none can be
    left out of this set, but another one might be smaller.
    """

    changes: tuple[Step, ...]
    remaining: tuple[Reason, ...]
    smallest: bool
    judged: int  # how many times the evidence was judged

    @property
    def passes(self) -> bool:
        """Whether the steps together are enough for a pass."""
        return not self.remaining

    def to_dict(self) -> dict[str, Any]:
        """Return the published JSON shape."""
        return {
            "passes": self.passes,
            "smallest": self.smallest,
            "changes": [one.to_dict() for one in self.changes],
            "remaining": [reason.to_dict() for reason in self.remaining],
        }


def least(situation: Situation, tree: Policy | None = None) -> Least:
    """Return the least that would have to change for a pass, `tree` being the policy found in the tree.

    Bounded: a few rounds of judging to find the steps, and a few for each of at most MAX_STEPS.
    """
    return _Search(situation, tree).run()


class _Search:
    def __init__(self, situation: Situation, tree: Policy | None) -> None:
        self._situation, self._tree = situation, tree
        self._judged = 0

    def run(self) -> Least:
        first = self._standing(())
        steps, remaining = self._steps(first)
        goal = _told(remaining)
        needed = [one for one in steps if not _told(self._standing(_but(steps, one))) <= goal]
        kept, smallest = needed, True
        if len(needed) < len(steps):  # what is needed beside the others need not be so without them
            smallest = _told(self._standing(needed)) <= goal
            kept = needed if smallest else self._reduced(steps, goal)
        return Least(tuple(kept), remaining, smallest, self._judged)

    def _standing(self, steps: Iterable[Step]) -> tuple[Reason, ...]:
        """Return the reasons against a pass that stand after the steps."""
        self._judged += 1
        ended = frozenset().union(*(one.ends for one in steps))
        judgement = tightened(replace(self._situation, ended=ended), self._tree)
        return tuple(reason for reason in judgement.reasons if reason.effect in (Effect.DENY, Effect.UNDECIDED))

    def _steps(self, standing: tuple[Reason, ...]) -> tuple[list[Step], tuple[Reason, ...]]:
        """Return every step that a reason with findings suggests, and the reasons that stand after all of them."""
        found: dict[tuple[str, str], list[Reason]] = {}
        for _ in range(_ROUNDS):
            new = [reason for reason in standing if reason.findings]
            for reason in new:
                found.setdefault(("", reason.do.text) if reason.do else (reason.rule, reason.what), []).append(reason)
            if not new:
                break
            standing = self._standing(map(_step, found.values()))
        if len(found) > MAX_STEPS:
            rules: dict[str, list[Reason]] = {}
            for group in found.values():
                rules.setdefault(group[0].rule, []).extend(group)
            return [_step(group) for group in rules.values()], standing
        return [_step(group) for group in found.values()], standing

    def _reduced(self, steps: Sequence[Step], goal: set[tuple[str, str]]) -> list[Step]:
        """Leave out one after the other what is not needed, until nothing more can go."""
        kept, before = list(steps), -1
        while len(kept) != before:
            before = len(kept)
            for one in list(kept):
                rest = _but(kept, one)
                kept = rest if _told(self._standing(rest)) <= goal else kept
        return kept


def _step(group: Sequence[Reason]) -> Step:
    first = group[0]
    more = f" (and {len(group) - 1:,} more)" if len(group) > 1 else ""
    ends = frozenset(name for reason in group for name in reason.findings)
    return Step(printable(first.what, 600) + more, first.do, first.owner, ends)


def _told(standing: Iterable[Reason]) -> set[tuple[str, str]]:
    return {(reason.rule, reason.what) for reason in standing}


def _but(steps: Sequence[Step], one: Step) -> list[Step]:
    return [other for other in steps if other is not one]
