"""The parents that a record names, found in folders by name and held to their digests; then the proof."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import MIB
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.lineage import beside
from secpipe.lineage.proving import adapters, weights
from secpipe.lineage.proving.known import known
from secpipe.lineage.proving.prove import Parent, Proof, prove
from secpipe.lineage.record import Derivation, Grade, Input, Role
from secpipe.system.tree import FolderTree

Opener = Callable[[str], FolderTree]
_WEIGHTS = (Role.MODEL, Role.ADAPTER, "base")


@dataclass(frozen=True, slots=True)
class FoundParent:
    """A parent as it lies here: where, and its whole digest; `held` says that the record names that digest."""

    input: Input
    place: Path
    tree: FolderTree
    held: bool


def proven(
    output: Path, record: Derivation, folders: Sequence[Path], opener: Opener
) -> tuple[Proof, tuple[FoundParent, ...]]:
    """Return what the bytes of an output say of its record, and the parents that were read.

    Parents are looked for by name in `folders`. Raises InputError where one is not there or is another than the record
    names, where a file is at fault, and where one changed meanwhile; MissingDependency.
    """
    tree = opener(str(output))
    if beside.digests_of(output, tree) != record.output.digests:
        said = "the output is not the one that the record is about"
        return Proof(record.output.name, Grade.CONTRADICTED, said), ()
    if record.operation in known().claimed:  # nothing needs to be here for that
        return prove(weights.Weights(record.output.name, {}, {}), record.operation, "", ()), ()
    found = tuple(_find(one, folders, opener) for one in record.inputs if one.role in _WEIGHTS)
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(weights.opened(tree, record.output.name))
        parents = [
            Parent(
                stack.enter_context(weights.opened(one.tree, one.input.name)), one.input.role, one.input.weight,
                _config(one.tree) if one.input.role == Role.ADAPTER else {},
            )
            for one in found
        ]  # fmt: skip
        method = next((str(one.value) for one in record.parameters if one.name == "method"), "")
        return prove(out, record.operation, method, parents), found


def graded(record: Derivation, proof: Proof) -> Derivation:
    """Return the record with the grade of its weights as the bytes say it, and every other fact as a claim at most.

    Who can write the file can write a grade into it: whoever signs what is returned must not sign that.
    """
    tool = replace(record.tool, grade=_at_most_claimed(record.tool.grade)) if record.tool else None
    return replace(
        record,
        inputs=tuple(
            replace(one, grade=proof.grade if one.role in _WEIGHTS else _at_most_claimed(one.grade))
            for one in record.inputs
        ),
        parameters=tuple(replace(one, grade=_at_most_claimed(one.grade)) for one in record.parameters),
        prompts=tuple(replace(one, grade=_at_most_claimed(one.grade)) for one in record.prompts),
        tool=tool,
    )


def _at_most_claimed(grade: Grade) -> Grade:
    return grade if grade is Grade.CONTRADICTED else Grade.CLAIMED


def _find(one: Input, folders: Sequence[Path], opener: Opener) -> FoundParent:
    name = Path(one.name).name
    others = False
    for folder in folders:
        place = folder / name
        if not name or not place.exists():
            continue
        tree = opener(str(place))
        wanted = [each for each in one.digests if each.algorithm in ("sha256", "dirHash")]
        if not wanted or set(wanted) & set(beside.digests_of(place, tree)):
            return FoundParent(one, place, tree, held=bool(wanted))
        others = True
    shown = printable(one.name or one.uri, 200)
    if others:
        raise InputError(f"{shown} here is not the one that the record names", hint="--parents FOLDER")
    raise InputError(f"{shown} is not here, so nothing can be recomputed from it", hint="--parents FOLDER")


def _config(tree: Tree) -> Mapping[str, Any]:
    """Return what an adapter says of itself; a file that is there and is none is an error."""
    entry = tree.find(adapters.CONFIG)
    if entry is None:
        return {}
    config = parse_json(tree.read(entry, MIB), adapters.CONFIG)
    if not isinstance(config, dict):
        raise InputError(f"{adapters.CONFIG} is no object")
    return config
