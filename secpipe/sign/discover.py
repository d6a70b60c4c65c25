"""Finding the signed artifacts of a tree by the names of their bundles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from secpipe.core.artifact import FileEntry
from secpipe.core.finding import Finding
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass
from secpipe.sign.refusal import NOT_A_BUNDLE, finding
from secpipe.sign.sidecars import CLASSICAL, CLASSICAL_SUFFIX, PQ, PQ_SUFFIX

# Detached signatures of other tools that share the `.sig` ending; they vouch for nothing here.
_OTHERS = {
    "an OpenPGP signature": (b"-----BEGIN PGP", b"\x88", b"\x89", b"\x8a", b"\x8b", b"\xc2"),
    "a minisign or signify signature": (b"untrusted comment:",),
    "an SSH signature": (b"-----BEGIN SSH SIGNATURE", b"SSHSIG"),
    "a bare ECDSA signature": (b"MEQC", b"MEUC", b"MEYC", b"MGQC", b"MGUC", b"MGYC"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One signed artifact: the path it stands at ("": the tree itself), its form, how to read each half's bundle."""

    path: str
    directory: bool
    bundles: Mapping[HalfClass, Callable[[], bytes]]


def places(tree: Tree, limits: Limits) -> Iterator[Place | Finding]:
    """Yield every signed artifact of the tree, by path, and a finding for each `.sig` that is no bundle at all."""
    found: dict[tuple[str, bool], dict[HalfClass, FileEntry]] = {}
    for entry in tree.files:
        target = _target(tree, entry)
        if target is not None:
            key, half = target
            found.setdefault(key, {})[half] = entry
    for (path, directory), halves in sorted(found.items()):
        other = _other(tree, path, directory, halves)
        if other is not None:
            name = next(iter(halves.values())).path
            yield finding(NOT_A_BUNDLE, f"{printable(name)} is {other} and vouches for nothing here", name)
            continue
        readers = {half: _reader(tree, entry, limits) for half, entry in sorted(halves.items())}
        yield Place(path, directory, readers)


def is_bundle(entry: FileEntry) -> bool:
    """Tell whether a file is a bundle of signatures by its name: each ends as verified, failed or another tool's."""
    return entry.name.endswith(CLASSICAL_SUFFIX) and entry.name != CLASSICAL_SUFFIX


def _target(tree: Tree, entry: FileEntry) -> tuple[tuple[str, bool], HalfClass] | None:
    """Return ((path, is a directory), half) of what a bundle's name says it signs."""
    folder, _, name = entry.path.rpartition("/")
    if name == CLASSICAL:
        return (folder, True), HalfClass.CLASSICAL
    if name == PQ:
        return (folder, True), HalfClass.PQ
    for suffix, half in ((PQ_SUFFIX, HalfClass.PQ), (CLASSICAL_SUFFIX, HalfClass.CLASSICAL)):
        if name.endswith(suffix) and name != suffix:
            path = entry.path.removesuffix(suffix)
            is_folder = tree.find(path) is None and next(tree.below(path), None) is not None
            return (path, is_folder), half
    return None


def _other(tree: Tree, path: str, directory: bool, halves: Mapping[HalfClass, FileEntry]) -> str | None:
    """Return what a lone `.sig` is, if it is evidently another tool's; only then it is no broken bundle."""
    entry = halves.get(HalfClass.CLASSICAL)
    if entry is None or len(halves) > 1 or directory:
        return None
    for what, marks in _OTHERS.items():
        if entry.head.startswith(marks):
            return what
    if tree.find(path) is None and not entry.head.lstrip().startswith(b"{"):
        return "no signature of a file that is here"
    return None


def _reader(tree: Tree, entry: FileEntry, limits: Limits) -> Callable[[], bytes]:
    return lambda: tree.read(entry, limits.document_bytes)
