"""What Python's manifests share: a requirement (PEP 508) as a component, markers judged over supported targets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from secpipe.core.inventory import Component, RelationKind
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock

#: Where a release may run: a marker that is false on all of these never installs anything.
_PLATFORMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
)
_VERSIONS = tuple(f"3.{minor}" for minor in range(9, 16))


def requirement(
    text: str, *, path: str, line: int = 0, direct: bool = True, hashes: tuple[str, ...] = (), registry: str = "",
    facts: dict[str, str] | None = None,
) -> Component | None:  # fmt: skip
    """Return the component a requirement names; None where `text` is no requirement.

    Only `==X` and `===X` pin a version; anything else leaves it empty and stands in the fact `specifier`.
    """
    try:
        wanted = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return None
    extra = {"extras": " ".join(sorted(wanted.extras)), **(facts or {})}
    if wanted.marker is not None:
        extra["marker"] = str(wanted.marker)
        if not applies(str(wanted.marker)):
            extra["scope"] = "excluded"
    if wanted.url:
        found = tuple(filter(None, [hash_of(wanted.url.partition("#")[2].replace("=", ":", 1))]))
        return elsewhere(
            wanted.name, "", path=path, line=line, direct=direct, url=wanted.url, hashes=hashes + found, facts=extra
        )
    version = pinned(wanted)
    if not version:
        extra["specifier"] = str(wanted.specifier)
    return library(
        "PyPI", wanted.name, version, path=path, line=line, direct=direct, hashes=hashes, registry=registry, facts=extra
    )


def pinned(wanted: Requirement) -> str:
    """Return the one version a requirement allows, or ""."""
    exact = [item for item in wanted.specifier if item.operator in {"==", "==="} and not item.version.endswith(".*")]
    return exact[0].version if len(exact) == 1 else ""


@lru_cache(4096)
def applies(marker: str, extras: tuple[str, ...] = ()) -> bool:
    """Tell whether a marker is true on any supported target, with any of `extras` asked for."""
    try:
        parsed = Marker(marker)
        return any(
            parsed.evaluate(
                {**platform, "python_version": version, "python_full_version": version + ".0", "extra": extra,
                 "implementation_name": "cpython", "platform_python_implementation": "CPython"}
            )
            for platform in _PLATFORMS
            for version in _VERSIONS
            for extra in (*extras, "")
        )  # fmt: skip
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return True


_ASKED = re.compile(r"['\"]([\w.-]{1,100})['\"]\s+in\s+(?:extras|dependency_groups)")


def asked_only(marker: str, groups: Iterable[str]) -> str:
    """Return the extras and groups of which one has to be asked for, "" where a package comes without; of PEP 751."""
    named = sorted(set(_ASKED.findall(marker)))
    if not named:
        return ""
    try:
        parsed = Marker(marker)
        chosen = {"extras": set[str](), "dependency_groups": {str(group) for group in groups}}
        plain = any(
            parsed.evaluate(
                {**platform, "python_version": version, "python_full_version": version + ".0", **chosen}, "lock_file"
            )
            for platform in _PLATFORMS
            for version in _VERSIONS
        )
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return ""
    return "" if plain else " ".join(named)


def depend(found: Lock, source: str, *components: Component) -> None:
    """Add components that `source` (a ref, or "") needs directly."""
    for component in components:
        ref = found.add(component)
        if source:
            found.relate(source, RelationKind.DEPENDS_ON, ref)
