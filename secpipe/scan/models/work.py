"""What looking into one file may cost: units of work, linear in its bytes, so that a verdict is the same everywhere.

A unit is about ten nanoseconds on the machine it was measured on. Wall time (`file_seconds`) is only a backstop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from secpipe.core.limits import Limits

#: Looking into anything that is nested, however small: an archive member, a string of a pickle.
LOOK: Final = 6_000
#: A byte of a pickle's opcodes, of a text that is searched, of a document that is parsed.
OPCODE: Final = 30
TEXT: Final = 20
#: Decompressed bytes that cost one unit.
_INFLATED: Final = 4
SPENT: Final = "the file takes more work to look through than its size allows"


@dataclass(slots=True)
class Work:
    """What is left for one file of the tree, shared by all that is nested in it; `over`: something was left out."""

    left: int
    over: bool = False

    def spend(self, units: int) -> bool:
        """Take `units`; return whether there were as many left."""
        self.left -= units
        self.over |= self.left < 0
        return not self.over

    def inflate(self, count: int) -> bool:
        """Take what `count` decompressed bytes cost."""
        return self.spend(1 + count // _INFLATED)


def allowed(size: int, limits: Limits) -> Work:
    """Return the work that a file of `size` bytes may cost."""
    return Work(limits.work_free + limits.work_per_byte * size)
