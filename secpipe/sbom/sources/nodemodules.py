"""Installed npm packages, read from their own manifests: what ships although no lock file names it."""

from __future__ import annotations

from collections.abc import Iterator

from secpipe.core.artifact import FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind
from secpipe.core.text import printable
from secpipe.formats.locks import table
from secpipe.formats.locks.library import library
from secpipe.sbom.collector import Collector


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return table.INSTALLED_NODE.search(entry.path) is not None


def read_all(found: Collector) -> None:
    """Add every installed package that no lock file of the tree has named in that version."""
    known = {(one.name, one.version) for one in found.of_kind(ComponentKind.LIBRARY) if one.ecosystem == "npm"}
    for entry in found.files:
        if not takes(entry):
            continue
        try:
            for one in described(found.read(entry), entry.path):
                if (one.name, one.version) not in known:
                    known.add((one.name, one.version))
                    found.add(one)
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")


def described(data: bytes, path: str) -> Iterator[Component]:
    """Yield the package that an installed manifest describes; raises InputError where it names none."""
    told = parse_json(data, "its manifest")
    name, version = (told.get(key) if isinstance(told, dict) else None for key in ("name", "version"))
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        raise InputError("it names no package and version")
    yield library("npm", name, version, path=path, direct=False)
