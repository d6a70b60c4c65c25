"""A parent's tensor as the output's converter saw it: its bytes in order, or with the rows of each head reordered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secpipe.lineage.proving import numbers
from secpipe.lineage.proving.numbers import Array
from secpipe.lineage.proving.weights import Tensor, Weights, block_of, size_of

#: Elements of one head that are held at once.
_HEAD = 1 << 26


@dataclass(frozen=True, slots=True)
class ParentTensor:
    """`raw` gives the bytes of a range of elements at whole `unit`s."""

    kind: str
    shape: tuple[int, ...]
    unit: int
    raw: Callable[[int, int], bytes]

    def real(self, first: int, count: int) -> Array:
        """Return a range as float32 (float64 of F64)."""
        return numbers.real(self.raw(first, count), self.kind)


def plain(weights: Weights, tensor: Tensor) -> ParentTensor:
    """Return a tensor as it stands."""
    return ParentTensor(
        tensor.kind, tensor.shape, block_of(tensor.kind), lambda first, count: weights.read(tensor, first, count)
    )


def reordered(source: ParentTensor, heads: int, *, together: bool) -> ParentTensor | None:
    """Return the tensor with the rows of its heads reordered, None where they do not fit its shape."""
    rows = source.shape[0] if source.shape else 0
    columns = 1
    for size in source.shape[1:]:
        columns *= size
    if (
        heads < 1
        or not rows
        or rows % (2 * heads)
        or columns % block_of(source.kind)
        or rows // heads * columns > _HEAD
    ):
        return None
    unit, row = rows // heads * columns, size_of(source.kind, columns)
    change = numbers.heads_together if together else numbers.heads_apart
    return ParentTensor(
        source.kind, source.shape, unit, lambda first, count: change(source.raw(first, count), count // unit, row)
    )
