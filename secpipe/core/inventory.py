"""The neutral inventory of a release: components, how they relate, and how well each fact is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from secpipe.core.artifact import Digest, Skip
from secpipe.core.ledger import Account


class ComponentKind(StrEnum):
    """What a component is; the values are CycloneDX 1.6 component types where one exists."""

    APPLICATION = "application"
    LIBRARY = "library"
    MODEL = "machine-learning-model"
    DATASET = "data"
    PROMPT = "prompt"  # CycloneDX has no such type: emitted as `data` with a property
    CONTAINER = "container"
    FILE = "file"
    SERVICE = "service"  # emitted under services[]
    CRYPTO = "cryptographic-asset"


class Grade(StrEnum):
    """How well a fact is known."""

    VERIFIED = "verified"  # read from, or hashed over, the bytes themselves
    DECLARED = "declared"  # a card, manifest or lock file says so
    MISSING = "missing"
    NOT_DISCLOSED = "not-disclosed"


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with its grade and where it was read (`path` or `path:line`)."""

    value: str
    grade: Grade
    source: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One thing in a release.

    `ref` is unique in the inventory and stable: the purl where one is proven, otherwise `<kind>:<sha256>`.
    `purl` is set only where it is proven (a lock file or an installed distribution names it); never invented.
    `ecosystem` is OSV's name (`PyPI`, `npm`, `Go`, `crates.io`, `Maven`) or "". `facts` holds everything else by name:
    `architecture`, `parameters`, `quantization`, `license`, `base-model`, `supplier`, `chat-template-sha256`, ...
    """

    ref: str
    kind: ComponentKind
    name: str
    version: str = ""
    purl: str = ""
    ecosystem: str = ""
    path: str = ""  # the file it was read from, relative to the tree
    line: int = 0
    digests: tuple[Digest, ...] = ()
    licenses: tuple[str, ...] = ()  # SPDX expressions, or the words a card uses
    direct: bool = True  # named by the project itself, not pulled in by another component
    facts: Mapping[str, Fact] = field(default_factory=dict)


class RelationKind(StrEnum):
    """How one component relates to another (`source` -> `target`)."""

    DEPENDS_ON = "depends-on"
    DERIVED_FROM = "derived-from"  # fine-tune, adapter or quantised file -> base model
    TRAINED_ON = "trained-on"
    CONTAINS = "contains"
    USES = "uses"


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A directed edge between two `Component.ref`s."""

    source: str
    kind: RelationKind
    target: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything found in a tree, and what could not be read. Order of components and relations is canonical."""

    components: tuple[Component, ...] = ()
    relations: tuple[Relation, ...] = ()
    skipped: tuple[Skip, ...] = ()
    tree_sha256: str = ""  # dirHash of all files of the tree: SHA-256 over `<sha256>  <path>` lines sorted by path
    tree_files: int = 0
    account: Account | None = None  # how every file of the tree and every lock entry ended

    def of_kind(self, *kinds: ComponentKind) -> tuple[Component, ...]:
        """Return the components of the given kinds, in canonical order."""
        return tuple(component for component in self.components if component.kind in kinds)


#: A word for each kind in a content-hash ref.
_WORDS = {ComponentKind.MODEL: "model", ComponentKind.DATASET: "dataset", ComponentKind.CRYPTO: "crypto"}


def content_ref(kind: ComponentKind, *parts: str) -> str:
    """Return `<kind>:<sha256>` over what identifies a component that has no proven purl."""
    text = "\0".join(parts)
    return f"{_WORDS.get(kind, kind.value)}:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"


def declared(source: str, facts: Mapping[str, str]) -> dict[str, Fact]:
    """Return the facts that are not empty, each declared by `source`."""
    return {name: Fact(value, Grade.DECLARED, source) for name, value in facts.items() if value}


def verified(source: str, facts: Mapping[str, str]) -> dict[str, Fact]:
    """Return the facts that are not empty, each verified from the bytes of `source`."""
    return {name: Fact(value, Grade.VERIFIED, source) for name, value in facts.items() if value}
