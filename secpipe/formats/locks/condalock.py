"""conda-lock.yml: packages of conda and pip for each platform, with hashes, categories and edges."""

from __future__ import annotations

from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, RelationKind
from secpipe.formats.locks import artifacts
from secpipe.formats.locks.conda import conda_package
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.yaml import parse_yaml

_MAIN = {"", "main"}


def read(found: Lock) -> None:
    """Read one conda-lock.yml; a package locked for several platforms is one component each build."""
    documents = parse_yaml(found.data, found.name, found.limits)
    document = documents[0] if documents else None
    if not isinstance(document, dict) or not isinstance(document.get("package"), list):
        raise InputError("conda-lock.yml holds no list of packages")
    refs: dict[tuple[str, str], str] = {}
    for item in document["package"]:
        ref = found.add(_package(found, item))
        refs.setdefault((str(item.get("platform")), str(item["name"])), ref)
    for item in document["package"]:
        place = str(item.get("platform"))
        targets = (refs.get((place, str(name)), "") for name in item.get("dependencies") or {})
        found.relate(refs[place, str(item["name"])], RelationKind.DEPENDS_ON, *targets)


def _package(found: Lock, item: dict[str, Any]) -> Component:
    path = found.path
    name, version, url = str(item["name"]), str(item["version"]), str(item.get("url") or "")
    group = str(item.get("category") or "")
    optional = item.get("optional") or group not in _MAIN
    facts = {"group": group if optional else "", "scope": "optional" if optional else ""}
    marks = item.get("hash") or {}
    hashes = [f"{kind}:{marks[kind]}" for kind in ("sha256", "md5") if isinstance(marks.get(kind), str)][:1]
    if item.get("manager") != "pip":
        name, version = artifacts.believed(found, (name, version), [url], artifacts.conda, artifacts.same_conda)
        return conda_package(name, version, url, path=path, hashes=hashes, facts=facts)
    if url.startswith(("git+", "file:")):
        return elsewhere(name, version, path=path, url=url, hashes=hashes, facts=facts)
    name, version = artifacts.believed(found, (name, version), [url], artifacts.pypi, artifacts.same_pypi)
    registry = "/".join(url.split("/")[:3]) if url.startswith("http") else ""
    return library("PyPI", name, version, path=path, hashes=hashes, registry=registry, facts=facts)
