"""composer.lock (Composer, PHP): packages with their archives and true edges."""

from __future__ import annotations

from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, RelationKind
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lines import value_lines
from secpipe.formats.locks.lock import Lock


def read(found: Lock) -> None:
    """Read one composer.lock; what the project itself asked for stands in composer.json."""
    document = parse_json(found.data, found.name, found.limits)
    if not isinstance(document, dict) or not isinstance(document.get("packages"), list):
        raise InputError("composer.lock holds no list of packages")
    lines = value_lines(found.data, "name", 12)
    refs: dict[str, str] = {}
    needs: list[tuple[str, dict[str, Any]]] = []
    for key, group in (("packages", ""), ("packages-dev", "dev")):
        for item in document.get(key) or []:
            ref = found.add(_package(item, group, found.path, lines.get(str(item["name"]), 0)))
            refs[str(item["name"]).lower()] = ref
            needs.append((ref, item.get("require") or {}))
    for ref, table in needs:
        found.relate(ref, RelationKind.DEPENDS_ON, *(refs.get(name.lower(), "") for name in table))


def _package(item: dict[str, Any], group: str, path: str, line: int) -> Component:
    name, version = str(item["name"]), str(item.get("version") or "")
    dist, source = item.get("dist") or {}, item.get("source") or {}
    digest = hash_of(f"sha1:{dist.get('shasum') or ''}")
    facts = {"group": group, "scope": "optional" if group else "", "description": str(item.get("description") or "")}
    if dist.get("type") == "path":
        return elsewhere(name, version, path=path, line=line, url=str(dist.get("url") or ""), facts=facts)
    address = str(item.get("notification-url") or source.get("url") or dist.get("url") or "")
    facts["commit"] = str(source.get("reference") or "")
    if address and "://" not in address:  # a repository by SSH: Packagist does not know it
        return elsewhere(name, version, path=path, line=line, url=address, facts=facts)
    return library(
        "Packagist", name, version, path=path, line=line, hashes=[digest] if digest else [],
        licenses=[text for text in item.get("license") or [] if isinstance(text, str)], facts=facts,
        registry=address,  # a repository's own
    )  # fmt: skip
