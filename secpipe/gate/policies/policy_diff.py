"""What changes from one policy to another, key by key, and whether that asks more or less of a release."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secpipe.gate.policies.overlay import Direction, compare, field, walk
from secpipe.gate.policies.policy import Policy
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.policies.policy_origin import plain, toml

#: Names say who speaks: a change of them neither tightens nor loosens.
_NEUTRAL = {("name",), ("owner",)}


@dataclass(frozen=True, slots=True)
class Changed:
    """One key whose value differs; `environment` is "" where every environment that neither file names has it so."""

    environment: str
    key: str
    before: Any
    after: Any
    change: Direction
    neutral: bool = False

    @property
    def risky(self) -> bool:
        """Whether it may let something out that was stopped before: what cannot be compared counts."""
        return self.change is Direction.LOOSER or (self.change is Direction.DIFFERENT and not self.neutral)

    def to_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "key": self.key,
            "before": plain(self.before),
            "after": plain(self.after),
            "change": str(self.change),
        }


def diff(before: Loaded, after: Loaded, environments: Sequence[str] = ()) -> list[Changed]:
    """Return what changes for `environments`, or by default for all: those that either file names and any other ("").

    What changes for all alike is listed once, under "". Raises ConfigError for an overlay that may not be.
    """
    if environments:
        return [item for name in environments for item in changes(before.resolve(name), after.resolve(name), name)]
    found = changes(before.resolve(""), after.resolve(""))
    everywhere = {(item.key, toml(item.before), toml(item.after)) for item in found}
    for name in dict.fromkeys([*before.environments, *after.environments]):
        mine = changes(before.resolve(name), after.resolve(name), name)
        found += [item for item in mine if (item.key, toml(item.before), toml(item.after)) not in everywhere]
    return found


def changes(before: Policy, after: Policy, environment: str = "") -> list[Changed]:
    """Return every key whose value asks for something else, in the order of the vocabulary."""
    found = []
    for path, section in walk():
        was, now = _at(before, path), _at(after, path)
        _, meta = field(section, path[-1])
        change = compare(meta, now, was)
        if change is not None:
            found.append(Changed(environment, ".".join(path), was, now, change, path in _NEUTRAL))
    return found


def asks_at_least(policy: Policy, floor: Policy) -> bool:
    """Whether `policy` lets nothing out that `floor` stops, as far as can be told: what cannot be compared does not."""
    return not any(item.risky for item in changes(floor, policy))


def _at(policy: Policy, path: tuple[str, ...]) -> Any:
    """Return a value of a resolved policy."""
    return functools.reduce(getattr, path, policy)
