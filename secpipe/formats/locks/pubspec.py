"""pubspec.lock (Dart, Flutter): packages with their source and SHA-256; the file holds no edges."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.inventory import Component
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.yaml import parse_yaml

_KEY = re.compile(r"""^  ["']?([\w]+)["']?:\s*$""")


def read(found: Lock) -> None:
    """Read one pubspec.lock."""
    documents = parse_yaml(found.data, found.name, found.limits)
    document = documents[0] if documents else None
    if not isinstance(document, dict) or not isinstance(document.get("packages"), dict):
        raise InputError("pubspec.lock holds no table of packages")
    lines: dict[str, int] = {}
    for number, line in enumerate(found.data.decode("utf-8").splitlines(), 1):
        if match := _KEY.match(line):
            lines.setdefault(match[1], number)
    for name, item in document["packages"].items():
        ref = found.add(_package(str(name), item, found.path, lines.get(str(name), 0)))
        if str(item.get("dependency") or "").startswith("direct"):
            found.named.add(ref)


def _package(name: str, item: dict[str, Any], path: str, line: int) -> Component:
    about = item.get("description")
    about = about if isinstance(about, dict) else {}
    version = str(item.get("version") or "")
    dev = item.get("dependency") == "direct dev"
    facts = {"group": "dev" if dev else "", "scope": "optional" if dev else ""}
    url = str(about.get("url") or "")
    if item.get("source") != "hosted":
        commit = str(about.get("resolved-ref") or "")
        return elsewhere(name, version, path=path, line=line, url=url, commit=commit, facts=facts)
    digest = hash_of(f"sha256:{about.get('sha256') or ''}")
    hashes = [digest] if digest else []
    return library(
        "Pub", str(about.get("name") or name), version, path=path, line=line, hashes=hashes, registry=url, facts=facts
    )
