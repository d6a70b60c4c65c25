"""Whether the bytes of an output agree with its record: each tensor recomputed from the named parents, or bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from secpipe.core.text import plural, printable
from secpipe.lineage.proving import adapters, numbers
from secpipe.lineage.proving.adapters import Change, Pair
from secpipe.lineage.proving.expected import Expected, TensorProof, held, pieces
from secpipe.lineage.proving.known import known
from secpipe.lineage.proving.names import Match, matched
from secpipe.lineage.proving.source import ParentTensor, plain
from secpipe.lineage.proving.steps import converted, merged
from secpipe.lineage.proving.weights import Tensor, Weights
from secpipe.lineage.record import Grade

#: From worst to best: the whole is as good as its worst tensor.
_ORDER = (Grade.CONTRADICTED, Grade.CLAIMED, Grade.BOUNDED, Grade.RE_DERIVED)
_LISTED = 100  # tensors that are told one by one
_METHODS = {"linear", "task-arithmetic"}


@dataclass(frozen=True, slots=True)
class Parent:
    """One input of the step, open; `config` is an adapter's own."""

    weights: Weights
    role: str
    weight: float | None = None
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proof:
    """What the bytes say of the whole: the grade of the worst tensor, how many are of each, the worst by name."""

    output: str
    grade: Grade
    said: str
    counts: Mapping[str, int] = field(default_factory=dict)
    tensors: tuple[TensorProof, ...] = ()


def prove(out: Weights, operation: str, method: str, parents: Sequence[Parent]) -> Proof:
    """Return the proof of a step. Raises InputError where a file cannot be read or is at fault, MissingDependency."""
    if operation in known().claimed:
        return Proof(out.name, Grade.CLAIMED, f"no bytes can confirm {operation}: it stays as it is claimed")
    changing = [one for one in parents if one.role == "adapter"]
    models = [one for one in parents if one.role in ("model", "base")]
    if not models or len(models) + len(changing) < len(parents):
        return Proof(out.name, Grade.CLAIMED, "what it was made from is not all weights, or not named")
    if changing and len(models) == 1:
        found = _adapted(out, models[0].weights, changing)
    elif changing:
        return Proof(out.name, Grade.CLAIMED, "adapters on several models at once are not recomputed")
    elif len(models) == 1:
        found = _converted(out, models[0].weights)
    else:
        found = _merged(out, models, method)
    return _whole(out, operation, models, found)


def _whole(out: Weights, operation: str, models: Sequence[Parent], found: str | Iterator[TensorProof]) -> Proof:
    if isinstance(found, str):
        return Proof(out.name, Grade.CLAIMED, found)
    proofs = list(found)
    if operation != "extract":
        proofs += _left_out(out, models)
    if not proofs:
        return Proof(out.name, Grade.CLAIMED, "it holds no tensor")
    if out.others:
        told = f"nobody compares {printable(out.others[0], 200)}, which holds weights too"
        proofs.append(TensorProof(out.others[0], Grade.CLAIMED, told))
    proofs.sort(key=lambda one: _ORDER.index(one.grade))
    counts = Counter(str(one.grade) for one in proofs)
    worst = proofs[0]
    if worst.grade is Grade.CONTRADICTED:
        said = f"contradicted at tensor {printable(worst.name, 200)}: {worst.said}"
    else:
        said = ", ".join(f"{plural(counts[grade], 'tensor')} {grade}" for grade in reversed(_ORDER) if counts[grade])
    return Proof(out.name, worst.grade, said, dict(counts), tuple(proofs[:_LISTED]))


def _left_out(out: Weights, models: Sequence[Parent]) -> Iterator[TensorProof]:
    """Yield the learned tensors of a parent that the output does not have, and that are no other name of one it has."""
    for model in models:
        parent = model.weights
        used = {match.name for match in matched(out, parent).values()}
        for name, tensor in parent.tensors.items() if used else ():  # else nobody knows what it calls them
            if name in used or known().is_buffer(name) or _same_as_twin(parent, tensor, used):
                continue
            said = f"{printable(parent.name, 200)} has it, the output does not"
            yield TensorProof(name, Grade.CONTRADICTED, said)


def _same_as_twin(parent: Weights, tensor: Tensor, used: set[str]) -> bool:
    endings = known().twins(tensor.name)
    twin = next((name for name in used if endings and name.endswith(endings)), "")
    if not twin or parent.tensors[twin].shape != tensor.shape:
        return False
    proof = _held(parent, tensor, converted(tensor.kind, plain(parent, parent.tensors[twin])))
    return proof.grade is Grade.RE_DERIVED


def _converted(out: Weights, parent: Weights) -> Iterator[TensorProof]:
    matches = matched(out, parent)
    for tensor in out.tensors.values():
        source = _source(tensor, parent, matches)
        yield source if isinstance(source, TensorProof) else _held(out, tensor, converted(tensor.kind, source))


def _source(tensor: Tensor, parent: Weights, matches: Mapping[str, Match]) -> ParentTensor | TensorProof:
    """Return what a tensor was made from, or what it means that there is none."""
    match = matches.get(tensor.name)
    if match is None:
        match = _twin(tensor.name, parent, matches)
    if match is None:
        if not matches:
            return TensorProof(
                tensor.name, Grade.CLAIMED, f"nobody here knows what {printable(parent.name, 200)} calls it"
            )
        return TensorProof(tensor.name, Grade.CONTRADICTED, f"{printable(parent.name, 200)} has no such tensor")
    source = match.source(parent)
    if source is None or _sizes(source.shape) != _sizes(tensor.shape):
        return TensorProof(tensor.name, Grade.CONTRADICTED, "it has another shape than its parent")
    return source


