"""Does the deployed tree still hold what the BOM says? Every file it names is compared; so is what it does not name."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from secpipe.core.finding import Finding, Severity
from secpipe.core.inventory import ComponentKind, Inventory
from secpipe.core.protocols import Tree
from secpipe.core.text import plural, printable
from secpipe.sbom import claims
from secpipe.sbom.bom import Document, hash_of, property_of
from secpipe.sbom.cyclonedx import SPECS, emit
from secpipe.sbom.extras import contents, walk
from secpipe.sbom.query import select
from secpipe.system.aliases import aliased

_ANY = datetime(2000, 1, 1, tzinfo=UTC)  # what is derived of a tree does not depend on the day
_REVIEW = "make a new SBOM and have it reviewed"


@dataclass(frozen=True, slots=True)
class Drift:
    """What a comparison found. `compared` counts the files that were hashed against the BOM: 0 proves nothing."""

    findings: tuple[Finding, ...]
    compared: int
    libraries: int
    asserted: tuple[str, ...] = ()  # fields that no file can prove, as `component: field`


def drift(document: Document, tree: Tree, inventory: Inventory) -> Drift:
    """Compare a BOM with a tree and with what `collect` finds in it now.

    Files are compared by SHA-256, what is said of a component with what is derived of it here. A BOM of another tool
    is compared by the files, packages, licences and hashes that it names.
    """
    tree = aliased(tree, instead=True)
    stated_files = dict(_claims(document, tree))
    found = list(_files(stated_files, tree))
    taken = {finding.details["now"] for finding in found if "now" in finding.details}
    found += _added(stated_files, inventory, taken)
    packages = list(_packages(document))
    found += _libraries(packages, inventory)
    stated = next(iter(select(document, "metadata.properties[name=secpipe:tree:sha256].value")), "")
    if stated and stated != inventory.tree_sha256 and not found:
        found.append(_tree_changed(document, inventory))
    derived = json.loads(emit(inventory, name="release", now=_ANY, spec=_spec(document)))
    differing = {one.path for one in found if one.path in stated_files}
    told = claims.compare(document, derived, differing, same=stated == inventory.tree_sha256)
    found += told.findings
    order = sorted(found, key=lambda finding: (finding.rule, finding.path, finding.subject))
    return Drift(tuple(order), len(stated_files), len(packages), told.asserted)


def _spec(document: Document) -> str:
    version = str(document.get("specVersion"))
    return version if version in SPECS else SPECS[-1]


def _claims(document: Document, tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield (path, SHA-256) of every file that a component is."""
    for component in walk(document.get("components")):
        digest = hash_of(component)
        if not digest:
            continue
        paths = [str(path) for path in select(component, "properties[name=secpipe:file].value")]
        if not paths and component.get("type") == "file" and not property_of(component, "secpipe:kind"):
            paths = [str(component.get("name"))]
        elif not paths:
            places = [str(place) for place in select(component, "evidence.occurrences[].location")]
            foreign = component.get("type") in {"machine-learning-model", "data"} and not _ours(component)
            paths = [place for place in places if foreign and tree.find(place) is not None]
        for path in paths:
            yield path, digest


def _ours(component: Document) -> bool:
    return any(str(name).startswith("secpipe:") for name in select(component, "properties[].name"))


def _files(claims: dict[str, str], tree: Tree) -> Iterator[Finding]:
    now = {printable(entry.path): entry.sha256 for entry in tree.files}
    places: dict[str, list[str]] = defaultdict(list)
    for path, digest in now.items():
        if path not in claims:
            places[digest].append(path)
    for path, digest in sorted(claims.items()):
        if now.get(path) == digest:
            continue
        if path in now:
            yield _finding(
                "sbom/changed", f"{printable(path)} differs from the SBOM", path,
                f"sha256 {digest[:12]}… became {now[path][:12]}…", sbom=digest, tree=now[path],
            )  # fmt: skip
        elif elsewhere := places.get(digest):
            yield _finding(
                "sbom/renamed", f"{printable(path)} is now {printable(elsewhere[0])}", path, _REVIEW, now=elsewhere[0]
            )
        else:
            yield _finding("sbom/missing", f"{printable(path)} is in the SBOM and not in the tree", path, _REVIEW)


def _added(claims: dict[str, str], inventory: Inventory, taken: set[str]) -> Iterator[Finding]:
    for item in inventory.components:
        for path in contents(item):
            name = printable(path)
            if name not in claims and name not in taken:
                yield _finding("sbom/added", f"{name} is in the tree and not in the SBOM", name, _REVIEW)


def _packages(document: Document) -> Iterator[str]:
    for component in walk(document.get("components")):
        purl = component.get("purl")
        if component.get("type") in {"library", "framework"} and isinstance(purl, str):
            yield purl


def _libraries(stated: list[str], inventory: Inventory) -> Iterator[Finding]:
    """Packages that were added, dropped or moved to another version, or all left out."""
    known, now = set(stated), {item.purl: item for item in inventory.of_kind(ComponentKind.LIBRARY) if item.purl}
    if not known and now:
        names = ", ".join(printable(purl, 100) for purl in sorted(now)[:3]) + (
            ", ..." if now.keys() - sorted(now)[:3] else ""
        )
        message = f"the SBOM names none of the {plural(len(now), 'package')} of the tree ({names})"
        yield Finding("sbom/added", message, Severity.MEDIUM, subject="packages", fix=_REVIEW)
        return
    for purl in sorted(set(now) - known):
        message = f"{printable(purl, 200)} is in the tree and not in the SBOM"
        yield Finding("sbom/added", message, Severity.MEDIUM, path=now[purl].path, subject=purl, fix=_REVIEW)
    others = {item.purl for item in inventory.components}  # SPDX calls an image a package as well
    for purl in sorted(known - set(now) - others):
        message = f"{printable(purl, 200)} is in the SBOM and not in the tree"
        yield Finding("sbom/missing", message, Severity.MEDIUM, subject=purl, fix=_REVIEW)


def _tree_changed(document: Document, inventory: Inventory) -> Finding:
    before = next(iter(select(document, "metadata.properties[name=secpipe:tree:files].value")), "?")
    counts = f"{before} files then, {plural(inventory.tree_files, 'file')} now"
    message = f"files that are no components changed since the SBOM was made ({counts})"
    return Finding("sbom/tree-changed", message, Severity.MEDIUM, fix="secpipe sbom generate --files names every file")


def _finding(rule: str, message: str, path: str, fix: str, **details: str) -> Finding:
    return Finding(rule, message, Severity.HIGH, path=path, subject=path, fix=fix, details=details)
