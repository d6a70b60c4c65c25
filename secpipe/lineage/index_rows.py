"""What goes into the index and what comes out: things by their digests and names, and the steps between them; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from secpipe.core.artifact import Digest
from secpipe.lineage.record import Derivation, Grade, Input

#: The kind of whatever a step made, and of what is looked for without one.
ASSET, ANY = "asset", ""
#: The kind of a name by which things are joined that have no digest to compare; no role has a space.
NAME = "the name"
LICENSE = "license"
#: Digests that name the whole of a thing come first.
_ORDER = ("sha256", "dirHash")
_NO_FILES = frozenset({LICENSE, "tool", "prompt"})
_PARTS = 8  # of a version
#: Extensions of weights, which names of models and adapters may lack.
_WEIGHTS = frozenset({"safetensors", "ckpt", "pt", "pth", "bin", "gguf"})


@dataclass(frozen=True, slots=True)
class NamedThing:
    """A thing as somebody names it: `kind` is its role (`model`, `adapter`, `prompt`, `license`, ...)."""

    kind: str
    name: str
    digests: tuple[Digest, ...] = ()
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """What a step used: as what, how well that is known, and how strongly."""

    of: NamedThing
    role: str
    grade: str = Grade.CLAIMED
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing, and all it was made from."""

    output: NamedThing
    inputs: tuple[Used, ...]


@dataclass(frozen=True, slots=True)
class RecordFile:
    """What one file says: its place, the stamp by which a change is seen, its steps, or why it says nothing."""

    place: str
    stamp: str
    steps: tuple[Step, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing in the index; `digest` is its first one as `sha256:HEX`, or "" where only a name is known."""

    id: int
    kind: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` was made from `parent`, as the file at `place` says ("": digests say that both are one)."""

    child: int
    parent: int
    role: str
    grade: str
    weight: float | None
    place: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """An answer: where it starts, what it meets, and by which edges. `cut`: there is more than was asked for."""

    roots: tuple[Thing, ...]
    things: Mapping[int, Thing]
    edges: tuple[Edge, ...]
    cut: bool


def step_of(record: Derivation) -> Step:
    """Return what a derivation record says about its output."""
    inputs = [Used(known_of(one), one.role, one.grade, one.weight) for one in record.inputs]
    for prompt in record.prompts:
        named = NamedThing("prompt", "", (Digest("commitment", prompt.commitment),))
        inputs.append(Used(named, prompt.role, prompt.grade))
    if record.tool:
        inputs.append(Used(NamedThing("tool", str(record.tool)), "tool", record.tool.grade))
    return Step(NamedThing(ASSET, record.output.name, record.output.digests), tuple(inputs))


def known_of(one: Input) -> NamedThing:
    """Return an input as a thing."""
    return NamedThing(one.role, one.name, one.digests, one.uri)


def digest_words(known: NamedThing) -> list[str]:
    """Return the digests of a thing as words, those of its whole first."""
    order = {name: at for at, name in enumerate(_ORDER)}
    rows = sorted(known.digests, key=lambda one: (order.get(one.algorithm, len(order)), one.algorithm))
    return list(map(str, rows))


def words(known: NamedThing) -> list[str]:
    """Return the words other than digests under which a thing is found: its name, the last part of it, its URI."""
    releases = _releases(known.name) if known.kind == "tool" else ()
    every = (known.name, known.name.rpartition("/")[2], known.uri, *releases)
    names = [name for name in dict.fromkeys(every) if name]
    kinds = [ANY] if known.kind == ASSET else dict.fromkeys((ANY, known.kind))
    return [name_word(kind, name) for name in names for kind in kinds]


def _releases(tool: str) -> Iterator[str]:
    """Yield what means `NAME@1.2.3` as well: the name, and each release that it belongs to (`NAME@1`, `NAME@1.2`)."""
    name, at, version = tool.rpartition("@")
    parts = version.split(".", _PARTS) if at else []
    yield name
    yield from (f"{name}@{'.'.join(parts[:count])}" for count in range(1, len(parts)))


def name_word(kind: str, name: str) -> str:
    """Return the word of a name, as anything or as one kind of thing; see `folded`."""
    return f"as:{kind}:{folded(name)}" if kind else f"name:{folded(name)}"


def bare_words(known: NamedThing) -> list[str]:
    """Return the names that join a thing without a comparable digest to whatever bears them; [] for no file."""
    if known.kind in _NO_FILES:
        return []
    names = {folded(name) for name in (known.name, known.name.rpartition("/")[2]) if name}
    return [f"bare:{name}" for name in sorted(names)]


def is_bare(known: NamedThing) -> bool:
    """Is there nothing but a name to compare by?"""
    comparable = any(one.algorithm in (*_ORDER, "sha256-prefix", "commitment") for one in known.digests)
    return known.kind != ASSET and not comparable


def folded(text: str) -> str:
    """Return a name as it is compared: of any case and Unicode form, and weights with or without their extension.

    Generators write a LoRA without one, and file systems write one letter in two forms; a recall must miss neither.
    """
    told = text.encode("utf-8", "replace").decode()  # a name that is no Unicode is none that a record holds
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", told).casefold())
    while True:
        stem, dot, extension = plain.rpartition(".")
        if not (dot and stem and extension in _WEIGHTS):
            return plain
        plain = stem
