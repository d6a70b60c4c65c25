"""yarn.lock: version 1's own format, and the YAML of later versions."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import RelationKind
from secpipe.core.paths import folder_of, join
from secpipe.core.text import opening
from secpipe.formats.locks import artifacts
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.npm import GROUPS
from secpipe.formats.yaml import parse_yaml

_PATTERN = re.compile(r'"?((?:@[^/@"]+/)?[^/@"]+)@([^"]*)"?')
_MEMBER = re.compile(r"@workspace:([^\s#]{1,400})$")
_NAMED = re.compile(r"(?:@[^/@]{1,200}/)?[^/@:]{1,200}@(?=[a-z+]{1,20}:|git@)")
_ALIAS = re.compile(r"npm:((?:@[^/@]{1,200}/)?[^/@]{1,200})(@?)")
_ARCHIVE = re.compile(r"[:&]__archiveUrl=([^&#\s]{1,2000})")  # where a later version writes another registry's address
_FIELD = re.compile(r'\s+"?([\w@/.-]+)"?:?\s+"?([^"]*)"?$')


def read(found: Lock) -> None:
    """Read one yarn.lock; what the project itself named stands in package.json."""
    data = found.data
    if b"__metadata:" in data[:4096]:
        documents = parse_yaml(data, found.name, found.limits)
        table = documents[0] if documents else {}
        if not isinstance(table, dict):
            raise InputError("the lock file is not a table")
        blocks = [
            (0, str(key), value) for key, value in table.items() if key != "__metadata" and isinstance(value, dict)
        ]
    else:
        blocks = _classic(data.decode("utf-8"))
    by_pattern: dict[str, str] = {}
    needs: list[tuple[str, dict[str, Any]]] = []
    for line, key, item in blocks:
        ref = _package(found, line, key, item)
        for part in key.split(","):
            by_pattern[part.strip().strip('"')] = ref
        needs.append((ref, {**(item.get("dependencies") or {}), **(item.get("optionalDependencies") or {})}))
    for ref, table in needs:
        for name, wanted in table.items():
            target = by_pattern.get(f"{name}@{wanted}") or by_pattern.get(f"{name}@npm:{wanted}")
            if target and ref:
                found.relate(ref, RelationKind.DEPENDS_ON, target)
    members = [match[1] for _, _, item in blocks if (match := _MEMBER.search(str(item.get("resolution") or "")))]
    _development(found, by_pattern, members)


def _development(found: Lock, by_pattern: dict[str, str], members: list[str]) -> None:
    """Mark what only the development tables need: of package.json, and of each member where the lock names them."""
    wanted: dict[bool, set[str]] = {True: set(), False: set()}
    for folder in members or ["."]:
        place = join(folder_of(found.path), f"{folder}/package.json")
        data = found.near(place) if place else None
        manifest = parse_json(data, "package.json", found.limits) if data is not None else None
        if not isinstance(manifest, dict) or ("workspaces" in manifest and not members):
            return
        for key, group in GROUPS.items():
            for name, spec in (manifest.get(key) or {}).items():
                ref = by_pattern.get(f"{name}@{spec}") or by_pattern.get(f"{name}@npm:{spec}") or ""
                wanted[group == "dev"].add(ref)
    found.only_for("dev", wanted[False], wanted[True])


def _package(found: Lock, line: int, key: str, item: dict[str, Any]) -> str:
    parts = _PATTERN.match(key.split(",")[0].strip())
    version = str(item.get("version") or "")
    if parts is None or not version:
        found.skip(f"not analysed: the package {opening(str(key))}")
        return ""
    resolution = str(item.get("resolution") or item.get("resolved") or "")
    if "workspace:" in resolution:
        return ""
    name = parts[1]
    if (alias := _ALIAS.match(parts[2])) and not (alias[2] == "" and "resolution" in item):
        name = alias[1]  # in version 1 every `npm:` is an alias; later `npm:1.0.0` is a version
    digest = hash_of(item.get("integrity"))
    direct = parts[2].startswith(("http", "git", "github:", "file:", "link:", "portal:"))
    if direct or resolution.startswith(("git", "https://codeload.github.com")) or "#commit=" in resolution:
        url = _NAMED.sub("", resolution)
        return found.add(elsewhere(name, version, path=found.path, line=line, url=url))
    address = resolution.partition("#")[0]
    name, version = artifacts.believed(found, (name, version), [address], artifacts.npm, artifacts.same_npm, line)
    if match := _ARCHIVE.search(resolution):
        resolution = unquote(match[1])
    registry = "/".join(resolution.split("/")[:3]) if resolution.startswith("http") else ""
    hashes = [digest] if digest else []
    return found.add(library("npm", name, version, path=found.path, line=line, hashes=hashes, registry=registry))


def _classic(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    """Return (line, patterns, fields) of each block of the version 1 format."""
    blocks: list[tuple[int, str, dict[str, Any]]] = []
    inner: dict[str, Any] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            blocks.append((number, line.rstrip().removesuffix(":"), {}))
            inner = None
        elif blocks and line.rstrip().endswith(":"):
            inner = blocks[-1][2].setdefault(line.strip().removesuffix(":"), {})
        elif blocks and (field := _FIELD.match(line)):
            target = inner if inner is not None and line.startswith("    ") else blocks[-1][2]
            target[field[1]] = field[2]
    return blocks
