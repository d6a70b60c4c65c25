"""What proving knows of formats and conversions, as data: `policies/lineage/proving.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from secpipe.core.documents import parse_toml
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a kind may lie from its parent: `element` of the largest in 256, `tensor` as root mean square."""

    element: float
    tensor: float


@dataclass(frozen=True, slots=True)
class Known:
    """The tables, as the file explains them."""

    claimed: frozenset[str]
    buffers: tuple[str, ...]
    tied: tuple[tuple[str, str], ...]
    permuted: Mapping[str, tuple[str, ...]]
    bounds: Mapping[str, Bound]

    def is_buffer(self, name: str) -> bool:
        """Whether a tensor of that name carries nothing learned."""
        return f".{name}".endswith(self.buffers)

    def twins(self, name: str) -> tuple[str, ...]:
        """Return the endings under which the same tensor may stand."""
        pairs = (pair for pair in self.tied if any(name == one or name.endswith(f".{one}") for one in pair))
        return tuple({one for pair in pairs for one in pair if not name.endswith(one)})


@cache
def known() -> Known:
    """Return the tables that are shipped."""
    path = shipped() / "lineage" / "proving.toml"
    table = parse_toml(read_bytes(path, 1 << 20), path.name)
    return Known(
        frozenset(table["claimed"]),
        tuple(table["buffers"]),
        tuple((one, other) for one, other in table["tied"]),
        {name: tuple(row["permuted"]) for name, row in table["architectures"].items()},
        {name: Bound(row["element"], row["tensor"]) for name, row in table["bounds"].items()},
    )
