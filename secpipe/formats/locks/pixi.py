"""pixi.lock (versions 4 to 7): packages of conda and PyPI, each with its hash; which environments need them."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.inventory import Component
from secpipe.formats.locks import artifacts
from secpipe.formats.locks.conda import conda_package
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.yaml import parse_yaml

_BUILD = re.compile(r"test|lint|docs?|dev", re.I)
_KINDS = ("conda", "pypi", "conda_source")
_SOURCE = re.compile(r"([\w.-]{1,200})\[[^\]]{0,100}\] @ (.+)")  # version 7: `name[build] @ place`


def read(found: Lock) -> None:
    """Read one pixi.lock; what only environments for tests, docs or development need is optional."""
    documents = parse_yaml(found.data, found.name, found.limits)
    document = documents[0] if documents else None
    if not isinstance(document, dict) or not isinstance(document.get("packages"), list):
        raise InputError("pixi.lock holds no list of packages")
    users = _users(document)
    for item in document["packages"]:
        kind = str(item.get("kind") or next((key for key in _KINDS if key in item), "pypi"))
        url = str(item.get("url") or item.get("path") or item.get(kind) or "")
        groups = users.get(url, [])
        optional = bool(groups) and all(map(_BUILD.search, groups))
        facts = {"group": " ".join(groups[:20]) if optional else "", "scope": "optional" if optional else ""}
        found.add(_package(found, kind, item, url, facts))


def _users(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return which environments name an address."""
    users: dict[str, list[str]] = {}
    for name, environment in (document.get("environments") or {}).items():
        for listed in (environment.get("packages") or {}).values():
            for item in listed:
                for key in _KINDS:
                    if key in item and name not in users.setdefault(str(item[key]), []):
                        users[str(item[key])].append(str(name))
    return users


def _package(found: Lock, kind: str, item: dict[str, Any], url: str, facts: dict[str, str]) -> Component:
    path = found.path
    hashes = [digest for key in ("sha256", "md5") if (digest := hash_of(f"{key}:{item.get(key)}"))][:1]
    name, version = str(item.get("name") or ""), str(item.get("version") or "")
    if kind == "conda_source":  # built from a folder or repository
        source = _SOURCE.fullmatch(url)
        name, url = (source[1], source[2]) if source else (name or "package", url)
        address, _, commit = url.partition("#")
        return elsewhere(name, version, path=path, url=address, commit=commit, facts=facts)
    if kind == "conda":
        told = artifacts.conda(url) or ("", "")
        if not (name or told[0]):
            raise InputError("a package has no name")
        claimed = name or told[0], version or told[1]
        name, version = artifacts.believed(found, claimed, [url], artifacts.conda, artifacts.same_conda)
        return conda_package(name, version, url, path=path, hashes=hashes, facts=facts)
    if not name:
        raise InputError("a package has no name")
    if "://" not in url or url.startswith(("git+", "file:")):
        address, _, commit = url.partition("#")
        return elsewhere(name, version, path=path, url=address, commit=commit, hashes=hashes, facts=facts)
    name, version = artifacts.believed(found, (name, version), [url], artifacts.pypi, artifacts.same_pypi)
    registry = "/".join(url.removeprefix("direct+").split("/")[:3])
    return library("PyPI", name, version, path=path, hashes=hashes, registry=registry, facts=facts)
