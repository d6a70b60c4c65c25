"""What a repair is: one thing to do about a release, in words for people and as a change of the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

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
    fix: str = ""
    owner: str = ""
    apply: Callable[[World], World] = field(default=lambda world: world, repr=False, compare=False)


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


def change(
    case: Case, key: tuple[str, ...], what: str, apply: Callable[[Situation], Situation], fix: str | None = None
) -> Change:
    """Return the change that does `apply`; `fix` is what to type, the reason's own where none is given."""

    def applied(world: World) -> World:
        return replace(world, situation=apply(world.situation))

    command = case.reason.fix if fix is None else fix
    told = printable(command, 400) if command != what else ""
    return Change(key, printable(what, 600), told, case.reason.owner, applied)


def listed(paths: Iterable[str]) -> str:
    """Return paths as a command takes them."""
    known = list(dict.fromkeys(path for path in paths if path)) or ["PATH"]
    return " ".join(printable(path) for path in known[:8]) + (" ..." if len(known) > 8 else "")


def places(paths: Iterable[str]) -> str:
    """Return the folders that files lie in, as a command takes them; a file beside none is named itself."""
    return listed(path.rpartition("/")[0] or path for path in paths)


def named(things: Iterable[str], nameless: str = "the release") -> str:
    """Return the first few of some names, and that there are more."""
    known = [printable(thing, 80) or nameless for thing in things]
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more
