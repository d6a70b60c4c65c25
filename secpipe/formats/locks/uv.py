"""uv.lock: every package with its source, artifacts and true edges."""

from __future__ import annotations

from typing import Any

from secpipe.core.inventory import Component, ComponentKind
from secpipe.core.paths import folder_of, join
from secpipe.formats.locks import artifacts as told_by
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.pyproject import project
from secpipe.formats.locks.python import applies
from secpipe.formats.locks.tomllock import Names, packages


def read(found: Lock) -> None:
    """Read one uv.lock; workspace members become the applications of their folders."""
    _, items = packages(found)
    names = Names()
    roots: set[str] = set()
    for item in items:
        component = _component(found, item)
        names.put(item["name"], str(item.get("version") or ""), found.add(component))
        roots |= {component.ref} if component.kind is ComponentKind.APPLICATION else set()
    kept: set[str] = set()
    extra: set[str] = set()
    development: set[str] = set()
    sets = {"dependencies": kept, "optional-dependencies": extra, "dev-dependencies": development}
    for item, component in zip(items, list(found.components), strict=True):
        for group, refs in sets.items():
            part = item.get(group) or []
            for need in part if isinstance(part, list) else [need for needs in part.values() for need in needs]:
                if applies(str(need.get("marker") or "os_name != ''")):
                    wanted = need["name"], str(need.get("version") or "")
                    names.need(component.ref, *wanted)
                    if component.ref in roots:
                        refs.update(names.find(*wanted))
    names.relate(found)
    found.only_for("dev", kept | extra, development)
    found.only_for("optional", kept, extra | development)


def _component(found: Lock, item: dict[str, Any]) -> Component:
    path = found.path
    source, line = item.get("source") or {}, item["\0line"]
    name, version = str(item["name"]), str(item.get("version") or "")
    local = source.get("editable") or source.get("virtual") or source.get("directory")
    if local is not None:
        folder = join(folder_of(path), str(local))
        if folder is not None:
            return project(folder, name, version, path)
        return elsewhere(name, version, path=path, line=line, url=str(local))
    artifacts = [part for part in [item.get("sdist"), *(item.get("wheels") or [])] if isinstance(part, dict)]
    hashes = [digest for part in artifacts if (digest := hash_of(part.get("hash")))]
    url = str(source.get("git") or source.get("url") or source.get("path") or "")
    if url:
        inside = str(source.get("subdirectory") or "")
        url += f"#subdirectory={inside}" if inside else ""
        return elsewhere(name, version, path=path, line=line, url=url, hashes=hashes)
    addresses = [str(part.get("url") or part.get("path") or part.get("filename") or "") for part in artifacts]
    name, version = told_by.believed(found, (name, version), addresses, told_by.pypi, told_by.same_pypi, line)
    facts = {"artifact-url": str(artifacts[0].get("url") or "") if len(artifacts) == 1 else ""}
    registry = str(source.get("registry") or "")
    return library("PyPI", name, version, path=path, line=line, hashes=hashes, registry=registry, facts=facts)
