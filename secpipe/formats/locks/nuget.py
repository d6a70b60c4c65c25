"""packages.lock.json (NuGet): packages of each target framework, with hashes and true edges."""

from __future__ import annotations

from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref
from secpipe.core.paths import folder_of
from secpipe.formats.locks.library import hash_of, library
from secpipe.formats.locks.lines import key_lines
from secpipe.formats.locks.lock import Lock


def read(found: Lock) -> None:
    """Read one packages.lock.json; a project in the same solution is an application."""
    document = parse_json(found.data, found.name, found.limits)
    frameworks = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(frameworks, dict):
        raise InputError("packages.lock.json holds no dependencies")
    lines = key_lines(found.data, 6)
    for table in frameworks.values():
        refs = {
            name.lower(): found.add(_package(name, item, found.path, lines.get(name, 0)))
            for name, item in table.items()
        }
        for name, item in table.items():
            needs = (refs.get(other.lower(), "") for other in item.get("dependencies") or {})
            found.relate(refs[name.lower()], RelationKind.DEPENDS_ON, *needs)
            if item.get("type") == "Direct":
                found.named.add(refs[name.lower()])


def _package(name: str, item: dict[str, Any], path: str, line: int) -> Component:
    if item.get("type") == "Project":
        ref = content_ref(ComponentKind.APPLICATION, folder_of(path), name)
        return Component(ref, ComponentKind.APPLICATION, name, path=path, line=line)
    version = str(item["resolved"])
    digest = hash_of(f"sha512-{item.get('contentHash') or ''}")
    return library("NuGet", name, version, path=path, line=line, hashes=[digest] if digest else [])
