"""The inventory of releases: BOMs kept in an embedded database and asked across releases.

`Store` is the whole interface; `SqliteStore` is its one implementation. The tables are in docs/spec/inventory.md and
use nothing that PostgreSQL lacks.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secpipe.core import times
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.text import printable
from secpipe.sbom.bom import Document, dump, hash_of, licenses_of
from secpipe.sbom.extras import walk
from secpipe.sbom.graph import edges
from secpipe.sbom.query import select
from secpipe.system import files

_SCHEMA = """
CREATE TABLE IF NOT EXISTS release (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, serial TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS component (
    id INTEGER PRIMARY KEY, release_id INTEGER NOT NULL REFERENCES release (id) ON DELETE CASCADE, kind TEXT NOT NULL,
    name TEXT NOT NULL, version TEXT NOT NULL, purl TEXT NOT NULL, sha256 TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS license (
    component_id INTEGER NOT NULL REFERENCES component (id) ON DELETE CASCADE, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lineage (
    release_id INTEGER NOT NULL REFERENCES release (id) ON DELETE CASCADE, child TEXT NOT NULL, kind TEXT NOT NULL,
    parent TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS component_name ON component (name);
CREATE INDEX IF NOT EXISTS component_sha256 ON component (sha256);
CREATE INDEX IF NOT EXISTS lineage_parent ON lineage (parent);
"""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Release:
    """A stored BOM."""

    id: int
    name: str
    version: str
    serial: str
    sha256: str
    added_at: str


class Store(Protocol):
    """Where BOMs are kept. Every method reads or writes whole facts; none hands out a database's own type."""

    def add(self, document: Document, now: datetime) -> tuple[Release, bool]:
        """Keep a BOM; return its release, and False where exactly this document was kept already."""

    def releases(self) -> list[Release]:
        """Return every release, oldest first."""

    def components(self) -> Iterator[tuple[Release, Document]]:
        """Yield every component of every release as the JSON it had."""

    def descendants(self, name: str) -> list[tuple[Release, str]]:
        """Return the models that descend from `name`, over any number of steps, also across releases."""

    def licenses(self) -> list[tuple[str, int]]:
        """Return every licence with the number of components under it."""


class SqliteStore:
    """A `Store` in one SQLite file, created when absent; use as a context manager."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = printable(os.fspath(path))
        try:
            self._db = sqlite3.connect(files.state_place(path), timeout=10)
            self._db.execute("PRAGMA foreign_keys = ON")
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found not in {0, _VERSION}:
                raise InputError(f"{self._path} is an inventory of version {found}, this is version {_VERSION}")
            with self._db:
                self._db.executescript(_SCHEMA)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
        except sqlite3.Error as error:
            raise InputError(f"{self._path} is not an inventory: {error}") from error

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, document: Document, now: datetime) -> tuple[Release, bool]:
        metadata = document.get("metadata")
        root = metadata.get("component") if isinstance(metadata, dict) else None
        root = root if isinstance(root, dict) else {}
        digest = hashlib.sha256(dump(document)).hexdigest()
        name, version = str(root.get("name") or "unnamed"), str(root.get("version") or "")
        row = (name, version, str(document.get("serialNumber") or ""), digest, times.exact(now))
        with self._guard(), self._db:
            known = self._db.execute("SELECT id FROM release WHERE sha256 = ?", (digest,)).fetchone()
            if known is None:
                insert = "INSERT INTO release (name, version, serial, sha256, added_at) VALUES (?, ?, ?, ?, ?)"
                number = int(self._db.execute(insert, row).lastrowid or 0)
                self._fill(number, document)
        release = next(item for item in self.releases() if item.sha256 == digest)
        return release, known is None

    def _fill(self, release: int, document: Document) -> None:
        services = [item for item in select(document, "services[]") if isinstance(item, dict)]
        for item in [*walk(document.get("components")), *services]:
            kind, version = str(item.get("type") or "service"), str(item.get("version") or "")
            values = (release, kind, str(item.get("name")), version,
                      str(item.get("purl") or ""), hash_of(item), json.dumps(item, sort_keys=True))  # fmt: skip
            columns = "(release_id, kind, name, version, purl, sha256, document)"
            insert = f"INSERT INTO component {columns} VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # fixed text
            number = self._db.execute(insert, values).lastrowid
            names = [(number, name) for name in licenses_of(item)]
            self._db.executemany("INSERT INTO license (component_id, name) VALUES (?, ?)", names)
        rows = [(release, edge.source, edge.kind, edge.target) for edge in edges(document)]
        self._db.executemany("INSERT INTO lineage (release_id, child, kind, parent) VALUES (?, ?, ?, ?)", rows)

    def releases(self) -> list[Release]:
        with self._guard():
            rows = self._db.execute("SELECT id, name, version, serial, sha256, added_at FROM release ORDER BY id")
            return [Release(*row) for row in rows]

    def components(self) -> Iterator[tuple[Release, Document]]:
        by_id = {release.id: release for release in self.releases()}
        with self._guard():
            rows = self._db.execute("SELECT release_id, document FROM component ORDER BY release_id, id")
            for number, text in rows:
                yield by_id[number], json.loads(text)

    def descendants(self, name: str) -> list[tuple[Release, str]]:
        query = """
            WITH RECURSIVE below (name) AS (
                SELECT ? UNION SELECT lineage.child FROM lineage JOIN below ON lineage.parent = below.name
                WHERE lineage.kind = 'derived from')
            SELECT DISTINCT lineage.release_id, lineage.child FROM lineage JOIN below ON lineage.parent = below.name
            WHERE lineage.kind = 'derived from' ORDER BY lineage.release_id, lineage.child"""
        by_id = {release.id: release for release in self.releases()}
        with self._guard():
            return [(by_id[number], child) for number, child in self._db.execute(query, (name,))]

    def licenses(self) -> list[tuple[str, int]]:
        with self._guard():
            rows = self._db.execute("SELECT name, count(*) FROM license GROUP BY name ORDER BY count(*) DESC, name")
            return [(name, count) for name, count in rows]

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SecpipeError(f"the inventory {self._path} failed: {error}") from error
