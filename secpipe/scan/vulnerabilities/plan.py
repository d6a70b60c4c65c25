"""What to upgrade: for each package the smallest version that no advisory of the store affects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secpipe.core.text import printable
from secpipe.formats.packages import versions
from secpipe.scan.vulnerabilities import match, ranges
from secpipe.scan.vulnerabilities.graph import Graph
from secpipe.scan.vulnerabilities.match import Hit, Package
from secpipe.scan.vulnerabilities.store import AdvisoryStore, Entry


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One step. `to` is "" where no known version clears anything; `remains` are ids that the step does not clear."""

    package: Package
    to: str
    clears: tuple[str, ...]
    remains: tuple[str, ...]
    via: tuple[str, ...]  # the path in the graph, from what the project names

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON holds it."""
        return {
            "ecosystem": self.package.ecosystem,
            "package": self.package.name,
            "from": self.package.version,
            "to": self.to,
            "clears": list(self.clears),
            "remains": list(self.remains),
            "direct": self.package.component.direct,
            "via": list(self.via),
            "path": self.package.component.path,
        }


def plan(hits: Sequence[Hit], store: AdvisoryStore, graph: Graph) -> list[Upgrade]:
    """Return one step for each package with hits, those that clear most first.

    Candidates are the versions that advisories call fixed; each is judged against *all* advisories of the package, so
    that a step never leads into another known vulnerability that a later candidate avoids.
    """
    groups: dict[tuple[str, str, str], list[Hit]] = {}
    for hit in hits:
        if not hit.unclear:
            groups.setdefault((hit.package.ecosystem, hit.package.name, hit.package.version), []).append(hit)
    steps = [_step(group, store, graph) for group in groups.values()]
    return sorted(steps, key=lambda step: (not step.to, -len(step.clears), step.package.name, step.package.version))


def _step(group: list[Hit], store: AdvisoryStore, graph: Graph) -> Upgrade:
    package = group[0].package
    ids = tuple(sorted(hit.id for hit in group))
    via = tuple(graph.path(package.component.ref))
    if any(hit.malicious for hit in group):
        return Upgrade(package, "", (), ids, via)
    entries = store.entries(package.ecosystem, package.name)
    candidates = _candidates(package, entries)
    clean = _first_clean(entries, candidates)
    if clean:
        return Upgrade(package, clean, ids, (), via)
    best = _least_affected(entries, candidates)
    left = {hit.id for hit in match.hits_at(package, best, store) if not hit.unclear} if best else set(ids)
    if len(left) >= len(ids):
        return Upgrade(package, "", (), ids, via)
    return Upgrade(package, best, tuple(sorted(set(ids) - left)), tuple(sorted(left)), via)


def _first_clean(entries: tuple[Entry, ...], candidates: list[str]) -> str:
    """Return the first candidate that no advisory affects, or ""; what ruled out the last one is asked first."""
    blocker: Entry | None = None
    for candidate in candidates:
        if blocker is not None and match.affects(blocker, candidate):
            continue
        blocker = next((entry for entry in entries if match.affects(entry, candidate)), None)
        if blocker is None:
            return candidate
    return ""


def _least_affected(entries: tuple[Entry, ...], candidates: list[str]) -> str:
    """Return the smallest of the candidates that the fewest advisories affect, or "".

    The newest is asked first: it mostly has the fewest, and older ones are given up as soon as they have more.
    """
    best, fewest = "", len(entries) + 1
    for candidate in reversed(candidates):
        count = 0
        for entry in entries:
            count += match.affects(entry, candidate)
            if count > fewest:
                break
        else:
            best, fewest = candidate, count
    return best


def _candidates(package: Package, entries: tuple[Entry, ...]) -> list[str]:
    """Return the versions above this one that advisories call fixed, ascending; final releases if there are any."""
    keyed: dict[str, Any] = {
        text: versions.event_key(package.ecosystem, text)
        for _, parts in entries
        for affected in parts
        for text in ranges.fixed_versions(affected, package.version)
    }
    final = {text: key for text, key in keyed.items() if not getattr(key, "is_prerelease", False)}
    return sorted(final or keyed, key=lambda text: keyed[text])


def lines_of(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a plan, as `Upgrade.to_dict` writes it, as lines a person reads."""
    found = []
    for step in steps:
        named = f"{step['package']} {step['from']}"
        through = "" if step["direct"] or len(step["via"]) < 2 else f" (through {step['via'][-2]})"
        rest = f"; {', '.join(step['remains'])} stays" if step["to"] and step["remains"] else ""
        if step["to"]:
            found.append(f"upgrade {named} to {step['to']}{through}: clears {', '.join(step['clears'])}{rest}")
        else:
            found.append(f"no known version of {named}{through} clears {', '.join(step['remains'])}")
    return [printable(line) for line in found]
