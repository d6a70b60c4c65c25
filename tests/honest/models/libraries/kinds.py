"""The table of kinds of honest files: each a function that has a library write files into a folder."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Writes into a folder what belongs together; the chance decides over types, sizes and numbers.
Make = Callable[[Path, random.Random], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: how it is made, and how many times it is made with other numbers."""

    name: str
    make: Make
    times: int


KINDS: dict[str, Kind] = {}


def kind(name: str, times: int = 12) -> Callable[[Make], Make]:
    """Enter a function into the table; raises ValueError for a name that stands in it."""

    def enter(make: Make) -> Make:
        if name in KINDS:
            raise ValueError(f"two kinds are named {name}")
        KINDS[name] = Kind(name, make, times)
        return make

    return enter
