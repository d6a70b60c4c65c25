"""Podfile.lock (CocoaPods): pods with their true edges; subspecs are parts of their pod."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, RelationKind
from secpipe.core.text import opening
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.yaml import parse_yaml

_POD = re.compile(r"([^\s/(]+)(?:/[^\s(]+)?(?:\s+\(([^)]*)\))?")
_PUBLIC = {"", "trunk", "https://github.com/cocoapods/specs", "https://cdn.cocoapods.org", "https://cdn.cocoapods.org/"}
_LINE = re.compile(r'\s\s- "?([^\s/("]+)[^(]*\([^)]*\)"?:?$')


def read(found: Lock) -> None:
    """Read one Podfile.lock."""
    documents = parse_yaml(found.data, found.name, found.limits)
    document = documents[0] if documents else None
    if not isinstance(document, dict) or not isinstance(document.get("PODS"), list):
        raise InputError("Podfile.lock holds no list of pods")
    lines: dict[str, int] = {}
    for number, line in enumerate(found.data.decode("utf-8").splitlines(), 1):
        if match := _LINE.match(line):
            lines.setdefault(match[1], number)
    outside = {name: dict(item) for name, item in (document.get("EXTERNAL SOURCES") or {}).items()}
    for name, item in (document.get("CHECKOUT OPTIONS") or {}).items():
        outside.setdefault(name, {}).update(item)
    repos = {str(name): str(repo) for repo, pods in (document.get("SPEC REPOS") or {}).items() for name in pods}
    refs: dict[str, str] = {}
    needs: list[tuple[str, str]] = []
    for item in document["PODS"]:
        text, wanted = next(iter(item.items())) if isinstance(item, dict) else (item, [])
        name, version = _parts(str(text))
        if not version:
            raise InputError(f"the pod {opening(name)} has no version")
        if name not in refs:
            refs[name] = found.add(
                _pod(name, version, outside.get(name), repos.get(name, ""), found.path, lines.get(name, 0))
            )
        needs += [(refs[name], _parts(str(other))[0]) for other in wanted or []]
    for ref, name in needs:
        found.relate(ref, RelationKind.DEPENDS_ON, refs.get(name, ""))
    found.named |= {refs[name] for item in document.get("DEPENDENCIES") or [] if (name := _parts(str(item))[0]) in refs}


def _parts(text: str) -> tuple[str, str]:
    match = _POD.match(text.strip())
    if match is None:
        raise InputError(f"{opening(str(text))} is no pod")
    return match[1], match[2] or ""


def _pod(name: str, version: str, outside: dict[str, Any] | None, repo: str, path: str, line: int) -> Component:
    if outside is None:
        own = "" if repo.lower().removesuffix(".git") in _PUBLIC else repo
        return library("CocoaPods", name, version, path=path, line=line, registry=own)
    address = str(outside.get(":git") or outside.get(":podspec") or outside.get(":path") or "")
    return elsewhere(name, version, path=path, line=line, url=address, commit=str(outside.get(":commit") or ""))
