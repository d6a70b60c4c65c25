"""package-lock.json (npm, versions 1, 2 and 3) with true edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, RelationKind
from secpipe.core.paths import folder_of
from secpipe.core.text import plural
from secpipe.formats.locks import artifacts
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lines import key_lines
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.npm import GROUPS, application, licenses_of


def read(found: Lock) -> None:
    """Read one package-lock.json."""
    data = found.data
    document = parse_json(data, found.name, found.limits)
    if not isinstance(document, dict):
        raise InputError("the lock file is not a table")
    items = document.get("packages")
    if not isinstance(items, dict):
        items = {"": {key: document.get(key) for key in ("name", "version")}, **dict(_flat(document, ""))}
    folder = folder_of(found.path)
    lines = key_lines(data, 4)
    refs: dict[str, str] = {}
    deep = {path for path in items if path.count("node_modules/") > found.limits.json_depth}
    if deep:
        found.skip(f"{plural(len(deep), 'package')} nested deeper than {found.limits.json_depth} in one another")
    for path, item in items.items():
        if item.get("link") or path in deep:
            continue
        if "node_modules/" not in path:
            where = f"{folder}/{path}".strip("/")
            refs[path] = found.add(application(where, item, found.path))
        else:
            refs[path] = found.add(_locked(found, path, item, lines.get(path, 0)))
    for path, item in items.items():
        target = item.get("resolved")
        if item.get("link") and isinstance(target, str) and target in refs:
            refs[path] = refs[target]
    for path, item in items.items():
        if not item.get("link") and path not in deep:
            _edges(found, path, item, refs)


def _locked(found: Lock, path: str, item: dict[str, Any], line: int) -> Component:
    file = found.path
    name = str(item.get("name") or path.rpartition("node_modules/")[2])
    version, resolved = str(item.get("version") or ""), str(item.get("resolved") or "")
    outside = version.startswith(("git", "http", "file:"))  # lock version 1 writes such a source there
    if outside:
        version, resolved = "", version
    if version.startswith("npm:"):  # lock version 1 writes an alias so
        name, _, version = version[4:].rpartition("@")
    digest = hash_of(item.get("integrity"))
    facts = {
        "scope": "optional" if item.get("dev") or item.get("optional") or item.get("devOptional") else "",
        "group": "dev" if item.get("dev") else "",
        "artifact-url": resolved if resolved.startswith("https://") and not outside else "",
        "install-script": "yes" if item.get("hasInstallScript") else "",
    }
    hashes = (digest,) if digest else ()
    if outside or resolved.startswith(("git", "file:", "github:")):
        url, _, commit = resolved.partition("#")
        return elsewhere(name, version, path=file, line=line, url=url, commit=commit, hashes=hashes, facts=facts)
    name, version = artifacts.believed(found, (name, version), [resolved], artifacts.npm, artifacts.same_npm, line)
    registry = resolved if resolved.startswith("http") else ""
    return library(
        "npm", name, version, path=file, line=line, hashes=hashes, licenses=licenses_of(item),
        registry="/".join(registry.split("/")[:3]), facts=facts,
    )  # fmt: skip


def _edges(found: Lock, path: str, item: dict[str, Any], refs: dict[str, str]) -> None:
    for key in (*GROUPS, "requires"):
        for name in item.get(key) or {}:
            base = path
            while True:  # node's own rule: the nearest node_modules, from the inside out
                target = f"{base}/node_modules/{name}".lstrip("/")
                if target in refs:
                    found.relate(refs[path], RelationKind.DEPENDS_ON, refs[target])
                    if "node_modules/" not in path:
                        found.named.add(refs[target])
                    break
                if not base:
                    break
                base = base.rpartition("/node_modules/")[0] if "/node_modules/" in base else ""


def _flat(item: dict[str, Any], base: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield lock version 1's nested tree as the flat table of version 2; iterative, so that depth costs no stack."""
    pending = [(item, base)]
    while pending:
        current, prefix = pending.pop()
        for name, inner in (current.get("dependencies") or {}).items():
            path = f"{prefix}/node_modules/{name}".lstrip("/")
            yield path, {key: value for key, value in inner.items() if key != "dependencies"}
            pending.append((inner, path))
