"""The verdict store: every verdict with what it was decided from, in plain folders that can be copied, listed, signed.

    STORE/<environment>/<dirHash>/<time>-<8 hex>/verdict.json, evidence.json, policy.toml, bom.cdx.json, *.att.json

The store is not trusted: what counts is a signed verdict in it (`vsa`), and the documents that the signature names by
digest. An entry is written to a folder beside and moved into place, so that a crash leaves no half of one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.core.verdict import READ, SCHEMA
from secpipe.gate import record as records
from secpipe.gate.record import Record
from secpipe.system import files

VERDICT, EVIDENCE, POLICY = "verdict.json", "evidence.json", "policy.toml"
TREE_POLICY, WAIVERS, BOM = "tree-policy.toml", "waivers.toml", "bom.cdx.json"
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEX = re.compile(r"[0-9a-f]{64}")
_ENTRY = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One verdict in the store. Nothing is read before it is asked for, and nothing is believed."""

    environment: str
    digest: str  # dirHash of the subject
    name: str  # <time>-<8 hex>
    folder: Path

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the entry's files; raises InputError."""
        return files.read_bytes(self.folder / name, DEFAULT.document_bytes, follow=False)

    def verdict(self) -> dict[str, Any]:
        """Return the verdict document; raises InputError."""
        what = f"the stored verdict {self.name}"
        document = parse_json(self.read(VERDICT), what)
        if not isinstance(document, dict) or document.get("schema") not in READ:
            raise InputError(f"{what} is no {SCHEMA} document")
        return document

    def record(self) -> Record:
        """Return what the verdict was decided from; raises InputError."""
        return records.before_agents(records.decode(self.read(EVIDENCE), f"the stored evidence {self.name}"))


def check_environment(name: str) -> None:
    """Raise InputError for an environment that cannot name a folder of the store."""
    if not _PLACE.fullmatch(name):
        raise InputError(f'"{printable(name, 64)}" cannot name a folder of the store', hint="letters, digits, . _ -")


def keep(store: Path, environment: str, digest: str, stamp: str, contents: Mapping[str, bytes]) -> Entry:
    """Store the files of one verdict and return its entry; storing the same again changes nothing.

    `stamp` is the verdict's own time (RFC 3339, UTC, to the second). Raises InputError for an environment that cannot
    name a folder, or where the store cannot be written.
    """
    check_environment(environment)
    if not _HEX.fullmatch(digest):
        raise InputError("a release is stored under its dirHash, 64 hex digits")
    name = f"{re.sub('[-:]', '', stamp)}-{hashlib.sha256(contents[VERDICT]).hexdigest()[:8]}"
    entry = Entry(environment, digest, name, store / environment / digest / name)
    files.write_folder(entry.folder, contents)
    return entry


def entry_at(folder: Path) -> Entry:
    """Return the entry that stands at `folder`; raises InputError where no entry can stand there."""
    place = folder.absolute()
    shapes = ((place, _ENTRY), (place.parent, _HEX), (place.parent.parent, _PLACE))
    if not folder.is_dir() or not all(shape.fullmatch(part.name) for part, shape in shapes):
        raise InputError(
            f"{printable(str(folder))} is no entry of a verdict store", hint="secpipe verdict list --store FOLDER"
        )
    return Entry(place.parent.parent.name, place.parent.name, place.name, folder)


def entries(store: Path, *, environment: str = "", digest: str = "") -> Iterator[Entry]:
    """Yield the store's entries, oldest first within a subject, of one environment or subject if given.

    What is named is looked up by its place: nothing else is listed. Raises InputError where there is no store.
    """
    if not store.is_dir():
        raise InputError(f"there is no verdict store in {printable(str(store))}", hint="secpipe check --store FOLDER")
    for where in _named(store, environment, _PLACE):
        for subject in _named(where, digest, _HEX):
            for folder in _folders(subject, _ENTRY):
                yield Entry(where.name, subject.name, folder.name, folder)


def placed(store: Path, environment: str, digest: str, name: str) -> Entry:
    """Return the entry of that place, which need not be there; raises InputError for what is no place of a store."""
    if not (_PLACE.fullmatch(environment) and _HEX.fullmatch(digest) and _ENTRY.fullmatch(name)):
        raise InputError("this is no place of a verdict store")
    return Entry(environment, digest, name, store / environment / digest / name)


def _named(path: Path, name: str, shape: re.Pattern[str]) -> list[Path]:
    """Return the real folder of that name below `path`, or all of that shape; a link is none."""
    if not name:
        return _folders(path, shape)
    one = path / name
    return [one] if shape.fullmatch(name) and one.is_dir() and not one.is_symlink() else []


def _folders(path: Path, shape: re.Pattern[str]) -> list[Path]:
    """Return the real folders below `path` whose names have that shape, sorted; links are not followed."""
    return [path / name for name in files.folders(path) if shape.fullmatch(name)]
