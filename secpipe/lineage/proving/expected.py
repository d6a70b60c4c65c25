"""What a tensor must be if a step was done as it is said: predictions held against the bytes, piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from secpipe.core.text import printable
from secpipe.lineage.proving.weights import Tensor, Weights, size_of
from secpipe.lineage.record import Grade

#: From the first element and a count to the bytes that must stand there; None where nobody can say.
Predict = Callable[[int, int], bytes | None]
_PIECE = 1 << 18  # elements of one piece that is computed: a MiB of float32 stays in a processor's cache
_COPIED = 1 << 22  # bytes of one piece that is only compared


class Judge(Protocol):
    """Whether what is not byte-equal is as near as the step allows."""

    def look(self, first: int, found: bytes) -> int | None:
        """Return the first element of this piece that is too far, counted from its start."""

    def end(self) -> str:
        """Return what is wrong with the tensor as a whole, or ""."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The predictions of one tensor, each for the whole of it, and the bound if none holds.

    `unit` is how many elements stand together (a block, a row, a head); `copied` says that nothing is computed, `vague`
    why no bound would say anything.
    """

    unit: int
    exact: tuple[tuple[str, Predict], ...]
    judge: Callable[[], Judge] | None = None
    within: str = ""
    copied: bool = False
    vague: str = ""


@dataclass(frozen=True, slots=True)
class TensorProof:
    """What the bytes of one tensor say."""

    name: str
    grade: Grade
    said: str


def held(weights: Weights, tensor: Tensor, expected: Expected) -> TensorProof:
    """Return whether a tensor is what is expected: re-derived, bounded, or contradicted and where."""
    first_wrong = -1
    for how, predict in expected.exact:
        wrong = _differs(weights, tensor, expected, predict)
        if wrong is None:
            return TensorProof(tensor.name, Grade.RE_DERIVED, how)
        first_wrong = max(first_wrong, wrong)
    if expected.vague:
        return TensorProof(tensor.name, Grade.CLAIMED, expected.vague)
    if expected.judge is None:
        return _contradicted(tensor, f"element {first_wrong:,} is another")
    judge = expected.judge()
    for first, count in pieces(tensor, expected):
        far = judge.look(first, weights.read(tensor, first, count))
        if far is not None:
            return _contradicted(tensor, f"element {first + far:,} is not {expected.within}")
    if problem := judge.end():
        return _contradicted(tensor, problem)
    return TensorProof(tensor.name, Grade.BOUNDED, expected.within)


def _contradicted(tensor: Tensor, said: str) -> TensorProof:
    return TensorProof(tensor.name, Grade.CONTRADICTED, said)


def pieces(tensor: Tensor, expected: Expected) -> list[tuple[int, int]]:
    """Return first element and count of each piece: whole units, about a MiB."""
    most = _COPIED // max(size_of(tensor.kind, expected.unit), 1) * expected.unit if expected.copied else _PIECE
    step = max(most // expected.unit, 1) * expected.unit
    return [(first, min(step, tensor.elements - first)) for first in range(0, tensor.elements, step)]


def _differs(weights: Weights, tensor: Tensor, expected: Expected, predict: Predict) -> int | None:
    """Return the first element whose bytes are not the predicted ones, or None."""
    for first, count in pieces(tensor, expected):
        found, wanted = weights.read(tensor, first, count), predict(first, count)
        if wanted is None:
            return first
        if found != wanted:
            return first + _place(found, wanted) * count // max(len(found), 1)
    return None


def _place(found: bytes, wanted: bytes) -> int:
    """Return the first byte that differs, by halving."""
    low, high = 0, min(len(found), len(wanted))
    while low < high:
        middle = (low + high) // 2
        if found[low : middle + 1] == wanted[low : middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low


def named(tensor: Tensor) -> str:
    """Return the tensor's name, safe to print."""
    return printable(tensor.name, 120)
