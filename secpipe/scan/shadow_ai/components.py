"""Installed packages that a record or a lock settles: components, judged as such, and no code of the project."""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterable

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.core.text import as_bytes
from secpipe.formats.coding import as_utf8
from secpipe.formats.locks import table

_MODULES = "node_modules/"


def components(tree: Tree, paths: Iterable[str], limits: Limits) -> frozenset[str]:
    """Return the files equal to the hash in their wheel's RECORD, and those of npm packages that a lock names."""
    found: set[str] = set()
    locked = _locked(tree, limits)
    for path in paths:
        if path.endswith(".dist-info/RECORD"):
            found |= _recorded(tree, path, limits)
        elif _MODULES in path:
            before, _, inside = path.rpartition(_MODULES)
            name = "/".join(inside.split("/")[: 2 if inside.startswith("@") else 1])
            top = before.partition(_MODULES)[0].rstrip("/")
            if (top, name) in locked:
                found.add(path)
    return frozenset(found)


def text_of(tree: Tree, entry: FileEntry, limits: Limits) -> str:
    """Return a file as text; "" where it cannot be read whole."""
    try:
        return as_utf8(tree.read(entry, limits.text_bytes)).decode("utf-8", "replace")
    except InputError:
        return ""


def _recorded(tree: Tree, record: str, limits: Limits) -> set[str]:
    entry = tree.find(record)
    base = record.rpartition("/")[0].rpartition("/")[0]
    found = set()
    for row in csv.reader(text_of(tree, entry, limits).splitlines()) if entry else ():
        if len(row) < 2 or not row[1].startswith("sha256="):
            continue
        path = f"{base}/{row[0]}" if base else row[0]
        there = tree.find(path)
        digest = row[1].removeprefix("sha256=")
        if there and there.sha256 and _encoded(there.sha256) == digest:
            found.add(path)
    return found


def _encoded(hexadecimal: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(hexadecimal)).decode().rstrip("=")


def _locked(tree: Tree, limits: Limits) -> set[tuple[str, str]]:
    """Packages for node that lock files name, each with the folder of its lock."""
    found: set[tuple[str, str]] = set()
    for entry in tree.files:
        row = table.row_of(entry.path) if _MODULES not in entry.path else None
        if row is not None and row.locked and row.ecosystem == "npm":
            lock = table.read(row, entry.path, as_bytes(text_of(tree, entry, limits)))
            folder = entry.path.rpartition("/")[0]
            found |= {(folder, component.name) for component in lock.components}
    return found
