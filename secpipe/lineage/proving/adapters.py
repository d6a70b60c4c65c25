"""LoRA adapters as they lie on disk (PEFT, diffusers, kohya): which tensor each pair of factors changes, and how."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.shape import mapping
from secpipe.core.text import printable
from secpipe.lineage.proving import numbers
from secpipe.lineage.proving.expected import Expected
from secpipe.lineage.proving.numbers import Array
from secpipe.lineage.proving.source import ParentTensor, plain
from secpipe.lineage.proving.steps import Within
from secpipe.lineage.proving.weights import Tensor, Weights

CONFIG = "adapter_config.json"
_FACTOR = re.compile(
    r"(?P<module>.{1,400}?)\.(?:lora_(?P<half>A|B|down|up)(?:\.[\w-]{1,64})?|lora\.(?P<older>down|up)"
    r"|(?P<alpha>alpha))(?:\.weight)?\Z"
)
_PREFIXES = ("base_model.model.", "unet.", "text_encoder.", "text_encoder_2.", "transformer.", "base_model.")
_FLAT = re.compile(r"lora_(?:unet|te\d?|transformer)_")
#: How much larger the sums behind a change may be than itself, in roots of the rank; random directions stay below one.
_CANCELLED = 8.0
#: Elements of the two factors of one tensor.
_MOST = 1 << 25


@dataclass(frozen=True, slots=True)
class Pair:
    """The factors of one tensor's change: `scale` * `up` @ `down`."""

    weights: Weights
    up: Tensor
    down: Tensor
    scale: float
    swapped: bool = False  # the tensor is stored the other way round

    def factors(self, source: ParentTensor) -> tuple[Array, Array]:
        """Return up (rows, rank) and down (rank, columns) as float32; raises InputError where they do not fit."""
        up, down = (self._matrix(self.up), self._matrix(self.down))
        rank = self.down.shape[0]
        up = up.reshape(-1, rank)
        down = down.reshape(rank, -1)
        if self.swapped:
            up, down = down.T, up.T
        rows = source.shape[0] if source.shape else 0
        if not rows or len(up) != rows or down.shape[1] * rows != math.prod(source.shape):
            raise InputError(f"the adapter's {printable(self.up.name, 120)} does not fit its tensor")
        return up, down

    def _matrix(self, tensor: Tensor) -> Array:
        return numbers.narrow(plain(self.weights, tensor).real(0, tensor.elements))


def pairs(adapter: Weights, config: Mapping[str, Any], names: Collection[str]) -> dict[str, Pair] | str:
    """Return the pair that changes each tensor of `names`, or why it is not known how this adapter is applied."""
    halves: dict[str, dict[str, Tensor]] = {}
    for tensor in adapter.tensors.values():
        found = _FACTOR.match(tensor.name)
        if found is None:
            return f"the adapter holds {printable(tensor.name, 120)}, which nobody here knows how to apply"
        word = found["half"] or found["older"] or found["alpha"]
        halves.setdefault(found["module"], {})[{"A": "down", "B": "up"}.get(word, word)] = tensor
    if unknown := [key for key in ("use_dora", "alpha_pattern", "rank_pattern", "lora_bias") if config.get(key)]:
        return f"the adapter sets {unknown[0]}, which nobody here knows how to apply"
    flat = {name.removesuffix(".weight").replace(".", "_"): name for name in names}
    made: dict[str, Pair] = {}
    for module, row in halves.items():
        target = _target(module, names, flat)
        if not target or set(row) - {"alpha"} != {"up", "down"} or target in made:
            return f"the adapter changes {printable(module, 120)}, which the model does not have once and whole"
        if row["up"].elements + row["down"].elements > _MOST or not row["down"].shape or not row["down"].shape[0]:
            return f"the factors of {printable(module, 120)} are too large or empty"
        if not all(numbers.is_real(row[half].kind) for half in ("up", "down")):
            return f"the factors of {printable(module, 120)} are no numbers that can be read"
        scale = _scale(adapter, row, config)
        made[target] = Pair(adapter, row["up"], row["down"], scale, bool(config.get("fan_in_fan_out")))
    return made


