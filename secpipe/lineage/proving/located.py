"""The parents that a record names, found in folders by name and held to their digests; then the proof."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from secpipe.core.artifact import Digest
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import MIB
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.lineage import beside
from secpipe.lineage.proving import adapters, weights
from secpipe.lineage.proving.known import known
from secpipe.lineage.proving.prove import Parent, Proof, prove
from secpipe.lineage.record import Derivation, Grade, Input, Parameter, Prompt, Role, Tool
from secpipe.system.tree import FolderTree

Opener = Callable[[str], FolderTree]
Fact = TypeVar("Fact", Input, Parameter, Prompt, Tool)
_PARENTS = 64  # of one step
_WEIGHTS = (Role.MODEL, Role.ADAPTER, "base")


@dataclass(frozen=True, slots=True)
class FoundParent:
    """A parent as it lies here: where, and its whole digest; `held` says that the record names that digest."""

    input: Input
    tree: FolderTree
    digest: Digest
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
    named = [one for one in record.inputs if one.role in _WEIGHTS]
    if len(named) > _PARENTS:
        raise UnsafeInput(f"the record names more than {_PARENTS} parents")
    found = tuple(_find(one, output, folders, opener) for one in named)
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


def graded(
    record: Derivation, proof: Proof, parents: Sequence[FoundParent] = (), vouched: Derivation | None = None
) -> Derivation:
    """Return the record with the grade of its weights as the bytes say it, and every other fact as a claim at most.

    Who can write the file can write a grade into it: whoever signs what is returned must not sign that. A fact stays
    witnessed only where `vouched`, the record of these bytes whose signatures hold, says the very same. A parent that
    was named without a digest is named with that of the one that was read.
    """
    read = {id(one.input): one.digest for one in parents if not one.held}
    if vouched is None or vouched.output.digests != record.output.digests:
        vouched = Derivation(record.output, record.operation)

    def at_most(one: Fact, known: Collection[Fact | None], proven: Grade = Grade.CLAIMED) -> Fact:
        stands = one.grade is Grade.CONTRADICTED or (one.grade is Grade.WITNESSED and one in known)
        return one if stands and proven is Grade.CLAIMED else replace(one, grade=proven)

    inputs = (
        at_most(one, vouched.inputs, proof.grade if one.role in _WEIGHTS else Grade.CLAIMED) for one in record.inputs
    )
    return replace(
        record,
        inputs=tuple(
            replace(one, digests=(read[id(old)], *one.digests)) if id(old) in read else one
            for old, one in zip(record.inputs, inputs, strict=True)
        ),
        parameters=tuple(at_most(one, vouched.parameters) for one in record.parameters),
        prompts=tuple(at_most(one, vouched.prompts) for one in record.prompts),
        tool=at_most(record.tool, (vouched.tool,)) if record.tool else None,
    )


def _find(one: Input, output: Path, folders: Sequence[Path], opener: Opener) -> FoundParent:
    name = Path(one.name).name
    others = False
    wanted = {each for each in one.digests if each.algorithm in ("sha256", "dirHash")}
    for folder in folders:
        place = folder / name
        if name in {"", ".."} or not place.exists() or (not wanted and place.samefile(output)):
            continue  # without a digest whatever bears the name counts, but never the output itself
        tree = opener(str(place))
        (digest,) = beside.digests_of(place, tree)
        short = [each.value for each in one.digests if each.algorithm == "sha256-prefix"]
        if digest in wanted or (not wanted and digest.value.startswith(tuple(short or [""]))):
            return FoundParent(one, tree, digest, held=bool(wanted))
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
