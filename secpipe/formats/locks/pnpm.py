"""pnpm-lock.yaml (versions 5, 6 and 9): importers, packages and their edges, in one document or two."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, RelationKind
from secpipe.core.paths import folder_of, join
from secpipe.core.text import opening, plural
from secpipe.formats.locks import artifacts
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.npm import application
from secpipe.formats.yaml import parse_yaml

_NAME = re.compile(r"/?((?:@[^/@]+/)?[^/@()]+)[@/](.+)$")
_VERSION = re.compile(r"([^()_:/]+)(?:[_(].*)?$")
_OLD = re.compile(r"((?:@[^/@]+/)?[^/@()]+/[^/@()_]+)(?:_.*)?$")  # version 5: `name/1.0.0_peer@2.0.0`
_LOCAL = ("link:", "file:", "workspace:")
_PEERS = re.compile(r"[(_].*$")
_GROUPS = {"dependencies": "", "optionalDependencies": "optional", "devDependencies": "dev"}


def read(found: Lock) -> None:
    """Read one pnpm-lock.yaml; newer ones lock pnpm's own plug-ins in a document before the project's."""
    documents = parse_yaml(found.data, found.name, found.limits)
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise InputError("the lock file is not a table")
    for document in documents:
        _document(found, document)


def _document(found: Lock, document: dict[str, Any]) -> None:
    refs: dict[str, str] = {}
    packages, snapshots = document.get("packages") or {}, document.get("snapshots") or {}
    for key, item in packages.items():
        component = _package(found, str(key), item)
        if component is None:
            found.skip(f"not analysed: the package {opening(str(key))}")
            continue
        refs[_bare(str(key))] = found.add(component)
    for key, item in {**packages, **snapshots}.items():
        _edges(found, refs.get(_bare(str(key)), ""), item, refs)
    importers = document.get("importers") or {".": document}
    wanted: dict[str, set[str]] = {group: set() for group in _GROUPS}
    for where, item in importers.items():
        folder = join(folder_of(found.path), str(where)) or ""
        beside = f"{folder}/package.json".lstrip("/")
        manifest = found.near(beside)
        table = parse_json(manifest, "package.json", found.limits) if manifest is not None else {}
        about = application(folder, table, found.path if manifest is None else beside)
        for group, targets in _edges(found, found.add(about), item, refs, asked=True).items():
            wanted[group] |= targets
    if snapshots:  # version 9 says no more of a package that it is for development only
        shipped = wanted["dependencies"] | wanted["optionalDependencies"]
        found.only_for("dev", shipped, wanted["devDependencies"])
        found.only_for("optional", wanted["dependencies"], wanted["optionalDependencies"])


def _bare(key: str) -> str:
    """Return the key of a package without the peers that a snapshot was made for."""
    bare = key.lstrip("/").partition("(")[0]
    return old[1] if (old := _OLD.match(bare)) else bare


def _package(found: Lock, key: str, item: dict[str, Any]) -> Component | None:
    path = found.path
    parts = _NAME.match(key)
    resolution = item.get("resolution") or {}
    digest = hash_of(resolution.get("integrity"))
    facts = {
        "scope": "optional" if item.get("dev") or item.get("optional") else "",
        "group": "dev" if item.get("dev") is True else "",
    }
    hashes = [digest] if digest else []
    address = str(resolution.get("repo") or resolution.get("tarball") or resolution.get("directory") or "")
    version = _VERSION.match(parts[2]) if parts else None
    if parts is not None and version is not None:
        registry = "/".join(address.split("/")[:3]) if address.startswith("http") else ""
        claimed = parts[1], version[1]
        told = artifacts.believed(found, claimed, [address], artifacts.npm, artifacts.same_npm)
        return library("npm", *told, path=path, hashes=hashes, registry=registry, facts=facts)
    name = str(item.get("name") or (parts[1] if parts else ""))
    if not name or not address:
        return None
    commit, stated = str(resolution.get("commit") or ""), str(item.get("version") or "")
    return elsewhere(name, stated, path=path, url=address, commit=commit, hashes=hashes, facts=facts)


def _edges(found: Lock, source: str, item: Any, refs: dict[str, str], *, asked: bool = False) -> dict[str, set[str]]:
    """Relate a package to what it needs; return the refs by group."""
    wanted: dict[str, set[str]] = {group: set() for group in _GROUPS}
    missing: list[str] = []
    if not source or not isinstance(item, dict):
        return wanted
    for group in _GROUPS:
        for name, value in (item.get(group) or {}).items():
            version = str(value.get("version") if isinstance(value, dict) else value)
            bare = _PEERS.sub("", version)
            choices = (f"{name}@{_bare(version)}", f"{name}@{bare}", f"{name}/{bare}", bare.lstrip("/"), _bare(version))
            target = next((refs[key] for key in choices if key in refs), "")
            if not target and asked and not version.startswith(_LOCAL):
                missing.append(str(name))
            wanted[group] |= {target} - {""}
            found.relate(source, RelationKind.DEPENDS_ON, target)
    if missing:
        first = opening(missing[0])
        found.skip(f"{plural(len(missing), 'package')} asked for that the lock does not hold, beginning with {first}")
    return wanted