def _target(module: str, names: Collection[str], flat: Mapping[str, str]) -> str:
    if prefix := _FLAT.match(module):
        return flat.get(module[prefix.end() :], "")
    for _ in range(3):
        if f"{module}.weight" in names:
            return f"{module}.weight"
        start = next((one for one in _PREFIXES if module.startswith(one)), "")
        module = module[len(start) :]
    return ""


def _scale(adapter: Weights, row: Mapping[str, Tensor], config: Mapping[str, Any]) -> float:
    """Return alpha over rank; an adapter that names no alpha is applied as it stands."""
    rank = row["down"].shape[0]
    if "alpha" in row:
        if row["alpha"].elements != 1:
            raise InputError(f"the adapter's {printable(row['alpha'].name, 120)} is no single number")
        return float(plain(adapter, row["alpha"]).real(0, 1)[0]) / rank
    alpha = mapping(config).get("lora_alpha", rank)
    if not isinstance(alpha, int | float) or isinstance(alpha, bool):
        raise InputError("the adapter's lora_alpha is no number")
    return alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank


@dataclass(frozen=True, slots=True)
class Change:
    """One adapter's change of one tensor, its factors loaded, at its strength."""

    up: Array
    down: Array
    scale: float

    def rows(self, first: int, last: int) -> Array:
        """Return the change of these rows in float64, flat."""
        up, down = numbers.wide(self.up[first:last]), numbers.wide(self.down)
        return (self.scale * numbers.product(up, down)).reshape(-1)

    def short(self, first: int, last: int) -> Array:
        """Return the change of these rows in float32, flat."""
        return (numbers.product(self.up[first:last], self.down) * self.scale).reshape(-1)

    def size(self, first: int, last: int) -> Array:
        """Return how large the sums behind the change may be, flat."""
        up, down = (numbers.magnitude(numbers.wide(one)) for one in (self.up[first:last], self.down))
        return abs(self.scale) * numbers.product(up, down).reshape(-1)


def adapted(kind: str, source: ParentTensor, changes: tuple[Change, ...]) -> Expected | str:
    """Return what a tensor must be if the changes were added to the parent's; or why nobody knows."""
    if kind not in numbers.ROUNDING or not numbers.is_real(source.kind):
        return f"nobody here knows how an adapter turns {source.kind} into {kind}"
    columns = math.prod(source.shape[1:])
    unit = math.lcm(source.unit, columns)
    if not 0 < unit <= _MOST:
        return "its rows are too long, or empty"
    rounding = max(numbers.ROUNDING[kind], numbers.ROUNDING.get(source.kind, 0.0))
    rank = sum(len(change.down) for change in changes)

    def summed(first: int, count: int, *, own: bool) -> bytes | None:
        whole = numbers.narrow(source.real(first, count))
        for change in changes:
            part = change.short(first // columns, (first + count) // columns)
            whole = whole + (numbers.real(numbers.packed(part, kind) or b"", kind) if own else part)
        return numbers.packed(whole, kind)

    def near(first: int, count: int) -> tuple[Array, Array]:
        rows = first // columns, (first + count) // columns
        parent = numbers.wide(source.real(first, count))
        size = sum(change.size(*rows) for change in changes)
        want = parent + sum(change.rows(*rows) for change in changes)
        slack = rounding * (2 * numbers.magnitude(parent) + 4 * size) + (rank + 8) * numbers.ROUNDING["F32"] * size
        return want, slack

    exact = (
        ("added in float32", lambda first, count: summed(first, count, own=False)),
        ("added in its own type", lambda first, count: summed(first, count, own=True)),
    )
    within = "the parent's plus the adapter's directions"
    vague = "the adapter's directions cancel, and a bound says nothing" if _cancel(changes) else ""
    return Expected(unit, exact, lambda: Within(kind, near), within, vague=vague)


def _cancel(changes: tuple[Change, ...]) -> bool:
    """Whether directions take each other away: then the error of their sums is larger than what they change."""
    up = numbers.joined([one.scale * numbers.wide(one.up) for one in changes], 1)
    down = numbers.joined([numbers.wide(one.down) for one in changes], 0)
    size = numbers.squares(numbers.magnitude(up), numbers.magnitude(down))
    return not size <= _CANCELLED**2 * len(down) * numbers.squares(up, down)