def _twin(name: str, parent: Weights, matches: Mapping[str, Match]) -> Match | None:
    """Return the match of the tensor that this one is tied to."""
    twins = known().twins(name)
    return next((match for other, match in matches.items() if twins and other.endswith(twins)), None)


def _sizes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """GGUF drops dimensions of one."""
    return tuple(size for size in shape if size != 1)


def _held(out: Weights, tensor: Tensor, expected: Expected | str) -> TensorProof:
    if isinstance(expected, str):
        return TensorProof(tensor.name, Grade.CLAIMED, expected)
    return held(out, tensor, expected)


def _merged(out: Weights, models: Sequence[Parent], method: str) -> str | Iterator[TensorProof]:
    names = [set(one.weights.tensors) for one in models]
    if sum(map(len, names)) == len(set().union(*names)):
        return _joined(out, models)
    if method and method not in _METHODS:
        return f"nobody here recomputes a merge by {printable(method, 60)}"
    bases = [one for one in models if one.role == "base"]
    others = [one for one in models if one.role != "base"]
    shares = [one.weight for one in others if one.weight is not None]
    if len(bases) > 1 or len(shares) != len(others) or (method == "task-arithmetic") != bool(bases):
        return "the shares of the merge are not recorded, so nothing can be recomputed"
    return _sums(out, others, shares, bases[0].weights if bases else None)


def _joined(out: Weights, models: Sequence[Parent]) -> Iterator[TensorProof]:
    """Parts of one model put together: each tensor comes from the one part that has it."""
    for tensor in out.tensors.values():
        part = next((one.weights for one in models if tensor.name in one.weights.tensors), models[0].weights)
        source = _source(tensor, part, {name: Match(name) for name in part.tensors})
        yield source if isinstance(source, TensorProof) else _held(out, tensor, converted(tensor.kind, source))


def _sums(
    out: Weights, models: Sequence[Parent], shares: Sequence[float], base: Weights | None
) -> Iterator[TensorProof]:
    weights = [one.weights for one in models] + ([base] if base else [])
    matches = [matched(out, one) for one in weights]
    for tensor in out.tensors.values():
        sources = [_source(tensor, one, found) for one, found in zip(weights, matches, strict=True)]
        known_sources = [one for one in sources if isinstance(one, ParentTensor)]
        if len(known_sources) < len(sources):
            yield next(one for one in sources if isinstance(one, TensorProof))
            continue
        last = known_sources.pop() if base else None
        yield _held(out, tensor, merged(tensor.kind, known_sources, shares, last))


def _adapted(out: Weights, parent: Weights, parents: Sequence[Parent]) -> str | Iterator[TensorProof]:
    made: list[tuple[Mapping[str, Pair], float | None]] = []
    for one in parents:
        pairs = adapters.pairs(one.weights, one.config, parent.tensors.keys())
        if isinstance(pairs, str):
            return pairs
        made.append((pairs, one.weight))
    return _changed(out, parent, made)


def _changed(
    out: Weights, parent: Weights, made: Sequence[tuple[Mapping[str, Pair], float | None]]
) -> Iterator[TensorProof]:
    matches = matched(out, parent)
    strength = _strength(out, parent, matches, made) if any(weight is None for _, weight in made) else 1.0
    for tensor in out.tensors.values():
        source = _source(tensor, parent, matches)
        if isinstance(source, TensorProof):
            yield source
            continue
        name = matches[tensor.name].name if tensor.name in matches else tensor.name
        changes = tuple(
            Change(*pairs[name].factors(source), pairs[name].scale * (strength if weight is None else weight))
            for pairs, weight in made
            if name in pairs
        )
        expected = adapters.adapted(tensor.kind, source, changes) if changes else converted(tensor.kind, source)
        proof = _held(out, tensor, expected)
        fitted = f", at a strength of {strength:.6g} that fits best" if changes and strength != 1.0 else ""
        yield replace(proof, said=proof.said + fitted)


def _strength(
    out: Weights,
    parent: Weights,
    matches: Mapping[str, Match],
    made: Sequence[tuple[Mapping[str, Pair], float | None]],
) -> float:
    """Return the strength at which an adapter was added that names none: 1, or what fits the bytes best.

    It is taken from the tensor whose parent differs first; all others must then agree with it. Only one adapter without
    a strength can be told so.
    """
    unknown = [pairs for pairs, weight in made if weight is None]
    for tensor in out.tensors.values():
        match = matches.get(tensor.name)
        if len(unknown) != 1 or len(made) != 1 or match is None or match.name not in unknown[0]:
            continue
        source = match.source(parent)
        if source is None or not (numbers.is_real(tensor.kind) and numbers.is_real(source.kind)):
            continue
        pair = unknown[0][match.name]
        change = Change(*pair.factors(source), pair.scale)
        expected = adapters.adapted(tensor.kind, source, (change,))
        if isinstance(expected, str) or held(out, tensor, expected).grade is not Grade.CONTRADICTED:
            return 1.0
        return _fitted(out, tensor, source, change, expected)
    return 1.0


def _fitted(out: Weights, tensor: Tensor, source: ParentTensor, change: Change, expected: Expected) -> float:
    columns = max(tensor.elements // max(len(change.up), 1), 1)
    along = size = 0.0
    for first, count in pieces(tensor, expected):
        rows = change.rows(first // columns, (first + count) // columns)
        found = numbers.wide(numbers.real(out.read(tensor, first, count), tensor.kind))
        along += numbers.dot(found - numbers.wide(source.real(first, count)), rows)
        size += numbers.dot(rows, rows)
    return along / size if size > 0 else 1.0
