"""What the names of one file of a C-like language stand for: each worked out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from secpipe.scan.shadow_ai.values import CUT, MAX_VALUES, Value, concat, join, text

MAX_DEPTH = 16
MAX_STEPS = 20_000  # operands looked at for one result
_MAX_TOTAL = 1_000_000  # operands looked at for one file
_OFTEN = 3  # times that a name is worked out, each time with others at work that are left out of it


class Naming:
    """The names of a file by the tokens at which their values begin; `fold` works out one of those.

    What refers to itself amounts to what else it may be. The value of a name is kept as long as nothing is being worked
    out whose own part in it was left out; a name of which this cannot be said again and again is cut, so that names
    which all stand for each other cost no more than they are.
    """

    def __init__(self, assigned: Mapping[str, Sequence[int]], added: Mapping[str, Sequence[int]]) -> None:
        self.assigned = assigned
        self.added = added
        self._steps = [0, 0]  # for this result, for the file: shared with the expressions inside of templates
        self._busy: set[int] = set()
        self._names: dict[str, tuple[Value, frozenset[int], int]] = {}  # with what was left out, and how deep it stood
        self._times: Counter[str] = Counter()
        self._left_out: set[int] = set()
        self._too_deep = False

    def fold(self, index: int, depth: int = 0) -> tuple[Value, int]:
        """Return the value of the expression at token `index` and where it ends."""
        raise TypeError("the language says how its expressions are read")

    @property
    def spent(self) -> bool:
        """Whether the file made us look at more than the bound: what came after is not followed."""
        return self._steps[1] > _MAX_TOTAL

    def _afford(self, depth: int) -> bool:
        self._steps[0] += 1
        self._steps[1] += 1
        affords = depth <= MAX_DEPTH and self._steps[0] <= MAX_STEPS and not self.spent
        self._too_deep = self._too_deep or not affords
        return affords

    def name(self, name: str, depth: int = 0) -> Value:
        """Return what a name stands for; worked out once, as long as nothing is at work that was left out of it."""
        if name in self._names:
            value, needs, deep = self._names[name]
            if deep <= depth and needs <= self._busy:
                self._left_out |= needs
                self._too_deep = self._too_deep or deep > 0
                return value
            if self._times[name] >= _OFTEN:
                self._names[name] = join([value, CUT]), frozenset(), 0
                return self._names[name][0]
        if not self._afford(depth):
            return CUT
        self._times[name] += 1
        before, self._left_out, self._too_deep = (self._left_out, self._too_deep), set(), False
        places = self.assigned.get(name, ())[:MAX_VALUES]
        value = join(self._each(places, depth))
        value = join([value, CUT]) if len(self.assigned.get(name, ())) > MAX_VALUES else value
        value = self._grown(name, value, depth) if name in self.added else value
        needs = frozenset(self._left_out & self._busy)
        if self._steps[0] <= MAX_STEPS:
            self._names[name] = value, needs, depth if self._too_deep else 0
        self._left_out, self._too_deep = before[0] | needs, before[1] or self._too_deep
        return value

    def grown(self) -> Iterator[tuple[int, Value]]:
        """Yield what each name stands for to which something is added, and the token at which the last of it starts."""
        for name, places in self.added.items():
            self._steps[0] = 0
            yield places[-1], self.name(name)

    def _each(self, places: Iterable[int], depth: int) -> Iterator[Value]:
        """What stands at each place, without those that are being worked out."""
        for index in places:
            if index in self._busy:
                self._left_out.add(index)
                continue
            self._busy.add(index)
            yield self.fold(index, depth + 1)[0]
            self._busy.discard(index)

    def _grown(self, name: str, value: Value, depth: int) -> Value:
        """`name += x` and `name.append(x)`, in their order; what it was before stays possible."""
        whole = value if value.texts else text("")
        for piece in self._each(self.added[name][:MAX_VALUES], depth):
            whole = concat(whole, piece)
        return join([value, whole, CUT] if len(self.added[name]) > MAX_VALUES else [value, whole])
