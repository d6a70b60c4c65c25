"""pnpm-lock.yaml (versions 5, 6 and 9): importers, packages and their edges."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.inventory import RelationKind
from secpipe.formats.yaml import parse_yaml
from secpipe.sbom.collector import Collector
from secpipe.sbom.paths import folder_of, join
from secpipe.sbom.sources.library import hash_of, library
from secpipe.sbom.sources.npm import application

_KEY = re.compile(r"/?((?:@[^/@]+/)?[^/@()]+)[@/]([^()/_]+)(?:[_(].*)?$")
_GROUPS = {"dependencies": "", "optionalDependencies": "optional", "devDependencies": "dev"}


def read(found: Collector, entry: FileEntry) -> None:
    """Read one pnpm-lock.yaml."""
    documents = parse_yaml(found.read(entry), entry.name, found.limits)
    document = documents[-1] if documents else None
    if not isinstance(document, dict):
        raise InputError("the lock file is not a table")
    refs: dict[str, str] = {}
    packages, snapshots = document.get("packages") or {}, document.get("snapshots") or {}
    for key, item in packages.items():
        parts = _KEY.match(str(key))
        if parts is None:
            found.skip(entry.path, f"not analysed: the package {key!a:.80}")
            continue
        digest = hash_of((item.get("resolution") or {}).get("integrity"))
        facts = {"scope": "optional" if item.get("dev") or item.get("optional") else ""}
        component = library("npm", parts[1], parts[2], path=entry.path, hashes=[digest] if digest else [], facts=facts)
        refs[f"{parts[1]}@{parts[2]}"] = found.add(component)
    for key, item in {**packages, **snapshots}.items():
        if (parts := _KEY.match(str(key))) is not None:
            _edges(found, refs.get(f"{parts[1]}@{parts[2]}", ""), item, refs)
    importers = document.get("importers") or {".": document}
    for where, item in importers.items():
        folder = join(folder_of(entry.path), str(where)) or ""
        manifest = found.tree.find(f"{folder}/package.json".lstrip("/"))
        if manifest is None:
            _edges(found, found.add(application(folder, {}, entry.path)), item, refs)
        else:
            from secpipe.core.documents import parse_json

            table = parse_json(found.read(manifest), "package.json", found.limits)
            _edges(found, found.add(application(folder, table, manifest.path)), item, refs)


def _edges(found: Collector, source: str, item: Any, refs: dict[str, str]) -> None:
    if not source or not isinstance(item, dict):
        return
    for group in _GROUPS:
        for name, value in (item.get(group) or {}).items():
            version = str(value.get("version") if isinstance(value, dict) else value)
            bare = re.sub(r"[(_].*$", "", version)
            target = refs.get(f"{name}@{bare}") or refs.get(bare.lstrip("/"))
            if target:
                found.relate(source, RelationKind.DEPENDS_ON, target)
