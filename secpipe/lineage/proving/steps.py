"""The steps that bytes can confirm: converting, quantising and merging; each says what a tensor must then be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from secpipe.lineage.proving import numbers
from secpipe.lineage.proving.expected import Expected
from secpipe.lineage.proving.known import Bound, known
from secpipe.lineage.proving.numbers import Array
from secpipe.lineage.proving.source import ParentTensor
from secpipe.lineage.proving.weights import block_of, count_of

#: Of all shares together, and of an element's error in a sum: what may lie farther off is bounded by nothing.
_SHARES, _FAR = 32, 0.5

#: From the first element and a count to the exact value (float64) and how far off it rounding may lead.
Near = Callable[[int, int], tuple[Array, Array]]


def converted(kind: str, source: ParentTensor) -> Expected | str:
    """Return what a tensor must be as a copy, cast or quantisation of the parent's; or why nobody knows."""
    if kind == source.kind:
        return Expected(source.unit, (("copied", source.raw),), copied=True)
    if not (numbers.is_real(kind) and numbers.is_real(source.kind)):
        return f"nobody here knows how {source.kind} becomes {kind}"
    unit = math.lcm(source.unit, block_of(kind))
    rounded = lambda first, count: numbers.packed(source.real(first, count), kind)  # noqa: E731
    if kind in numbers.ROUNDING:
        exact = [("rounded to nearest", rounded)]
        if kind == "BF16" and source.kind == "F32":
            exact.append(("cut off", lambda first, count: numbers.truncated(source.real(first, count))))
        return Expected(unit, tuple(exact), lambda: Nearest(kind, source), f"the nearest {kind}")
    bound = known().bounds.get(kind)
    if bound is None:
        return f"nobody here has a bound for {kind}"
    exact = [("quantised as the reference does", rounded)] if kind in numbers.SCALED else []
    return Expected(unit, tuple(exact), lambda: Blocks(kind, source, bound), f"within the rounding of {kind}")


@dataclass(frozen=True, slots=True)
class Nearest:
    """Each element is the nearest value of its kind; zeros and NaN may differ in their bits."""

    kind: str
    source: ParentTensor

    def look(self, first: int, found: bytes) -> int | None:
        want = self.source.real(first, count_of(self.kind, len(found)))
        return numbers.first_not_nearest(found, self.kind, want)

    def end(self) -> str:
        return ""


@dataclass(slots=True)
class Blocks:
    """Codes follow from their scales, no element lies far off, and neither do all together."""

    kind: str
    source: ParentTensor
    bound: Bound
    error: float = 0.0
    parent: float = field(default=0.0)

    def look(self, first: int, found: bytes) -> int | None:
        want = self.source.real(first, count_of(self.kind, len(found)))
        off = numbers.first_off_scale(found, self.kind, want)
        if off is not None:
            return off
        share, error, parent = numbers.spread(found, self.kind, want)
        self.error += error
        self.parent += parent
        return numbers.first_above(share, self.bound.element)

    def end(self) -> str:
        share = math.sqrt(self.error / self.parent) if self.parent else 0.0
        if share <= self.bound.tensor:
            return ""
        return f"all together it lies {share:.3f} from its parent, {self.kind} allows {self.bound.tensor:g}"


@dataclass(frozen=True, slots=True)
class Within:
    """Each element lies no farther from the exact value than rounding leads."""

    kind: str
    near: Near

    def look(self, first: int, found: bytes) -> int | None:
        want, slack = self.near(first, count_of(self.kind, len(found)))
        return numbers.first_beyond(found, self.kind, want, slack)

    def end(self) -> str:
        return ""


def merged(
    kind: str, sources: Sequence[ParentTensor], shares: Sequence[float], base: ParentTensor | None
) -> Expected | str:
    """Return what a tensor must be if it is the sum of the parents by their shares, or the base and the shares of what
    each adds to it (task arithmetic)."""
    kinds = [kind, *(one.kind for one in sources), *([base.kind] if base else [])]
    if kind not in numbers.ROUNDING or not all(numbers.is_real(one) for one in kinds):
        return f"nobody here knows how {', '.join(sorted(set(kinds[1:])))} merge into {kind}"
    every = [*sources, *([base] if base else [])]
    unit = math.lcm(*(one.unit for one in every))
    rounding = max(numbers.ROUNDING.get(one, numbers.ROUNDING["F32"]) for one in kinds)

    shared = sum(map(abs, shares))
    shared += 1 + shared if base else 0
    steps = 2 * len(every) + 2
    vague = (
        "" if shared <= _SHARES and rounding * steps * shared <= _FAR else "its shares cancel, and a bound says nothing"
    )

    def total(first: int, count: int, to: Callable[[Array], Array], step: Callable[[Array], Array]) -> Array:
        start = to(base.real(first, count)) if base else None
        whole = start
        for share, one in zip(shares, sources, strict=True):
            part = to(one.real(first, count))
            part = step(share * (part if start is None else step(part - start)))
            whole = part if whole is None else step(whole + part)
        return whole

    def own(values: Array) -> Array:
        return numbers.real(numbers.packed(values, kind) or b"", kind)

    def near(first: int, count: int) -> tuple[Array, Array]:
        parts = [numbers.magnitude(numbers.wide(one.real(first, count))) for one in sources]
        size = sum(abs(share) * part for share, part in zip(shares, parts, strict=True))
        if base:
            size = size + (1 + sum(map(abs, shares))) * numbers.magnitude(numbers.wide(base.real(first, count)))
        want = total(first, count, numbers.wide, lambda values: values)
        return want, rounding * steps * size

    exact = (
        ("summed in float32", lambda f, c: numbers.packed(total(f, c, numbers.narrow, lambda values: values), kind)),
        ("summed in its own type", lambda f, c: numbers.packed(total(f, c, numbers.narrow, own), kind)),
        ("summed in float64", lambda f, c: numbers.packed(total(f, c, numbers.wide, lambda values: values), kind)),
    )
    return Expected(unit, exact, lambda: Within(kind, near), f"within the rounding of {kind}", vague=vague)
