"""pylock.toml (PEP 751): packages with their artifacts, sources and edges."""

from __future__ import annotations

from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.inventory import Component
from secpipe.formats.locks import artifacts as told_by
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.python import applies, asked_only
from secpipe.formats.locks.tomllock import Names, packages


def read(found: Lock) -> None:
    """Read one lock file of PEP 751, version 1."""
    document, items = packages(found, "packages")
    if not str(document.get("lock-version") or "").startswith("1."):
        raise InputError("the lock version of PEP 751 is not 1.x")
    names = Names()
    for item in items:
        ref = found.add(_component(found, item, document))
        names.put(item["name"], str(item.get("version") or ""), ref)
        for need in item.get("dependencies") or []:
            names.need(ref, need["name"], str(need.get("version") or ""))
    names.relate(found)


def _component(found: Lock, item: dict[str, Any], document: dict[str, Any]) -> Component:
    path = found.path
    name, version, line = str(item["name"]), str(item.get("version") or ""), item["\0line"]
    artifacts = [part for part in [item.get("sdist"), *(item.get("wheels") or [])] if isinstance(part, dict)]
    direct = item.get("vcs") or item.get("archive") or item.get("directory")
    hashes = [
        f"{algorithm}:{value}"
        for part in [*artifacts, item.get("archive") or {}]
        for algorithm, value in (part.get("hashes") or {}).items()
        if hash_of(f"{algorithm}:{value}")
    ]
    marker = str(item.get("marker") or "")
    facts = {"marker": marker, "scope": "excluded" if marker and not applies(marker) else ""}
    if group := asked_only(marker, document.get("default-groups") or []):
        facts |= {"scope": "optional", "group": group}
    if isinstance(direct, dict):
        inside = str(direct.get("subdirectory") or "")
        url = str(direct.get("url") or direct.get("path") or "") + (f"#subdirectory={inside}" if inside else "")
        commit = str(direct.get("commit-id") or "")
        return elsewhere(name, version, path=path, line=line, url=url, commit=commit, hashes=hashes, facts=facts)
    addresses = [str(part.get("url") or part.get("path") or part.get("name") or "") for part in artifacts]
    if not version and (told := next(filter(None, map(told_by.pypi, addresses)), None)):
        version = told[1]
    name, version = told_by.believed(found, (name, version), addresses, told_by.pypi, told_by.same_pypi, line)
    facts["artifact-url"] = str(artifacts[0].get("url") or "") if len(artifacts) == 1 else ""
    registry = str(item.get("index") or "")
    return library("PyPI", name, version, path=path, line=line, hashes=hashes, registry=registry, facts=facts)
