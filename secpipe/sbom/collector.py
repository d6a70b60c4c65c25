"""Gathers what the sources find: one component a ref, facts merged, relations and skips in canonical order."""

from __future__ import annotations

import codecs
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property

from secpipe.core.artifact import Digest, FileEntry, Skip
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, Inventory, Relation, RelationKind
from secpipe.core.ledger import NOBODY, Account, Ledger, Tally, Thing, thing_of
from secpipe.core.limits import Limits
from secpipe.core.paths import folder_of, is_installed
from secpipe.core.protocols import Tree
from secpipe.formats import unpack
from secpipe.formats.locks.table import REQUIREMENTS, Row, guarded, read, row_of
from secpipe.formats.stream import upto
from secpipe.sbom.asked import Asked
from secpipe.system import redaction
from secpipe.system.aliases import aliased

#: Rows of files that can list no package and are none.
_UNNAMED = "no manifest, lock file or component by its name"
_INSTALLED = "part of an installed package, which its METADATA describes"

_MOST = 100  # digests, places and groups of one component that are kept
_GRADES = {Grade.VERIFIED: 0, Grade.DECLARED: 1, Grade.NOT_DISCLOSED: 2, Grade.MISSING: 3}


class Collector:
    """What one `collect` has found so far."""

    def __init__(self, tree: Tree, limits: Limits, plain: Set[str] = frozenset()) -> None:
        self.whole = tree
        self.tree = Asked(aliased(tree, instead=True))
        self.files = tuple(entry for entry in self.tree.files if entry.path not in plain)  # those to be looked at
        self.limits = limits
        self._components: dict[str, Component] = {}
        self._relations: set[Relation] = set()
        self._skips: dict[tuple[str, str], Skip] = {}
        self._folders: dict[str, list[str]] | None = None
        self._readers: dict[str, str] = {}
        self._claims: set[tuple[str, str]] = set()
        self._entries = Tally(Thing.ENTRY)
        self._at: dict[str, list[str]] = {}
        self._pins: dict[str, frozenset[str]] = {}
        self._packed: dict[str, bytes] = {}  # a lock file or manifest in an archive -> its content

    def add(self, component: Component) -> str:
        """Add a component, or merge it into the one with its ref; return the ref."""
        old = self._components.get(component.ref)
        self._components[component.ref] = component if old is None else _merge(old, component)
        if old is None:
            self._at.setdefault(component.path, []).append(component.ref)
        return component.ref

    def get(self, ref: str) -> Component | None:
        """Return the component with this ref, or None."""
        return self._components.get(ref)

    def at(self, path: str) -> list[Component]:
        """Return the components that were first found at a path."""
        return [self._components[ref] for ref in self._at.get(path, ()) if ref in self._components]

    def of_kind(self, *kinds: ComponentKind) -> list[Component]:
        """Return the components of these kinds, in the order they were found."""
        return [component for component in self._components.values() if component.kind in kinds]

    def replace(self, component: Component) -> None:
        """Put a component in the place of the one with its ref."""
        self._components[component.ref] = component

    def relate(self, source: str, kind: RelationKind, *targets: str) -> None:
        """Add edges; one from a component to itself is dropped here and reported by `lineage`."""
        self._relations.update(Relation(source, kind, target) for target in targets if target and target != source)

    def skip(self, path: str, reason: str, *, soft: bool = False) -> None:
        """Record what was not looked at; `soft` as in `Skip`."""
        self._skips.setdefault((path, reason), Skip(path, reason, soft))

    def once(self, path: str, reader: str) -> bool:
        """Tell whether `path` is met for the first time; it is `reader` that reads it."""
        fresh = path not in self._readers
        self._readers.setdefault(path, reader)
        return fresh

    def claim(self, source: str, path: str) -> None:
        """Make a source answerable for a file: it opens it, adds a component for it, or says why not."""
        self._claims.add((source, path))

    def beside(self, folder: str) -> tuple[str, ...]:
        """Return the paths of the files directly in a folder."""
        if self._folders is None:
            self._folders = {}
            for entry in self.tree.files:
                self._folders.setdefault(folder_of(entry.path), []).append(entry.path)
        return tuple(self._folders.get(folder, ()))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all files, in lower case."""
        return frozenset(entry.name.lower() for entry in self.tree.files)

    def pins(self, folder: str) -> frozenset[str]:
        """Return the ecosystems of which a manifest or lock file that is read stands in a folder or above it."""
        if folder not in self._pins:
            rows = (row_of(path) for path in self.beside(folder))
            here = frozenset(row.ecosystem for row in rows if row is not None and row.reader)
            self._pins[folder] = here | (self.pins(folder_of(folder)) if folder else frozenset())
        return self._pins[folder]

    def read(self, entry: FileEntry) -> bytes:
        """Return the whole content of a text file of the tree, without the mark of UTF-8; raises InputError."""
        if entry.head.startswith(b"version https://git-lfs.github.com/spec/v1"):
            raise InputError("is a Git LFS pointer; its content is not here")
        return self.tree.read(entry, self.limits.text_bytes).removeprefix(codecs.BOM_UTF8)

    def take(self, row: Row, path: str) -> list[str]:
        """Add what a lock file or manifest of the tree names; return the files that it includes."""
        lock = read(row, path, self._near(path) or b"", self._near, self.limits)
        for component in lock.components:
            self.add(component)
        for ref in lock.named:
            self._components[ref] = dataclasses.replace(self._components[ref], direct=True)
        self._relations |= lock.relations
        for reason in lock.skips:
            self.skip(path, reason)
        lost = len(lock.skips) + bool(lock.problem)
        self._entries += Tally(Thing.ENTRY, {row.reader: len(lock.components)}, not_read=lost)
        if lock.problem:
            self.skip(path, f"not analysed: {lock.problem}")
        return lock.includes

    def read_list(self, place: str, row: Row) -> None:
        """Read a lock file or manifest, and the lists of requirements that it includes, each once."""
        pending = [(place, row)]
        while pending:
            path, how = pending.pop()
            if not self.once(path, how.reader):
                continue
            inside: list[str] = []
            if problem := guarded(lambda: inside.extend(self.take(how, path)), how.reader):  # noqa: B023
                self.skip(path, f"not analysed: {problem}")
            pending += [(one, REQUIREMENTS) for one in inside]

    def unpack(self, entry: FileEntry) -> list[str]:
        """Keep the lock files and manifests that stand in an archive, and return their paths, the archive's before."""
        paths: dict[str, None] = {}
        try:
            with self.tree.open(entry) as file:
                kind = unpack.kind_of(file, entry.size)
                for one in unpack.files(file, kind, entry.path, self.limits) if kind else ():
                    path = f"{entry.path}/{one.name}"
                    if not one.problem and row_of(path) is not None and not is_installed(path):
                        data = upto(one.stream, self.limits.text_bytes + 1)
                        paths[path] = None
                        self._packed[path] = data[: self.limits.text_bytes]
                        if len(data) > self.limits.text_bytes:
                            self.skip(entry.path, f"{path} is larger than {self.limits.text_bytes:,} bytes")
        except InputError as error:
            self.skip(entry.path, error.message)
        return list(paths)

    def _near(self, path: str) -> bytes | None:
        if path in self._packed:
            return self._packed[path]
        entry = self.tree.find(path)
        return None if entry is None else self.read(entry)

    def fold(self, pairs: Mapping[str, Sequence[str]]) -> None:
        """Let the components pinned by a lock file take the place of the manifest's unpinned one."""
        for unpinned, pinned in pairs.items():
            self._pin(self._components.pop(unpinned), pinned)
        ends = pairs.keys()
        for edge in [edge for edge in self._relations if edge.source in ends or edge.target in ends]:
            self._relations.discard(edge)
            for source in pairs.get(edge.source, (edge.source,)):
                self.relate(source, edge.kind, *pairs.get(edge.target, (edge.target,)))

    def _pin(self, old: Component, targets: Sequence[str]) -> None:
        for target in targets:
            new = self._components[target]
            facts = dict(new.facts)
            if old.path not in new.path:
                facts["occurrences"] = _occurrences(new, old)
            if old.path != new.path:
                _needed(facts, old, new)
            self._components[target] = dataclasses.replace(new, direct=new.direct or old.direct, facts=facts)

    def targets(self, source: str, kind: RelationKind) -> list[str]:
        """Return where edges of this kind lead from `source`, sorted."""
        return sorted(edge.target for edge in self._relations if edge.source == source and edge.kind is kind)

    def incoming(self, kind: RelationKind) -> set[str]:
        """Return every ref that an edge of this kind leads to."""
        return {edge.target for edge in self._relations if edge.kind is kind}

    def result(self) -> Inventory:
        """Return the inventory; edges to components that do not exist are dropped."""
        told = {component.path for component in self._components.values()} | {path for path, _ in self._skips}
        for source, path in sorted(self._claims - self.tree.opened):
            if path not in told:
                self.skip(path, f"{NOBODY} for {source}")
        self._without_secrets()
        known = self._components
        whole = hashlib.sha256()
        for entry in self.whole.files:
            whole.update(f"{entry.sha256}  {entry.path}\n".encode("utf-8", "surrogateescape"))
        return Inventory(
            tuple(sorted(known.values(), key=lambda component: (component.kind.value, component.ref))),
            tuple(sorted(edge for edge in self._relations if edge.source in known and edge.target in known)),
            tuple(sorted(self._skips.values(), key=lambda skip: (skip.path, skip.reason))),
            whole.hexdigest(),
            len(self.whole.files),
            self._account(),
        )

    def _without_secrets(self) -> None:
        """Take secrets out of all that was found: from here it goes into digests and stores, not only into reports."""
        texts = {text for item in self._components.values() for text in _texts(item)}
        texts |= {text for edge in self._relations for text in (edge.source, edge.target)}
        texts |= {skip.reason for skip in self._skips.values()}
        clean = redaction.cleaner(texts)
        self._components = {clean(ref): _clean(item, clean) for ref, item in self._components.items()}
        self._relations = {Relation(clean(edge.source), edge.kind, clean(edge.target)) for edge in self._relations}
        self._skips = {key: dataclasses.replace(skip, reason=clean(skip.reason)) for key, skip in self._skips.items()}

    def _account(self) -> Account:
        """Return how each file of the tree ended; one that links lead to is read by the names they lend it."""
        ledger = Ledger()
        real = {entry.path: entry.via or entry.path for entry in self.tree.files}
        installed = {entry.via or entry.path for entry in self.files if is_installed(entry.path)}
        ledger.none_can_hold(Thing.FILE, installed, _INSTALLED)
        ledger.none_can_hold(Thing.FILE, real.values(), _UNNAMED)
        ledger.open(Thing.FILE, *(entry.path for entry in self.whole.files))
        for path, reader in self._readers.items():
            if path in real:
                ledger.judged(Thing.FILE, real[path], reader)
        for component in self._components.values():
            if component.path in real:
                ledger.judged(Thing.FILE, real[component.path], component.kind.value)
        for skip in self._skips.values():
            path = real.get(skip.path, skip.path)
            thing = Thing.FILE if skip.path in real else thing_of(skip)
            ledger.open(thing, path)
            ledger.not_read(thing, path, skip.reason, soft=skip.soft)
        entries = (self._entries,) if self._entries.total else ()
        return ledger.close()[0] + Account(entries)


