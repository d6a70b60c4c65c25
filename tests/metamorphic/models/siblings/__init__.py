"""Attacks that were written against the model scan without a look at its rules, each with an honest twin.

First tried on 2026-11-30: 98 of 128 were told of at first sight, and 2 of 128 twins; of a third sitting (`third`,
`fourth`) 139 of 256, of what is next to its mends (`fifth`) 91 of 135. What stands here since is a regression test; new
ones are written the same way. Nothing of them is ever loaded.
"""

from tests.metamorphic.models.siblings import (  # noqa: F401
    configurations,
    fifth,
    formats,
    fourth,
    graphs,
    pickles,
    second,
    surroundings,
    third,
)
from tests.metamorphic.models.siblings.common import CASES, Files

__all__ = ["CASES", "Files"]
