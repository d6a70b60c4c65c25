"""The account of a check: everything it is answerable for, and how each thing ended (design law 11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from secpipe.core.artifact import Skip
from secpipe.core.text import plural

#: Why a thing is not read that no reader settled.
NOBODY = "nobody looked"


class Thing(StrEnum):
    """What a check can be answerable for."""

    FILE = "file"
    LINK = "link"
    SUBMODULE = "submodule"
    MEMBER = "archive member"
    ENTRY = "lock entry"
    COMPONENT = "component"
    SERVER = "server"
    BUNDLE = "signature bundle"

    @property
    def plural(self) -> str:
        """Several of them."""
        return "lock entries" if self is Thing.ENTRY else f"{self}s"


class Depth(StrEnum):
    """How far a reader goes: `text` searches the words, `parsed` knows the structure."""

    TEXT = "text"
    PARSED = "parsed"


@dataclass(frozen=True, slots=True)
class Tally:
    """How the things of one kind ended: judged by reader, cannot hold it by row of a table, or not read."""

    thing: Thing
    judged: Mapping[str, int] = field(default_factory=dict)  # reader -> how many
    cannot: Mapping[str, int] = field(default_factory=dict)  # row -> how many
    not_read: int = 0
    text: int = 0  # of those judged, how many as text only though a parser would know more

    @property
    def total(self) -> int:
        """How many things there were."""
        return sum(self.judged.values()) + sum(self.cannot.values()) + self.not_read

    @property
    def words(self) -> str:
        """The line that every report says: `61 files: 44 judged, 17 cannot hold it, 0 not read`."""
        judged, cannot = sum(self.judged.values()), sum(self.cannot.values())
        said = [f"{judged:,} judged", *[f"{cannot:,} cannot hold it"] * bool(cannot), f"{self.not_read:,} not read"]
        said += [f"{self.text:,} as text only"] * bool(self.text)
        return f"{plural(self.total, str(self.thing), self.thing.plural)}: {', '.join(said)}"

    def __add__(self, other: Tally) -> Tally:
        """Return both tallies of one kind together."""
        return Tally(
            self.thing,
            dict(Counter(self.judged) + Counter(other.judged)),
            dict(Counter(self.cannot) + Counter(other.cannot)),
            self.not_read + other.not_read,
            self.text + other.text,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A closed ledger: counts by kind of thing, and what was judged as text only.

    What was not read stands in the evidence's `skips`, thing by thing. A soft one of `shallow` does not ship.
    """

    tallies: tuple[Tally, ...] = ()
    shallow: tuple[Skip, ...] = ()

    @property
    def not_read(self) -> int:
        """How many things were not read, of any kind."""
        return sum(tally.not_read for tally in self.tallies)

    @property
    def words(self) -> str:
        """What every report says of the check, one part a kind of thing."""
        return "; ".join(tally.words for tally in self.tallies) or "nothing of its kind is here"

    def of(self, thing: Thing) -> Tally:
        """Return the tally of one kind; an empty one where there was none of it."""
        return next((tally for tally in self.tallies if tally.thing is thing), Tally(thing))

    def __add__(self, other: Account) -> Account:
        """Return both accounts together: of two trees, or of two readers with things of their own."""
        both = (self.of(thing) + other.of(thing) for thing in Thing)
        return Account(tuple(tally for tally in both if tally.total), (*self.shallow, *other.shallow))

    def to_dict(self) -> dict[str, Any]:
        """Return the published shape: `docs/spec/ledger.md`."""
        return {
            "things": {
                str(tally.thing): {
                    "total": tally.total,
                    "judged": dict(sorted(tally.judged.items())),
                    "cannot_hold": dict(sorted(tally.cannot.items())),
                    "not_read": tally.not_read,
                    "text_only": tally.text,
                }
                for tally in self.tallies
            },
            "text_only": [skip.to_dict() | {"ships": not skip.soft} for skip in self.shallow],
        }


