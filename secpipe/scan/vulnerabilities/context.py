"""What turns a list of vulnerabilities into an order: AI tags, import reachability, priority. Data: `ai.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.limits import MIB
from secpipe.system import files, places


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The data of `ai.toml`, by (ecosystem, package)."""

    tags: Mapping[tuple[str, str], tuple[str, ...]]
    weights: Mapping[str, int]
    modules: Mapping[str, frozenset[str]]  # PyPI name -> import names


@cache
def knowledge() -> Knowledge:
    """Return the shipped data; raises SecpipeError where this installation lacks it."""
    place = places.shipped() / "advisories" / "ai.toml"
    value = parse_toml(files.read_bytes(place, MIB), place.name)
    tags: dict[tuple[str, str], tuple[str, ...]] = {}
    for ecosystem, kinds in value["tags"].items():
        for tag, names in kinds.items():
            for name in names.split():
                tags[ecosystem, name] = (*tags.get((ecosystem, name), ()), tag)
    modules = {name: frozenset(words.split()) for name, words in value["imports"].items()}
    return Knowledge(tags, value["priority"], modules)


def is_imported(name: str, modules: frozenset[str]) -> bool:
    """Return whether the PyPI package `name` (normal form) is among the imported modules."""
    known = knowledge().modules.get(name) or {name.replace("-", "_"), name.partition("-")[0]}
    lowered = {module.lower() for module in modules}
    return any(module.lower() in lowered for module in known)


def tags_of(ecosystem: str, name: str, weaknesses: list[str]) -> list[str]:
    """Return what an AI pipeline uses the package for; CWE-502 adds `deserialisation`."""
    found = set(knowledge().tags.get((ecosystem, name), ()))
    return sorted(found | ({"deserialisation"} if "CWE-502" in weaknesses else set()))


def priority(severity: str, details: Mapping[str, Any]) -> int:
    """Return 0 to 100: which finding to mend first."""
    weights = knowledge().weights
    total = float(weights[severity])
    total += weights["kev"] * bool(details["kev"]) + weights["epss"] * (details["epss"] or 0.0)
    total += weights["imported"] * (details["imported"] is True) + weights["direct"] * bool(details["direct"])
    total += weights["fixed"] * bool(details["fixed"]) + weights["tagged"] * bool(details["tags"])
    return min(100, round(total))
