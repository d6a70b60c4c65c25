"""How packages are named and pinned: squats, dependency confusion, missing versions and hashes, unpinned sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache

from secpipe.core.documents import parse_toml
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.core.limits import MIB
from secpipe.core.text import plural, printable
from secpipe.formats.locks.table import row_of
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.scan.vulnerabilities import foreign
from secpipe.scan.vulnerabilities.match import Package
from secpipe.system import files, places

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LEAST = 5  # shorter names have too many honest neighbours


def check(
    inventory: Inventory,
    packages: Iterable[Package],
    *,
    known: frozenset[str] = frozenset(),
    internal: tuple[str, ...] = (),
    index: frozenset[str] | None = None,
) -> Iterator[Finding]:
    """Yield findings on names and pins.

    `known` are names with advisories of their own (PyPI); `internal` are globs over names that must never come from a
    public index; `index` is a snapshot of names that exist, if one was supplied.
    """
    listed = [package for package in packages if _is_listing(package.component.path)]
    seen: set[tuple[str, str]] = set()
    for package in listed:
        if not package.version:
            yield _finding("unpinned", package.component, f"{package.name} has no exact version", "pin it with ==")
        if (package.ecosystem, package.name) in seen:
            continue
        seen.add((package.ecosystem, package.name))
        yield from _named(package, known, internal, index)
    yield from _without_hash(listed)
    for component in inventory.components:
        if component.kind is ComponentKind.LIBRARY and "source-url" in component.facts:
            yield from _direct_url(component)
    yield from foreign.check(inventory, known, is_popular)


def _is_listing(path: str) -> bool:
    """Whether a file is one in which versions and hashes are expected; an included list of pins has any name."""
    return path.endswith((".txt", ".in")) or (path.endswith((".lock", ".toml", ".json")) and row_of(path) is not None)


def _named(
    package: Package, known: frozenset[str], internal: tuple[str, ...], index: frozenset[str] | None
) -> Iterator[Finding]:
    component, name = package.component, package.name
    pattern = next((glob for glob in internal if fnmatchcase(name, normal_name(package.ecosystem, glob))), "")
    if pattern and component.ecosystem:
        yield _finding(
            "internal-name",
            component,
            f"{name} is an internal name ({printable(pattern, 80)}), but would be fetched from the public index",
            "name the internal index for it, and reserve the name on the public one",
            Severity.MEDIUM,
        )
    elif index is not None and name not in index:
        yield _finding(
            "unknown-name",
            component,
            f"{name} stands in no index supplied: it may not exist, and anybody could register it",
            "check the spelling and where the name came from",
        )
    elif near := near_name(package.ecosystem, name, known):
        yield _finding(
            "near-name",
            component,
            f"{name} is one letter away from {near}, which is far more widely used",
            f"if {near} was meant, name that",
            confidence=Confidence.LOW,
        )


def near_name(ecosystem: str, name: str, known: frozenset[str] = frozenset()) -> str:
    """Return the popular name that `name` is one edit away from, or ""; never for a name that is itself known."""
    popular, shapes = _names(ecosystem)
    if len(name) < _LEAST or name in popular or name in known:
        return ""
    near = {target for shape in _deletions(name) for target in shapes.get(shape, ())}
    return min((target for target in near if _one_edit(name, target)), default="")


def is_popular(ecosystem: str, name: str) -> bool:
    """Whether a name is one that squatters imitate: widely used on the public index."""
    return name in _names(ecosystem)[0]


@cache
def _names(ecosystem: str) -> tuple[frozenset[str], dict[str, list[str]]]:
    """Return names that are no squats, and the popular ones under themselves and every deletion of a letter."""
    place = places.shipped() / "advisories" / "names.toml"
    table = parse_toml(files.read_bytes(place, MIB), place.name).get(ecosystem, {"popular": "", "neighbours": ""})
    shapes: dict[str, list[str]] = {}
    for name in table["popular"].split():
        for shape in _deletions(name) if len(name) >= _LEAST else ():
            shapes.setdefault(shape, []).append(name)
    return frozenset(table["popular"].split()) | frozenset(table["neighbours"].split()), shapes


def _deletions(name: str) -> set[str]:
    return {name, *(name[:place] + name[place + 1 :] for place in range(len(name)))}


def _one_edit(left: str, right: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours turns `left` into `right`."""
    if len(left) != len(right):
        short, long = sorted((left, right), key=len)
        return len(long) - len(short) == 1 and short in _deletions(long)
    places_ = [place for place in range(len(left)) if left[place] != right[place]]
    if len(places_) == 1:
        return True
    swapped = len(places_) == 2 and places_[1] == places_[0] + 1
    return swapped and left[places_[0]] == right[places_[1]] and left[places_[1]] == right[places_[0]]


def _without_hash(packages: list[Package]) -> Iterator[Finding]:
    """Yield one finding a file: hashes are a property of how the lock file was made."""
    bare: dict[str, list[Package]] = {}
    for package in packages:
        component = package.component
        if package.version and not component.digests and not {"hashes", "commit"} & set(component.facts):
            bare.setdefault(component.path, []).append(package)
    for path, missing in sorted(bare.items()):
        names = ", ".join(printable(package.name, 60) for package in missing[:3]) + (", ..." if missing[3:] else "")
        message = f"{plural(len(missing), 'package')} without a hash ({names}): the index could serve other bytes"
        yield Finding(
            "audit/no-hash",
            message,
            Severity.LOW,
            path=path,
            subject="hashes",
            fix="lock with hashes (pip-compile --generate-hashes, uv export, npm ci)",
            details={"packages": len(missing)},
        )


def _direct_url(component: Component) -> Iterator[Finding]:
    commit = component.facts.get("commit")
    url = component.facts["source-url"].value
    if commit is not None and _COMMIT.fullmatch(commit.value):
        return
    if url.startswith(("git+", "git:", "ssh:")) or url.endswith(".git") or commit is not None:
        message = f"{component.name} comes from {printable(url, 200)} without a commit: it can change at any time"
        yield _finding("unpinned-source", component, message, "pin it to a full commit hash")
    elif not component.digests and not component.facts.get("hashes"):
        message = f"{component.name} comes from {printable(url, 200)}, not from an index, and has no hash"
        yield _finding("direct-url", component, message, "take it from an index, or add its hash")


def _finding(
    name: str,
    component: Component,
    message: str,
    fix: str,
    severity: Severity = Severity.LOW,
    confidence: Confidence = Confidence.HIGH,
) -> Finding:
    return Finding(
        f"audit/{name}",
        message,
        severity,
        confidence,
        path=component.path,
        line=component.line,
        subject=printable(component.purl or component.name),
        fix=fix,
        details={"component": component.name, "ecosystem": component.ecosystem, "version": component.version},
    )
