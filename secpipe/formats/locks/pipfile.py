"""Pipfile.lock: the default and develop sections with their pins and hashes."""

from __future__ import annotations

from secpipe.core.documents import parse_json
from secpipe.core.inventory import Component
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lines import key_lines
from secpipe.formats.locks.lock import Lock


def read(found: Lock) -> None:
    """Read one Pipfile.lock; it states no edges."""
    data = found.data
    document = parse_json(data, "Pipfile.lock", found.limits)
    sources = {
        item.get("name"): str(item.get("url") or "") for item in (document.get("_meta") or {}).get("sources") or []
    }
    lines = key_lines(data, 8)
    for section, table in document.items():
        if section == "_meta":
            continue
        for name, item in table.items():
            version = str(item.get("version") or "")
            hashes = [digest for text in item.get("hashes") or [] if (digest := hash_of(text))]
            facts = {
                "marker": str(item.get("markers") or ""),
                "group": section,
                "scope": "" if section == "default" else "optional",
            }
            url = str(item.get("git") or item.get("file") or item.get("path") or "")
            where = {"path": found.path, "line": lines.get(name, 0)}
            found.add(_component(name, version, url, item, sources, hashes, facts, where))


def _component(
    name: str, version: str, url: str, item: dict[str, object], sources: dict[object, str], hashes: list[str],
    facts: dict[str, str], where: dict[str, object],
) -> Component:  # fmt: skip
    path, line = str(where["path"]), int(str(where["line"]))
    if url:
        commit = str(item.get("ref") or "")
        return elsewhere(name, "", path=path, line=line, url=url, commit=commit, hashes=hashes, facts=facts)
    exact = version[2:].strip() if version.startswith("==") and not version.startswith("===") else ""
    registry = sources.get(item.get("index"), "")
    return library("PyPI", name, exact, path=path, line=line, hashes=hashes, registry=registry, facts=facts)
