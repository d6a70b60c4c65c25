"""bun.lock (Bun's text lock file): workspaces, packages with their integrity and true edges."""

from __future__ import annotations

from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, RelationKind
from secpipe.core.paths import folder_of
from secpipe.core.text import plural
from secpipe.formats.jsonc import plain_json
from secpipe.formats.locks import artifacts
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lines import key_lines
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.npm import application

_GROUPS = ("dependencies", "optionalDependencies", "peerDependencies")
_LOCAL = ("workspace:", "link:", "root:")
_DIRECT = ("git", "http", "file:", "github:", "bitbucket:", "gitlab:")


def read(found: Lock) -> None:
    """Read one bun.lock. A key `a/b` is what `a` sees as `b`; the name and version stand in the entry itself."""
    data = found.data
    document = parse_json(plain_json(data.decode("utf-8")).encode(), found.name, found.limits)
    if not isinstance(document, dict) or not isinstance(document.get("packages"), dict):
        raise InputError("bun.lock holds no table of packages")
    lines = key_lines(data, 4)
    refs: dict[str, str] = {}
    members: dict[str, str] = {}
    folder = folder_of(found.path)
    workspaces = document.get("workspaces") or {}
    for where, item in workspaces.items():
        members[where] = found.add(application(f"{folder}/{where}".strip("/"), item, found.path))
    packages = {key: item for key, item in document["packages"].items() if key.count("/") <= found.limits.json_depth}
    if deep := len(document["packages"]) - len(packages):
        found.skip(f"{plural(deep, 'package')} nested deeper than {found.limits.json_depth} in one another")
    for key, item in packages.items():
        name, _, version = _parts(item[0])
        if version.startswith(_LOCAL):
            refs[key] = members.get(version.partition(":")[2], "")
        else:
            refs[key] = found.add(_package(found, name, version, item, lines.get(key, 0)))
    for key, item in packages.items():
        for name in _needs(next((part for part in item if isinstance(part, dict)), {}), _GROUPS):
            found.relate(refs[key], RelationKind.DEPENDS_ON, _seen_from(key, name, refs))
    _asked(found, workspaces, members, refs)


def _asked(found: Lock, workspaces: dict[str, Any], members: dict[str, str], refs: dict[str, str]) -> None:
    """Relate each workspace to what it asks for; what only development needs is optional."""
    wanted: dict[bool, set[str]] = {True: set(), False: set()}
    for where, item in workspaces.items():
        for groups in (_GROUPS, ("devDependencies",)):
            targets = {_seen_from(str(item.get("name") or ""), name, refs) for name in _needs(item, groups)}
            wanted[groups is _GROUPS] |= targets
            found.named |= targets - {""}
            found.relate(members[where], RelationKind.DEPENDS_ON, *targets)
    found.only_for("dev", wanted[True], wanted[False] - set(members.values()))
    found.named -= set(members.values())


def _needs(item: dict[str, Any], groups: tuple[str, ...]) -> list[str]:
    return [str(name) for group in groups for name in item.get(group) or {}]


def _seen_from(key: str, name: str, refs: dict[str, str]) -> str:
    """Return what `key` finds as `name`: the nearest entry, from the inside out."""
    while key:
        if f"{key}/{name}" in refs:
            return refs[f"{key}/{name}"]
        key = key.rpartition("/")[0]
    return refs.get(name, "")


def _parts(text: str) -> tuple[str, str, str]:
    at = text.find("@", 1)
    return (text[:at], "@", text[at + 1 :]) if at > 0 else (text, "", "")


def _package(found: Lock, name: str, version: str, item: list[Any], line: int) -> Component:
    path = found.path
    digest = hash_of(item[-1])
    hashes = [digest] if digest else []
    if version.startswith(_DIRECT):
        url, _, commit = version.partition("#")
        return elsewhere(name, "", path=path, line=line, url=url, commit=commit, hashes=hashes)
    version = version.removeprefix("npm:")
    registry = item[1] if len(item) > 1 and isinstance(item[1], str) and item[1].startswith("http") else ""
    name, version = artifacts.believed(found, (name, version), [registry], artifacts.npm, artifacts.same_npm, line)
    registry = "/".join(registry.split("/")[:3])
    return library("npm", name, version, path=path, line=line, hashes=hashes, registry=registry)
