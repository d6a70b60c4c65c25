"""npm: package-lock.json (versions 1, 2 and 3) with true edges, and package.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind
from secpipe.sbom.collector import Collector, content_ref, declared
from secpipe.sbom.paths import folder_of
from secpipe.sbom.sources.library import elsewhere, hash_of, library
from secpipe.sbom.sources.lines import key_lines

_GROUPS = {"dependencies": "", "optionalDependencies": "optional", "devDependencies": "dev", "peerDependencies": "peer"}


def application(folder: str, document: dict[str, Any], path: str) -> Component:
    """Return the application that a package.json or the root of a lock file describes."""
    name = str(document.get("name") or folder.rpartition("/")[2] or "package")
    ref = content_ref(ComponentKind.APPLICATION, folder, name)
    facts = declared(
        path, {"description": str(document.get("description") or ""), "supplier": _person(document.get("author"))}
    )
    version = str(document.get("version") or "")
    licenses = licenses_of(document)
    return Component(ref, ComponentKind.APPLICATION, name, version, path=path, licenses=licenses, facts=facts)


def licenses_of(item: dict[str, Any]) -> tuple[str, ...]:
    """Return the licence of a package.json or lock entry, in whichever of npm's old shapes it is."""
    value = item.get("license") or item.get("licenses")
    many = value if isinstance(value, list) else [value]
    texts = [part.get("type") if isinstance(part, dict) else part for part in many]
    return tuple(text for text in texts if isinstance(text, str) and text)


def read_manifest(found: Collector, entry: FileEntry) -> None:
    """Read one package.json: the application and what it asks for, unpinned unless a lock file says more."""
    document = parse_json(found.read(entry), "package.json", found.limits)
    if not isinstance(document, dict):
        raise InputError("package.json is not a table")
    source = found.add(application(folder_of(entry.path), document, entry.path))
    for key, group in _GROUPS.items():
        for name, spec in (document.get(key) or {}).items():
            if isinstance(spec, str):
                found.relate(source, RelationKind.DEPENDS_ON, found.add(_asked(name, spec, entry.path, group)))


def _asked(name: str, spec: str, path: str, group: str) -> Component:
    facts = {"specifier": spec, "group": group, "scope": "optional" if group in {"dev", "optional"} else ""}
    if spec.startswith("npm:"):
        name = spec[4:].rpartition("@")[0] or spec[4:]
    elif "://" in spec or spec.startswith(("file:", "link:", "git+", "github:", "workspace:")):
        return elsewhere(name, "", path=path, direct=True, url=spec.partition("#")[0], facts=facts)
    return library("npm", name, path=path, direct=True, facts=facts)


def read_lock(found: Collector, entry: FileEntry) -> None:
    """Read one package-lock.json."""
    data = found.read(entry)
    document = parse_json(data, entry.name, found.limits)
    if not isinstance(document, dict):
        raise InputError("the lock file is not a table")
    items = document.get("packages")
    if not isinstance(items, dict):
        items = {"": {key: document.get(key) for key in ("name", "version")}, **dict(_flat(document, ""))}
    folder = folder_of(entry.path)
    lines = key_lines(data, 4)
    refs: dict[str, str] = {}
    for path, item in items.items():
        if item.get("link"):
            continue
        if "node_modules/" not in path:
            where = f"{folder}/{path}".strip("/")
            refs[path] = found.add(application(where, item, entry.path))
        else:
            refs[path] = found.add(_locked(path, item, entry.path, lines.get(path, 0)))
    for path, item in items.items():
        target = item.get("resolved")
        if item.get("link") and isinstance(target, str) and target in refs:
            refs[path] = refs[target]
    for path, item in items.items():
        if not item.get("link"):
            _edges(found, path, item, refs)


def _locked(path: str, item: dict[str, Any], file: str, line: int) -> Component:
    name = str(item.get("name") or path.rpartition("node_modules/")[2])
    version, resolved = str(item.get("version") or ""), str(item.get("resolved") or "")
    digest = hash_of(item.get("integrity"))
    facts = {
        "scope": "optional" if item.get("dev") or item.get("optional") or item.get("devOptional") else "",
        "group": "dev" if item.get("dev") else "",
        "artifact-url": resolved if resolved.startswith("https://") else "",
        "install-script": "yes" if item.get("hasInstallScript") else "",
    }
    hashes = (digest,) if digest else ()
    if resolved.startswith(("git", "file:", "github:")):
        url, _, commit = resolved.partition("#")
        return elsewhere(name, version, path=file, line=line, url=url, commit=commit, hashes=hashes, facts=facts)
    registry = resolved if resolved.startswith("http") else ""
    return library(
        "npm", name, version, path=file, line=line, hashes=hashes, licenses=licenses_of(item),
        registry="/".join(registry.split("/")[:3]), facts=facts,
    )  # fmt: skip


def _edges(found: Collector, path: str, item: dict[str, Any], refs: dict[str, str]) -> None:
    for key in (*_GROUPS, "requires"):
        for name in item.get(key) or {}:
            base = path
            while True:  # node's own rule: the nearest node_modules, from the inside out
                target = f"{base}/node_modules/{name}".lstrip("/")
                if target in refs:
                    found.relate(refs[path], RelationKind.DEPENDS_ON, refs[target])
                    component = found.get(refs[target])
                    if "node_modules/" not in path and component is not None and not component.direct:
                        found.replace(dataclasses.replace(component, direct=True))
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


def _person(value: Any) -> str:
    return str(value.get("name") or "") if isinstance(value, dict) else str(value or "")