def _texts(item: Component) -> Iterator[str]:
    yield from (item.ref, item.name, item.version, item.purl)
    for fact in item.facts.values():
        yield fact.value


def _clean(item: Component, clean: Callable[[str], str]) -> Component:
    if all(clean(text) == text for text in _texts(item)):
        return item
    facts = {name: dataclasses.replace(fact, value=clean(fact.value)) for name, fact in item.facts.items()}
    return dataclasses.replace(
        item,
        ref=clean(item.ref),
        name=clean(item.name),
        version=clean(item.version),
        purl=clean(item.purl),
        facts=facts,
    )


def _merge(old: Component, new: Component) -> Component:
    facts: dict[str, Fact] = dict(old.facts)
    for name, fact in new.facts.items():
        if name not in facts or _GRADES[fact.grade] < _GRADES[facts[name].grade]:
            facts[name] = fact
    if (old.path, old.line) != (new.path, new.line) and new.path:
        facts["occurrences"] = _occurrences(old, new)
        if old.kind is ComponentKind.LIBRARY:
            _needed(facts, old, new)
    return dataclasses.replace(
        old,
        version=old.version or new.version,
        digests=_digests((*old.digests, *new.digests)),
        licenses=old.licenses or new.licenses,
        direct=old.direct or new.direct,
        facts=facts,
    )


