"""Limits of figures as a policy writes them, `accuracy >= 0.9`: no statement sets its own threshold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: How a limit is written.
PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.@/-]{0,99} (>=|<=) -?[0-9]{1,15}([.][0-9]{1,15})?"
_PARTS = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure by its name, and the number that it must reach (`>=`) or stay within (`<=`)."""

    figure: str
    way: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a figure of this value is within the limit."""
        return value >= self.bound if self.way == ">=" else value <= self.bound

    def __str__(self) -> str:
        return f"{self.figure} {self.way} {self.bound:g}"


def limit_of(text: str) -> Limit | None:
    """Return the limit that a text writes, or None."""
    if not _PARTS.fullmatch(text):
        return None
    figure, way, bound = text.split(" ")
    return Limit(figure, way, float(bound))


def broken(limits: Iterable[str], figures: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return (what lies beyond a limit, the figures that are not given), in words; a limit that is none is not met."""
    beyond, missing = [], []
    for text in limits:
        limit = limit_of(text)
        value = figures.get(limit.figure) if limit else None
        if limit is None or not isinstance(value, int | float) or isinstance(value, bool):
            missing.append(limit.figure if limit else text)
        elif not limit.holds(value):
            beyond.append(f"{limit.figure} is {value:g}, and the policy wants {limit.way} {limit.bound:g}")
    return beyond, missing
