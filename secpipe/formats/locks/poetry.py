"""poetry.lock: packages, hashes, groups and edges (lock versions 1 and 2)."""

from __future__ import annotations

from typing import Any

from secpipe.core.inventory import Component
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.python import applies
from secpipe.formats.locks.tomllock import Names, packages


def read(found: Lock) -> None:
    """Read one poetry.lock; which packages the project itself named stands in pyproject.toml."""
    document, items = packages(found)
    old_files = (document.get("metadata") or {}).get("files") or {}
    names = Names()
    for item in items:
        files = item.get("files") or old_files.get(item["name"]) or []
        ref = found.add(_component(item, files, found.path))
        names.put(item["name"], str(item.get("version") or ""), ref)
        for name, spec in (item.get("dependencies") or {}).items():
            choices = spec if isinstance(spec, list) else [spec]
            if any(_wanted(choice) for choice in choices):
                names.need(ref, name)
    names.relate(found)


def _wanted(choice: Any) -> bool:
    marker = choice.get("markers") if isinstance(choice, dict) else None
    return not marker or applies(str(marker))


def _component(item: dict[str, Any], files: list[dict[str, Any]], path: str) -> Component:
    source, line = item.get("source") or {}, item["\0line"]
    name, version = str(item["name"]), str(item.get("version") or "")
    hashes = [digest for part in files if (digest := hash_of(part.get("hash")))]
    groups = item.get("groups") or ([item["category"]] if item.get("category") else [])
    facts = {
        "description": str(item.get("description") or ""),
        "group": " ".join(map(str, groups)),
        "scope": "optional" if item.get("optional") or (groups and "main" not in groups) else "",
    }
    if source.get("type") in {"git", "url", "file", "directory"}:
        commit = str(source.get("resolved_reference") or "")
        inside = str(source.get("subdirectory") or "")
        url = str(source.get("url") or "") + (f"#subdirectory={inside}" if inside else "")
        return elsewhere(name, version, path=path, line=line, url=url, commit=commit, hashes=hashes, facts=facts)
    registry = str(source.get("url") or "")
    return library("PyPI", name, version, path=path, line=line, hashes=hashes, registry=registry, facts=facts)
