"""Which packages of an inventory are hit by which advisories; records about one vulnerability are joined by alias."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from secpipe.core.finding import Severity
from secpipe.core.inventory import Component, Inventory
from secpipe.formats.packages import purl, versions
from secpipe.formats.packages.ecosystems import normal_name, spelled
from secpipe.scan.vulnerabilities import ranges, severity
from secpipe.scan.vulnerabilities.osv import Advisory
from secpipe.scan.vulnerabilities.store import AdvisoryStore, Entry

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
        """The component's own purl where it says the same, otherwise one of what was judged."""
        named = purl.parse(self.component.purl) if self.component.purl else None
        same = named and (normal_name(named.ecosystem, named.name), named.version) == (self.name, self.version)
        return (
            self.component.purl
            if same
            else purl.for_ecosystem(self.ecosystem, self.name, self.version)
            or purl.make("generic", self.name, self.version)
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """One vulnerability of one package: all the records that describe it."""

    package: Package
    id: str
    aliases: tuple[str, ...]
    advisories: tuple[Advisory, ...]
    fixed: tuple[str, ...]  # versions above this one that mend it, ascending
    beyond: str = ""  # without any of these: every version above this one is unaffected, "" where none is known
    unclear: str = ""  # why it cannot be judged whether it applies

    @property
    def malicious(self) -> bool:
        return any(advisory.malicious for advisory in self.advisories)


def packages(inventory: Inventory) -> list[Package]:
    """Return the components that come from a package ecosystem, in canonical order, each once.

    Where a document's version and its purl disagree, both are judged: neither is a way to hide the other.
    """
    found: dict[tuple[str, str, str, str], Package] = {}
    for component in inventory.components:
        named = purl.parse(component.purl) if component.purl else None
        ecosystem = spelled(component.ecosystem) or (named.ecosystem if named else "")
        if not ecosystem:
            continue
        name = named.name if named and named.ecosystem == ecosystem else component.name
        claims = [(name, component.version.strip() or (named.version.strip() if named else ""))]
        if named and named.ecosystem == ecosystem and component.name != name and ":" not in name and "/" not in name:
            claims.append((component.name, claims[0][1]))
        if named and named.version and component.version and named.version.strip() != claims[0][1]:
            claims.append((name, named.version.strip()))
        for text, version in claims:
            key = (ecosystem, normal_name(ecosystem, text), version, component.path)
            found.setdefault(key, Package(component, *key[:3]))
    return list(found.values())


def hits(package: Package, store: AdvisoryStore) -> list[Hit]:
    """Return the vulnerabilities of a package, one for each group of aliases, in order of id."""
    certain: list[Entry] = []
    unclear: list[tuple[Entry, str]] = []
    for entry in store.entries(package.ecosystem, package.name):
        verdict, why = _judge(entry, package)
        if verdict:
            certain.append(entry)
        elif verdict is None:
            unclear.append((entry, why))
    found = [_hit(package, group) for group in _groups(certain)]
    known = {identity for hit in found for identity in (hit.id, *hit.aliases)}
    found += [
        _hit(package, [entry], why) for entry, why in unclear if known.isdisjoint((entry[0].id, *entry[0].aliases))
    ]
    return sorted(found, key=lambda hit: hit.id)


def hits_at(package: Package, version: str, store: AdvisoryStore) -> list[Hit]:
    """Return what would hit the package at another version."""
    return hits(replace(package, version=version), store)


def affects(entry: Entry, version: str) -> bool:
    """Return whether an advisory certainly affects a version of the package it is about."""
    return any(ranges.affects(affected, version) is True for affected in entry[1])


def rating(hit: Hit) -> tuple[Severity, float | None, str]:
    """Return (severity, CVSS score, vector) over all records of a hit."""
    return severity.rate(hit.advisories)


def preference(identity: str) -> tuple[int, str]:
    """Return the order in which ids name a vulnerability: the least is used."""
    rank = next((place for place, prefix in enumerate(_FIRST) if identity.startswith(prefix)), len(_FIRST))
    return rank, identity


def _judge(entry: Entry, package: Package) -> tuple[bool | None, str]:
    """Return whether the advisory applies; None, and why, where that cannot be judged."""
    why = ""
    for affected in entry[1]:
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


def _groups(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Join records about one vulnerability: those that share a CVE, and those without one that share any id.

    Records of two different CVEs stay apart even where a careless alias links them: an answer to one is none to the
    other.
    """
    groups: dict[int, list[Entry]] = {}
    group_of: dict[str, int] = {}
    named = [(entry, (entry[0].id, *entry[0].aliases)) for entry in entries]
    ordered = sorted(named, key=lambda pair: not any(map(_is_cve, pair[1])))
    for number, (entry, names) in enumerate(ordered):
        joining = [name for name in names if _is_cve(name)] or names
        joined = [entry]
        for old in sorted({group_of[name] for name in joining if name in group_of}):
            joined = groups.pop(old) + joined
        groups[number] = joined
        for member, _ in joined:
            group_of.update(dict.fromkeys((member.id, *member.aliases), number))
    return list(groups.values())


def _is_cve(identity: str) -> bool:
    return identity.startswith("CVE-")


def _hit(package: Package, group: list[Entry], unclear: str = "") -> Hit:
    names = {name for advisory, _ in group for name in (advisory.id, *advisory.aliases)}
    first = min(names, key=preference)
    fixed: dict[str, Any] = {
        text: versions.event_key(package.ecosystem, text)
        for _, parts in group
        for affected in parts
        if not affected.unclear
        for text in ranges.fixed_versions(affected, package.version)
    }
    ordered = sorted(fixed, key=lambda text: fixed[text])
    mending = tuple(text for text in ordered if not any(affects(entry, text) for entry in group))
    advisories = tuple(advisory for advisory, _ in group)
    beyond = "" if mending or unclear else _beyond(package, group)
    return Hit(package, first, tuple(sorted(names - {first})), advisories, mending, beyond, unclear)


def _beyond(package: Package, group: list[Entry]) -> str:
    """Return the last affected version that all records of a group agree to end at or before, or ""."""
    ends: list[tuple[Any, str]] = []
    for _, parts in group:
        found = [end for affected in parts for end in ranges.last_affected(affected, package.version)]
        if not found:
            return ""
        ends.append(max(found, key=lambda end: end[0]))
    key, text = max(ends, key=lambda end: end[0])
    return str(key) if package.ecosystem == "PyPI" else text
