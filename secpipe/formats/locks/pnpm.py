"""pnpm-lock.yaml (versions 5, 6 and 9): importers, packages and their edges."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import RelationKind
from secpipe.core.paths import folder_of, join
from secpipe.formats.locks.library import hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.npm import application
from secpipe.formats.yaml import parse_yaml

_KEY = re.compile(r"/?((?:@[^/@]+/)?[^/@()]+)[@/]([^()/_]+)(?:[_(].*)?$")
_GROUPS = {"dependencies": "", "optionalDependencies": "optional", "devDependencies": "dev"}


def read(found: Lock) -> None:
    """Read one pnpm-lock.yaml."""
    documents = parse_yaml(found.data, found.name, found.limits)
    document = documents[-1] if documents else None
    if not isinstance(document, dict):
        raise InputError("the lock file is not a table")
    refs: dict[str, str] = {}
    packages, snapshots = document.get("packages") or {}, document.get("snapshots") or {}
    for key, item in packages.items():
        parts = _KEY.match(str(key))
        if parts is None:
            found.skip(f"not analysed: the package {key!a:.80}")
            continue
        digest = hash_of((item.get("resolution") or {}).get("integrity"))
        facts = {"scope": "optional" if item.get("dev") or item.get("optional") else ""}
        component = library("npm", parts[1], parts[2], path=found.path, hashes=[digest] if digest else [], facts=facts)
        refs[f"{parts[1]}@{parts[2]}"] = found.add(component)
    for key, item in {**packages, **snapshots}.items():
        if (parts := _KEY.match(str(key))) is not None:
            _edges(found, refs.get(f"{parts[1]}@{parts[2]}", ""), item, refs)
    importers = document.get("importers") or {".": document}
    for where, item in importers.items():
        folder = join(folder_of(found.path), str(where)) or ""
        beside = f"{folder}/package.json".lstrip("/")
        manifest = found.near(beside)
        table = parse_json(manifest, "package.json", found.limits) if manifest is not None else {}
        about = application(folder, table, found.path if manifest is None else beside)
        _edges(found, found.add(about), item, refs)


def _edges(found: Lock, source: str, item: Any, refs: dict[str, str]) -> None:
    if not source or not isinstance(item, dict):
        return
    for group in _GROUPS:
        for name, value in (item.get(group) or {}).items():
            version = str(value.get("version") if isinstance(value, dict) else value)
            bare = re.sub(r"[(_].*$", "", version)
            target = refs.get(f"{name}@{bare}") or refs.get(bare.lstrip("/"))
            if target:
                found.relate(source, RelationKind.DEPENDS_ON, target)
