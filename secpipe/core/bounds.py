"""A bound that cannot cut in silence: whoever sets one says where the remainder is told (design laws 6 and 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
#: Takes the sentence that says what was left: it settles the thing as not read.
Tell = Callable[[str], None]


@dataclass(slots=True)
class Bound:
    """At most `most` of `what` (a plural noun); the first that is too many is told, once.

    Units are the caller's: items, bytes, steps of work.
    """

    most: int
    what: str
    tell: Tell
    used: int = 0
    cut: bool = False

    def allows(self, amount: int = 1) -> bool:
        """Use `amount` of what is left; False, and told, where it is not there any more."""
        if self.used + amount > self.most:
            if not self.cut:
                self.cut = True
                self.tell(f"more than {self.most:,} {self.what}")
            return False
        self.used += amount
        return True

    def first(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items that the bound allows."""
        for item in items:
            if not self.allows():
                return
            yield item