def _needed(facts: dict[str, Fact], *places: Component) -> None:
    """Keep of scope and group what holds at every place: a package that one place needs is needed."""
    for name in ("scope", "group"):
        if not all(name in one.facts for one in places):
            facts.pop(name, None)
    if "group" in facts:
        words = {word for one in places for word in one.facts["group"].value.split()}
        if len(words) > _MOST:  # nobody asks for one package in so many groups: it counts as needed
            facts.pop("scope", None)
        words = set(sorted(words)[: _MOST + 1])
        facts["group"] = dataclasses.replace(facts["group"], value=" ".join(sorted(words)))


def _occurrences(old: Component, new: Component) -> Fact:
    places = set(old.facts["occurrences"].value.split("\n")) if "occurrences" in old.facts else {place(old)}
    places |= set(new.facts["occurrences"].value.split("\n")) if "occurrences" in new.facts else {place(new)}
    return Fact("\n".join(sorted(places)[:_MOST]), Grade.VERIFIED)


def place(component: Component) -> str:
    """Return `path:line`, or the path where the line is unknown."""
    return f"{component.path}:{component.line}" if component.line else component.path


def _digests(digests: Iterable[Digest]) -> tuple[Digest, ...]:
    return tuple(sorted(set(digests))[:_MOST])
