"""From a walked tree to an inventory: libraries, models, adapters, datasets, prompts, and what could not be read."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Set

from secpipe.core.artifact import FileEntry
from secpipe.core.inventory import Component, ComponentKind, Inventory, RelationKind
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.paths import folder_of, is_installed
from secpipe.core.protocols import Tree
from secpipe.formats import unpack
from secpipe.formats.locks import table
from secpipe.formats.locks.lock import MANY
from secpipe.formats.packages import ecosystems
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import YAML_READER, is_yaml, reader_of


def collect(tree: Tree, *, limits: Limits = DEFAULT, plain: Set[str] = frozenset()) -> Inventory:
    """Return everything found in `tree`, described from its bytes, never by running it.

    Digests come from the tree's own digest pass. A file that its source cannot read is in `skipped` with the reason;
    what the tree itself could not read is there too. Facts are graded: *verified* from the bytes, *declared* by a card,
    manifest or lock file. Raises only what the tree raises. `plain` are paths of files for which `sbom.plain.is_plain`
    holds.
    """
    found = Collector(tree, limits, plain)
    for skip in tree.skipped:
        found.skip(skip.path, skip.reason)
    for entry in found.files:
        if is_installed(entry.path):
            continue
        row = table.row_of(entry.path)
        if row is not None and row.listed:
            _locked(found, entry.path, row)
        elif target := reader_of(entry.path):
            attempt(found, entry, target)
        elif unpack.may_be(entry.head):
            _guarded(found, entry.path, "archive", lambda entry=entry: _packed(found, entry))  # type: ignore[misc]
    for path in filter(is_yaml, plain):
        found.once(path, YAML_READER)
    for whole in _WHOLE_TREE:
        _claim(found, whole)
        _source(found, "", whole)
    _fold_unpinned(found)
    return found.result()


#: Sources that look at the whole tree at once, in this order.
_WHOLE_TREE = (
    "secpipe.sbom.sources.scripts:read_all",
    "secpipe.sbom.sources.pages:read_all",
    "secpipe.sbom.sources.installed:read_all",
    "secpipe.sbom.sources.nodemodules:read_all",
    "secpipe.sbom.sources.models:read_all",
    "secpipe.sbom.sources.mlflow:read_all",
    "secpipe.sbom.sources.ollama:read_all",
    "secpipe.sbom.sources.images:read_all",
    "secpipe.sbom.sources.rootfs:read_all",
    "secpipe.sbom.sources.datasets:read_all",
    "secpipe.sbom.sources.vectors:read_all",
    "secpipe.sbom.sources.packaged:read_all",
    "secpipe.sbom.sources.prompts:read_all",
    "secpipe.sbom.sources.indexes:read_all",
    "secpipe.sbom.lineage:link",
)


def _locked(found: Collector, place: str, row: table.Row) -> None:
    """Read one lock file or manifest and what it includes; a lock file that nobody reads yet is said by name."""
    if not row.reader:
        if row.locked:
            found.skip(place, f"not analysed: no reader for a lock file of {row.ecosystem} of this name yet")
        elif row.ecosystem not in found.pins(folder_of(place)):
            reason = f"no lock file of {row.ecosystem} pins what it asks for, and nothing reads it by itself"
            found.skip(place, reason, soft=True)
        return
    found.read_list(place, row)


def _packed(found: Collector, entry: FileEntry) -> None:
    """Read the lock files and manifests in an archive as if they lay in its place."""
    for path in found.unpack(entry):
        row = table.row_of(path)
        if row is not None and row.listed:
            _locked(found, path, row)


def attempt(found: Collector, entry: FileEntry, target: str) -> None:
    """Let one source read one file; what it cannot read becomes a skip."""
    if found.once(entry.path, _word(target)):
        found.claim(_word(target), entry.path)
        _source(found, entry.path, target, entry)


def _claim(found: Collector, target: str) -> None:
    """Make a source of the whole tree answerable for each file that it takes."""
    takes: Callable[[FileEntry], bool] | None = getattr(
        importlib.import_module(target.partition(":")[0]), "takes", None
    )
    for entry in found.files if takes else ():
        if takes and takes(entry):
            found.claim(_word(target), entry.path)


def _source(found: Collector, path: str, target: str, *arguments: FileEntry) -> None:
    found.tree.source = what = _word(target)
    _guarded(found, path, what, lambda: _call(target)(found, *arguments))
    found.tree.source = ""


def _word(target: str) -> str:
    return target.partition(":")[0].rpartition(".")[2]


def _guarded(found: Collector, path: str, what: str, action: Callable[[], None]) -> None:
    if problem := table.guarded(action, what):
        found.skip(path, f"not analysed: {problem}")


def _call(target: str) -> Callable[..., None]:
    module, _, name = target.partition(":")
    function: Callable[..., None] = getattr(importlib.import_module(module), name)
    return function


def _fold_unpinned(found: Collector) -> None:
    """A manifest names a package, a lock file beside or above it its version: one component, not two.

    A package of a private index, a folder or a repository is folded as well, but what a manifest takes from elsewhere
    only into what the lock file takes from elsewhere: a lock that says otherwise is not about the same package.
    """
    pinned: dict[tuple[str, str], list[Component]] = {}
    loose: list[tuple[Component, tuple[str, str]]] = []
    for component in found.of_kind(ComponentKind.LIBRARY):
        row = table.row_of(component.path)
        family = component.ecosystem or (row.ecosystem if row else "")
        key = (family, ecosystems.normal_name(family, component.name))
        if component.version or (row is not None and row.locked):
            pinned.setdefault(key, []).append(component)
        elif family:
            loose.append((component, key))
    pairs: dict[str, list[str]] = {}
    above: dict[tuple[tuple[str, str], str, bool], list[Component]] = {}
    for component, key in loose:
        about = (key, folder_of(component.path), bool(component.ecosystem))
        if about not in above:
            above[about] = [
                other
                for other in pinned.get(key, [])
                if _above(folder_of(other.path), about[1]) and (about[2] or not other.ecosystem)
            ]
        near = above[about]
        if not near or len(near) > MANY:  # of very many, nobody can say which one is meant: all stay as they are
            continue
        wanted = component.facts.get("specifier")
        chosen = _nearest(near) if wanted is None else [item for item in near if _fits(item, wanted.value)] or near
        pairs[component.ref] = [item.ref for item in chosen]
    found.fold(pairs)
    roots = found.incoming(RelationKind.DEPENDS_ON)
    for component in found.of_kind(ComponentKind.LIBRARY):
        # A lock file alone does not say what the project itself named: what nobody needs was asked for.
        if not component.direct and component.ref not in roots:
            found.replace(dataclasses.replace(component, direct=True))


def _above(lock: str, manifest: str) -> bool:
    return not lock or manifest == lock or manifest.startswith(lock + "/")


def _nearest(items: list[Component]) -> list[Component]:
    longest = max(len(folder_of(item.path)) for item in items)
    return [item for item in items if len(folder_of(item.path)) == longest]


def _fits(component: Component, specifier: str) -> bool:
    if component.ecosystem != "PyPI":
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(component.version, prereleases=True)
    except InvalidSpecifier:
        return True
