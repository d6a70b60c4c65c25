"""Which tensor of the parent each tensor of the output is: by its own name, or by the name that GGUF gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from secpipe.lineage.proving import numbers
from secpipe.lineage.proving.known import known
from secpipe.lineage.proving.source import ParentTensor, plain, reordered
from secpipe.lineage.proving.weights import Weights

_BLOCKS = 1000  # layers of a model


@dataclass(frozen=True, slots=True)
class Match:
    """A tensor of the parent; `heads` says that the rows of so many heads are in GGUF's order on the GGUF side."""

    name: str
    heads: int = 0
    together: bool = False

    def source(self, parent: Weights) -> ParentTensor | None:
        """Return the parent's tensor as the converter saw it, None where the heads do not fit."""
        found = plain(parent, parent.tensors[self.name])
        return reordered(found, self.heads, together=self.together) if self.heads else found


def matched(out: Weights, parent: Weights) -> Mapping[str, Match]:
    """Return, for each tensor of the output that has one, its counterpart in the parent."""
    found = {name: Match(name) for name in out.tensors if name in parent.tensors}
    if found or bool(out.architecture) == bool(parent.architecture):
        return found
    side, other = (out, parent) if out.architecture else (parent, out)
    if side.architecture not in known().permuted:
        return found
    renamed = _renamed(side, other)
    if side is out:
        return {new: match for old, (new, match) in renamed.items() if new in out.tensors}
    return {
        old: Match(new, match.heads, together=True) for old, (new, match) in renamed.items() if new in parent.tensors
    }


def _renamed(side: Weights, other: Weights) -> dict[str, tuple[str, Match]]:
    """Return, for each tensor of the other side, its name in GGUF and its match there."""
    architecture = side.architecture
    blocks = side.facts.get(f"{architecture}.block_count", 0)
    if not 0 < blocks <= _BLOCKS:
        return {}
    heads = side.facts.get(f"{architecture}.attention.head_count", 0)
    grouped = side.facts.get(f"{architecture}.attention.head_count_kv", heads)
    renamed = {}
    for name in other.tensors:
        new = numbers.gguf_name(architecture, blocks, name)
        part = new.rpartition(".")[0].rpartition(".")[2]
        if not new or (part in known().permuted[architecture] and not heads):
            continue
        count = (grouped if part == "attn_k" else heads) if part in known().permuted[architecture] else 0
        renamed[name] = (new, Match(name, count))
    return renamed
