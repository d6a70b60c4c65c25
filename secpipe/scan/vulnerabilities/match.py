"""Which packages of an inventory are hit by which advisories; records about one vulnerability are joined by alias."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from secpipe.core.finding import Severity
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.scan.vulnerabilities import purl, ranges, severity, versions
from secpipe.scan.vulnerabilities.osv import Advisory, Affected, normal_name
from secpipe.scan.vulnerabilities.store import AdvisoryStore

_FIRST = ("MAL-", "CVE-", "GHSA-", "PYSEC-")  # which id names a vulnerability, so that the name outlives the feed


@dataclass(frozen=True, slots=True)
class Package:
    """A component as advisories see it: OSV ecosystem, its normal name, the exact version or ""."""

    component: Component
    ecosystem: str
    name: str
    version: str

    @property
    def purl(self) -> str:
        return self.component.purl or purl.make(self.ecosystem, self.name, self.version)


@dataclass(frozen=True, slots=True)
class Hit:
    """One vulnerability of one package: all the records that describe it."""

    package: Package
    id: str
    aliases: tuple[str, ...]
    advisories: tuple[Advisory, ...]
    fixed: tuple[str, ...]  # versions above this one that mend it, ascending
    unclear: str = ""  # why it cannot be judged whether it applies

    @property
    def malicious(self) -> bool:
        return any(advisory.malicious for advisory in self.advisories)


def packages(inventory: Inventory) -> list[Package]:
    """Return the components that come from a package ecosystem, in canonical order, each once."""
    found: dict[tuple[str, str, str, str], Package] = {}
    for component in inventory.components:
        named = purl.parse(component.purl) if component.purl else None
        ecosystem = component.ecosystem or (named.ecosystem if named else "")
        if not ecosystem or component.kind in {ComponentKind.MODEL, ComponentKind.DATASET, ComponentKind.PROMPT}:
            continue
        name = named.name if named and named.ecosystem == ecosystem else component.name
        version = component.version or (named.version if named else "")
        key = (ecosystem, normal_name(ecosystem, name), version.strip(), component.path)
        found.setdefault(key, Package(component, *key[:3]))
    return list(found.values())


def hits(package: Package, store: AdvisoryStore) -> list[Hit]:
    """Return the vulnerabilities of a package, one for each group of aliases, in order of id."""
    certain: list[Advisory] = []
    unclear: list[tuple[Advisory, str]] = []
    for advisory in store.find(package.ecosystem, package.name):
        verdict, why = _judge(advisory, package)
        if verdict:
            certain.append(advisory)
        elif verdict is None:
            unclear.append((advisory, why))
    found = [_hit(package, group) for group in _groups(certain)]
    known = {identity for hit in found for identity in (hit.id, *hit.aliases)}
    found += [
        _hit(package, [advisory], why)
        for advisory, why in unclear
        if known.isdisjoint((advisory.id, *advisory.aliases))
    ]
    return sorted(found, key=lambda hit: hit.id)


def hits_at(package: Package, version: str, store: AdvisoryStore) -> list[Hit]:
    """Return what would hit the package at another version."""
    return hits(replace(package, version=version), store)


def rating(hit: Hit) -> tuple[Severity, float | None, str]:
    """Return (severity, CVSS score, vector) over all records of a hit."""
    vectors = tuple(vector for advisory in hit.advisories for vector in advisory.vectors)
    return severity.rate(vectors, tuple(advisory.level for advisory in hit.advisories))


def _judge(advisory: Advisory, package: Package) -> tuple[bool | None, str]:
    """Return whether the advisory applies; None, and why, where that cannot be judged."""
    why = ""
    for affected in _entries(advisory, package):
        if not package.version:
            if ranges.affects_all(affected):
                return True, ""
            continue
        verdict = ranges.affects(affected, package.version)
        if verdict:
            return True, ""
        if verdict is None:
            why = affected.unclear or "its versions cannot be ordered"
    return (None, why) if why else (False, "")


def _entries(advisory: Advisory, package: Package) -> list[Affected]:
    return [item for item in advisory.affected if (item.ecosystem, item.name) == (package.ecosystem, package.name)]


def _groups(advisories: Iterable[Advisory]) -> list[list[Advisory]]:
    """Join records that share an id or an alias."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for advisory in advisories:
        names = {advisory.id, *advisory.aliases}
        joined = [advisory]
        apart = []
        for others, members in groups:
            if names.isdisjoint(others):
                apart.append((others, members))
            else:
                names |= others
                joined = members + joined
        groups = [*apart, (names, joined)]
    return [members for _, members in groups]


def _hit(package: Package, group: list[Advisory], unclear: str = "") -> Hit:
    names = {name for advisory in group for name in (advisory.id, *advisory.aliases)}
    first = min(names, key=preference)
    fixed: dict[str, Any] = {
        text: versions.event_key(package.ecosystem, text)
        for advisory in group
        for affected in _entries(advisory, package)
        if not affected.unclear
        for text in ranges.fixed_versions(affected, package.version)
    }
    ordered = sorted(fixed, key=lambda text: fixed[text])
    mending = [text for text in ordered if all(_mends(advisory, package, text) for advisory in group)]
    return Hit(package, first, tuple(sorted(names - {first})), tuple(group), tuple(mending), unclear)


def _mends(advisory: Advisory, package: Package, version: str) -> bool:
    return all(ranges.affects(affected, version) is not True for affected in _entries(advisory, package))


def preference(identity: str) -> tuple[int, str]:
    """Return the order in which ids name a vulnerability: the least is used."""
    rank = next((place for place, prefix in enumerate(_FIRST) if identity.startswith(prefix)), len(_FIRST))
    return rank, identity
