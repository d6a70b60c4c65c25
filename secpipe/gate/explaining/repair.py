"""What a repair is: one thing to do about a release, in words for people and as a change of the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from secpipe.core.do import Do
from secpipe.core.finding import Finding
from secpipe.core.text import printable
from secpipe.core.verdict import Reason
from secpipe.gate.explaining.worlds import World
from secpipe.gate.policies.policy import Policy
from secpipe.gate.ruling import Situation

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do. Two changes with the same `key` are the same thing to do."""

    key: tuple[str, ...]
    what: str
    do: Do | None = None
    owner: str = ""
    apply: Callable[[World], World] = field(default=lambda world: world, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        done = {"do": self.do.to_dict()} if self.do else {}
        return {"what": self.what, "fix": self.do.text if self.do else "", "owner": self.owner, **done}


@dataclass(frozen=True, slots=True)
class Case:
    """A reason, the findings it names, and the world it was given in; `policy` is the one that gave it, with every
    phase in it that has begun.
    """

    reason: Reason
    findings: Sequence[Finding]
    situation: Situation
    policy: Policy


Maker = Callable[[Case], Iterator[Change]]


def change(case: Case, key: tuple[str, ...], what: str, apply: Callable[[Situation], Situation]) -> Change:
    """Return the change that does `apply`; what to do about it is what the reason says."""

    def applied(world: World) -> World:
        return replace(world, situation=apply(world.situation))

    return Change(key, printable(what, 600), case.reason.do, case.reason.owner, applied)


def named(things: Iterable[str], nameless: str = "the release") -> str:
    """Return the first few of some names, and that there are more."""
    known = [printable(thing, 80) or nameless for thing in things]
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more
