"""All transformations, and what they do: each family has a file of its own."""

from __future__ import annotations

from tests.metamorphic import containers, encodings, places, spelling
from tests.metamorphic.change import Change
from tests.metamorphic.seeds import SEEDS, Seed

CHANGES: tuple[Change, ...] = (*places.CHANGES, *containers.CHANGES, *encodings.CHANGES, *spelling.CHANGES)


def pairs() -> list[tuple[Seed, Change]]:
    """Return every transformation of every seed that it fits."""
    return [(seed, change) for seed in SEEDS for change in CHANGES if change.fits(seed)]
