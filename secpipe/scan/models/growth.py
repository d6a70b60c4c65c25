"""What a pickle would make while loading that ends the memory or the time of whoever loads it: counted, never made."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

from secpipe.formats.pickle.values import KEPT, Call, Items, Long, Value

#: Items, letters or bytes in one thing that a pickle makes of less: no library's pickle makes a hundredth of it.
MOST: Final = 10_000_000
_DIGITS: Final = 100_000  # of a number that is multiplied up
_NUMBER: Final = 1_000_000  # of what grows with the value of its argument
_ENDLESS: Final = frozenset({"itertools.count", "itertools.cycle"})
#: Hand items on one by one, as many as their longest argument has, or as all of them together.
_LAZY: Final = frozenset({
    "builtins.map", "builtins.filter", "builtins.enumerate", "builtins.reversed", "builtins.iter", "itertools.compress",
    "itertools.pairwise", "itertools.batched", "itertools.zip_longest", "itertools.chain",
})  # fmt: skip
_COMBINED: Final = frozenset({"itertools.product", "itertools.permutations", "itertools.combinations",
                              "itertools.combinations_with_replacement"})  # fmt: skip
#: Take one item, or look at the thing itself.
#: Give nothing before something passes them.
_SEEKING: Final = frozenset({"builtins.filter", "itertools.compress", "itertools.islice"})
_NETWORKS: Final = {"ipaddress.IPv4Network": 32, "ipaddress.IPv6Network": 128}  # bits of an address
_QUIET: Final = frozenset({
    "builtins.next", "builtins.getattr", "builtins.type", "builtins.repr", "builtins.str", "builtins.bool",
    "builtins.isinstance", "builtins.range", "builtins.zip", "functools.partial", "itertools.islice",
    "itertools.repeat", "decimal.Decimal", *_NETWORKS, *_ENDLESS, *_LAZY,
})  # fmt: skip
#: What they make grows with the value of a number.
_GROWING: Final = frozenset({
    "builtins.bytes", "builtins.bytearray", "builtins.pow", "math.factorial", "math.comb", "math.perm", "numpy.ndarray",
    "numpy.core.multiarray.empty", "numpy.core.multiarray._reconstruct", "numpy.ma.core._mareconstruct", "numpy.void",
    "numpy.bytes_", "numpy.recarray", "numpy.chararray", "numpy.core.records.recarray", "numpy.record", "torch.Tensor",
    "builtins.str.format", "builtins.format", *(
        f"builtins.{kind}.{name}" for kind in ("str", "bytes", "bytearray", "unicode")
        for name in ("ljust", "rjust", "center", "zfill", "expandtabs")),
})  # fmt: skip
_WIDE: Final = re.compile(r"\d{7}")
_ELEMENT: Final = re.compile(r"[<>|=]?[SUVa](\d{1,18})")
_EXPONENT: Final = re.compile(r"e\+?(\d{1,20})\s*", re.IGNORECASE)
#: Make a number: how large it is, nobody knows before the pickle is loaded.
_COUNTED: Final = frozenset(
    {f"builtins.{name}" for name in ("int", "len", "ord", "abs", "round", "sum", "max", "min", "pow")}
)
#: Where growth begins: with these, or with a number that one of the growing takes.
_STARTS: Final = (
    "builtins.", "itertools.", "math.", "fractions.", "decimal.", "ipaddress.", "torch.Tensor",
    *sorted(path for path in _GROWING if path.startswith("numpy.")),
)  # fmt: skip
_TEXTS: Final = ("builtins.str.", "builtins.unicode.", "builtins.bytes.", "builtins.bytearray.")


@dataclass(slots=True)
class Growth:
    """How long is what each call of one pickle makes; a call is kept with it, so that no other has its id."""

    lengths: dict[int, tuple[Call, float]] = field(default_factory=dict)
    numbers: dict[int, Call] = field(default_factory=dict)  # calls that make a number
    seeking: dict[int, Call] = field(default_factory=dict)  # calls that may go through too many items for one

    def of(self, call: Call, path: str) -> str:
        """Take account of a call; return why what it makes is too large, "" where it is not."""
        if not self.lengths and not path.startswith(_STARTS) and not path.endswith("Storage"):
            return ""
        arguments = call.arguments if isinstance(call.arguments, tuple) else ()
        if not arguments:
            if path in _ENDLESS:
                self.lengths[id(call)] = (call, math.inf)
            return ""
        length = self._made(path, arguments)
        if length > 1:
            self.lengths[id(call)] = (call, length)
        if path in _COUNTED or path.startswith("math."):
            self.numbers[id(call)] = call
        growing = path in _GROWING or (path.startswith("torch.") and path.endswith("Storage"))
        most = _DIGITS if path.startswith("math.") or path == "builtins.pow" else _NUMBER
        inner = [part for value in arguments for part in (value if isinstance(value, tuple) else (value,))]
        if growing and (_largest(arguments) > most or any(id(value) in self.numbers for value in inner)):
            return "makes something huge out of a number"
        if path == "builtins.round" and len(arguments) == 2 and _number(arguments[1]) < -_NUMBER:
            return "makes something huge out of a number"
        if any(id(value) in self.seeking for value in arguments) or (path in _SEEKING and self._seeks(path, arguments)):
            self.seeking[id(call)] = call
            quiet = path in _QUIET and path != "builtins.next"
            return "" if quiet else "goes through more items than any memory holds"
        if path in _QUIET:
            return ""
        if path in _COMBINED:  # these keep all that they are given
            length = max(map(self._length, arguments))
        return "goes through more items than any memory holds" if length > MOST else ""

    def _seeks(self, path: str, arguments: tuple[Value, ...]) -> bool:
        """Whether what is lazily passed over may be more than anybody waits for."""
        if path == "itertools.islice":
            return len(arguments) > 2 and _number(arguments[1]) > MOST
        return max(map(self._length, arguments)) > MOST

    def _made(self, path: str, arguments: tuple[Value, ...]) -> float:
        lengths = [self._length(value) for value in arguments]
        if path in _ENDLESS or (path == "itertools.repeat" and len(arguments) == 1):
            return math.inf
        if path == "itertools.repeat":
            return _number(arguments[1])
        if path == "builtins.range":
            ends = [_number(value) for value in arguments]
            return ends[0] if len(ends) == 1 else max(ends[1] - ends[0], ends[0] - ends[1])
        if path == "itertools.islice":
            return min(lengths[0], max((_number(value) for value in arguments[1:]), default=0))
        if path == "builtins.zip":
            return min(lengths)
        if path in _NETWORKS:
            named = arguments[0]
            bits = named[1] if isinstance(named, tuple) and len(named) > 1 else str(named).partition("/")[2] or None
            if bits is None:
                return 1
            known = str(bits).isdecimal() and len(str(bits)) < 4
            return float(2 ** max(0, _NETWORKS[path] - int(str(bits)))) if known else math.inf  # or a mask
        if path == "decimal.Decimal" and isinstance(arguments[0], tuple) and len(arguments[0]) == 3:
            return 10 * _number(arguments[0][2])
        if path in {"decimal.Decimal", "fractions.Fraction"} and isinstance(arguments[0], str):
            exponent = _EXPONENT.search(arguments[0])
            return 10 * float(exponent[1]) if exponent else 1  # it takes more than its digits
        if path == "builtins.pow" and len(arguments) == 2:
            return max(lengths[0], len(str(abs(_number(arguments[0]))))) * max(1.0, _number(arguments[1]))
        if path in _COMBINED:
            lengths = [
                MOST if length >= KEPT else length for length in lengths
            ]  # of a longer list only so many are known
            if path == "itertools.product":
                return math.prod(lengths)
            return _power(lengths[0], _number(arguments[1]) if len(arguments) > 1 else lengths[0])
        if path.endswith("format") and any(isinstance(value, str) and _WIDE.search(value) for value in arguments):
            return math.inf
        if path.startswith(_TEXTS):
            return math.prod(max(1.0, length) for length in lengths)
        return sum(lengths)

    def _length(self, value: Value) -> float:
        if isinstance(value, Call):
            return self.lengths.get(id(value), (value, 0.0))[1]
        if isinstance(value, str | bytes | tuple | Items):
            inner = sum(self.lengths.get(id(part), (part, 0.0))[1] for part in value if isinstance(part, Call))
            return len(value) + (inner if inner < math.inf else 0)  # a text joins what stands in a list
        return 0.0


def _number(value: Value) -> float:
    if isinstance(value, Long):
        return math.inf
    return float(min(value, 1 << 62)) if isinstance(value, int) else 0.0


def _power(base: float, times: float) -> float:
    return math.inf if base > 1 and times * math.log(base) > 40 else base**times if base else 0.0


def _largest(arguments: tuple[Value, ...]) -> float:
    """Return the largest number among arguments, times the bytes of an element where a type with them is named."""
    types = [_ELEMENT.fullmatch(value) for value in arguments if isinstance(value, str)]
    width = max((int(found[1]) for found in types if found), default=1)
    numbers = [
        math.prod(map(_number, value)) if isinstance(value, tuple) and value else _number(value) for value in arguments
    ]
    return max(width, 1) * max(numbers, default=0.0)