class Ledger:
    """Opens every thing a check is answerable for, and takes what became of it.

    A thing may be settled more than once, by several readers: not read (a part of it) outweighs judged, and judged
    outweighs cannot hold it. Settling what was never opened is a defect and raises KeyError.
    """

    def __init__(self) -> None:
        self._ends: dict[Thing, dict[str, tuple[int, str]]] = {}
        self._skips: dict[Skip, None] = {}
        self._shallow: dict[tuple[Thing, str], Skip] = {}

    def open(self, thing: Thing, *names: str) -> None:
        """Become answerable for things of one kind; a name opened twice is one thing."""
        self._take(thing, names, _OPEN)

    def is_open(self, thing: Thing, name: str) -> bool:
        """Tell whether nobody has settled a thing yet."""
        return self._ends[thing][name] is _OPEN

    def all_judged(self, thing: Thing, names: Iterable[str], reader: str) -> None:
        """Become answerable for things that `reader` has read; those known before keep how they ended."""
        self._take(thing, names, (_JUDGED, reader))

    def none_can_hold(self, thing: Thing, names: Iterable[str], row: str) -> None:
        """Become answerable for things that can hold nothing; those known before keep how they ended."""
        self._take(thing, names, (_CANNOT, row))

    def judged(self, thing: Thing, name: str, reader: str) -> None:
        """`reader` has read the whole thing as what it is."""
        self._settle(thing, name, (_JUDGED, reader))

    def judged_as_text(self, thing: Thing, name: str, reason: str, *, ships: bool = True) -> None:
        """The words of the thing were searched whole; `reason` says why no parser read it, `ships` if it goes out."""
        if self._settle(thing, name, (_JUDGED, str(Depth.TEXT))):
            self._shallow[thing, name] = Skip(name, reason, soft=not ships)
        elif ships and (known := self._shallow.get((thing, name))) is not None:
            self._shallow[thing, name] = replace(known, soft=False)

    def cannot_hold(self, thing: Thing, name: str, row: str) -> None:
        """The thing is of a kind that can hold nothing this check looks for; `row` is the table's."""
        self._settle(thing, name, (_CANNOT, row))

    def not_read(self, thing: Thing, name: str, reason: str, *, soft: bool = False) -> None:
        """The thing, or the part of it that `reason` names, was not read; `soft` as in `Skip`."""
        self._settle(thing, name, (_NOT_READ, ""))
        self._skips[Skip(name, reason, soft)] = None

    def close(self) -> tuple[Account, tuple[Skip, ...]]:
        """Return the account and what was not read, by path; what is still open is not read: nobody looked."""
        tallies = []
        texts = Counter(key[0] for key in self._shallow)
        for thing in Thing:
            rows = self._ends.get(thing, {})
            for name in [name for name, end in rows.items() if end is _OPEN]:
                self.not_read(thing, name, NOBODY)
            ends = Counter(rows.values())
            if ends:
                tallies.append(Tally(
                    thing,
                    {name: count for (end, name), count in ends.items() if end == _JUDGED},
                    {name: count for (end, name), count in ends.items() if end == _CANNOT},
                    ends[_NOT_READ, ""],
                    texts[thing],
                ))  # fmt: skip
        return Account(tuple(tallies), _by_path(self._shallow.values())), _by_path(self._skips)

    def _take(self, thing: Thing, names: Iterable[str], end: tuple[int, str]) -> None:
        rows = self._ends.setdefault(thing, {})
        for name in names:
            rows.setdefault(name, end)

    def _settle(self, thing: Thing, name: str, end: tuple[int, str]) -> bool:
        """Take an end if it outweighs the one before; a parser's word replaces that of the search for words."""
        rows = self._ends[thing]
        before = rows[name]
        parsed_after_text = before == _TEXT and end[0] == _JUDGED and end != _TEXT
        if end[0] > before[0] or parsed_after_text:
            rows[name] = end
            self._shallow.pop((thing, name), None)
            return True
        return False


def thing_of(skip: Skip) -> Thing:
    """Return what a skip of the walk is about that is no file of the tree."""
    if "submodule" in skip.reason:
        return Thing.SUBMODULE
    return Thing.LINK if skip.reason.startswith("link ") else Thing.FILE


_OPEN = (0, "")
_CANNOT, _JUDGED, _NOT_READ = 1, 2, 3
_TEXT = (_JUDGED, str(Depth.TEXT))


def _by_path(skips: Iterable[Skip]) -> tuple[Skip, ...]:
    return tuple(sorted(skips, key=lambda skip: (skip.path, skip.reason)))
