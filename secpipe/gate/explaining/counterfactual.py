"""The smallest set of changes that would turn the verdict, found by really judging the changed evidence again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from secpipe.core.finding import Finding
from secpipe.core.verdict import Decision, Effect, Judgement, Reason, Result
from secpipe.gate.decide import by_tree, decide, tightened
from secpipe.gate.explaining.repair import Case, Change
from secpipe.gate.explaining.repairs import changes
from secpipe.gate.explaining.worlds import World
from secpipe.gate.policies.phases import in_force
from secpipe.gate.policies.policy import Policy
from secpipe.gate.ruling import Situation

MAX_CHANGES = 48  # each is tried twice or so; more of one kind become one change
_ROUNDS = 6  # mending one thing may bring up the next: what is signed must first be known


@dataclass(frozen=True, slots=True)
class Least:
    """What would have to change.

    `remaining` are the reasons that no change of the release ends; without any, the `changes` together turn the verdict
    to a pass. `smallest`: every change was shown to be necessary in any set of the known changes that gets as far;
    otherwise none can be left out of this set, but another one might be smaller.
    """

    changes: tuple[Change, ...]
    remaining: tuple[Reason, ...]
    smallest: bool
    judged: int  # how many times the evidence was judged

    @property
    def passes(self) -> bool:
        return not self.remaining

    def to_dict(self) -> dict[str, Any]:
        return {
            "passes": self.passes,
            "smallest": self.smallest,
            "changes": [one.to_dict() for one in self.changes],
            "remaining": [reason.to_dict() for reason in self.remaining],
        }


def least(situation: Situation, tree: Policy | None = None) -> Least:
    """Return the least that would have to change for a pass, `tree` being the policy found in the tree.

    Bounded: at most a few rounds of judging to find the changes, and a few for each of at most MAX_CHANGES.
    """
    return _Search(World(situation, tree)).run()


def judge(world: World) -> Judgement:
    """Return the judgement of a world: by its policy, tightened by that of the tree."""
    return tightened(world.situation, world.tree)


def apply(world: World, wanted: Iterable[Change]) -> World:
    """Return the world in which the changes were made."""
    for change in wanted:
        world = change.apply(world)
    return world


def blocking(judgement: Judgement) -> tuple[Reason, ...]:
    """Return the reasons that stand against a pass in enforce mode."""
    return tuple(reason for reason in judgement.reasons if reason.effect in (Effect.DENY, Effect.UNDECIDED))


def standing(world: World) -> set[tuple[str, str, str]]:
    """Return what stands against a pass, by either policy: reasons, and checks, because equal reasons are told once."""
    judgements = {"": decide(world.situation)}
    if world.tree:
        theirs = decide(by_tree(world.situation, world.tree))
        if theirs.decision in (Decision.DENY, Decision.UNDECIDED):
            judgements["tree"] = theirs
    found = set()
    for name, judgement in judgements.items():
        found |= {(name, reason.rule, reason.what) for reason in blocking(judgement)}
        blocked = (row for row in judgement.checks if row.result in (Result.DENY, Result.UNDECIDED))
        found |= {(name, row.check, str(row.result)) for row in blocked}
    return found


class _Search:
    def __init__(self, world: World) -> None:
        self._world = world
        self._judged = 0
        self._goal: set[tuple[str, str, str]] = set()  # what nothing ends

    def run(self) -> Least:
        if self._enough(()):
            return Least((), (), True, self._judged)
        found = self._candidates()
        changed = apply(self._world, found)
        self._goal = standing(changed)
        remaining = blocking(judge(changed))
        needed = [one for one in found if not self._enough(_but(found, one))]
        kept, smallest = needed, True
        if len(needed) < len(found):  # what is needed beside the others need not be so without them
            smallest = self._enough(needed)
            kept = self._reduced(needed if smallest else found)
            smallest = smallest and len(kept) == len(needed)
        return Least(tuple(kept), remaining, smallest, self._judged)

    def _candidates(self) -> list[Change]:
        """Return every change that a reason suggests, round by round, until none of them brings up a new one."""
        found: dict[tuple[str, ...], Change] = {}
        for _ in range(_ROUNDS):
            world = apply(self._world, _bundled(list(found.values())))
            before = len(found)
            for case in self._cases(world):
                for change in changes(case):
                    found.setdefault(change.key, change)
            if len(found) == before:
                break
        return _bundled(list(found.values()))

    def _cases(self, world: World) -> list[Case]:
        """Return the reasons against a pass with their findings, by either policy."""
        cases = []
        situations = [world.situation] + ([by_tree(world.situation, world.tree)] if world.tree else [])
        for situation in situations:
            self._judged += 1
            judgement = decide(situation)
            known = {one.finding.id: one.finding for one in judgement.findings}
            for reason in blocking(judgement):
                named: Sequence[Finding] = [known[name] for name in reason.findings if name in known]
                cases.append(Case(reason, named, situation, in_force(situation.policy, situation.now)))
        return cases

    def _enough(self, wanted: Sequence[Change]) -> bool:
        """Whether nothing stands against a pass any more but what nothing ends."""
        self._judged += 1
        return standing(apply(self._world, wanted)) <= self._goal

    def _reduced(self, found: Sequence[Change]) -> list[Change]:
        """Leave out one after the other what is not needed, until nothing more can go: what one change brings up,
        another mends, and without the first the second is not needed either.
        """
        kept, before = list(found), -1
        while len(kept) != before:
            before = len(kept)
            for one in list(kept):
                rest = _but(kept, one)
                if self._enough(rest):
                    kept = rest
        return kept


def _but(found: Iterable[Change], one: Change) -> list[Change]:
    return [other for other in found if other is not one]


def _bundled(found: list[Change]) -> list[Change]:
    """Return at most MAX_CHANGES changes: where there are more, those of the most frequent kinds become one each."""
    kinds: dict[str, list[Change]] = {}
    for change in found:
        kinds.setdefault(change.key[0], []).append(change)
    for kind in sorted(kinds, key=lambda kind: -len(kinds[kind])):
        if sum(map(len, kinds.values())) <= MAX_CHANGES:
            break
        kinds[kind] = [_bundle(kind, kinds[kind])]
    return [change for group in kinds.values() for change in group]


def _bundle(kind: str, group: list[Change]) -> Change:
    what = f"{len(group):,} changes of one kind ({kind}), among them: {group[0].what}; {group[-1].what}"
    return Change((kind, "all"), what, group[0].do, group[0].owner, lambda world: apply(world, group))
