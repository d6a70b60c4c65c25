"""The store as one SQLite file. It is built and read in memory: files are replaced whole, never changed in place.

So a reader never meets a lock or half an update, and SQLite never sees bytes whose digest was not checked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from secpipe.core.errors import InputError
from secpipe.scan.vulnerabilities import rows
from secpipe.scan.vulnerabilities.osv import Advisory

MAGIC = b"SQLite format 3\0"
SCHEMA = "secpipe.advisories-store/1"
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE advisory (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, modified TEXT NOT NULL, row TEXT NOT NULL);
CREATE TABLE package (
    ecosystem TEXT NOT NULL, name TEXT NOT NULL, advisory INTEGER NOT NULL, PRIMARY KEY (ecosystem, name, advisory)
) WITHOUT ROWID;
CREATE TABLE exploitation (cve TEXT PRIMARY KEY, listed TEXT NOT NULL, epss REAL) WITHOUT ROWID;
"""


def build(
    advisories: Iterable[str], meta: Mapping[str, Any], exploited: Mapping[str, tuple[str, float | None]]
) -> bytes:
    """Return the bytes of an SQLite file over encoded advisories; the same input gives the same bytes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("BEGIN")
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        for number, text in enumerate(sorted(advisories)):
            row = json.loads(text)
            connection.execute("INSERT INTO advisory VALUES (?, ?, ?, ?)", (number, row[0], row[2], text))
            named = {(affected[0], affected[1]) for affected in row[8]}
            connection.executemany("INSERT INTO package VALUES (?, ?, ?)", [(*pair, number) for pair in sorted(named)])
        values = [(cve, listed, epss) for cve, (listed, epss) in sorted(exploited.items())]
        connection.executemany("INSERT INTO exploitation VALUES (?, ?, ?)", values)
        whole = {"schema": SCHEMA, **meta}
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(whole[key], sort_keys=True)) for key in sorted(whole)]
        )
        connection.execute("COMMIT")
        return connection.serialize()
    finally:
        connection.close()


class SqliteRows:
    """Rows of a store file, queried as needed. Raises InputError where the bytes are no store."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MAGIC):
            raise InputError("this is no advisory store")
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute("PRAGMA trusted_schema = OFF")
        try:
            self._connection.deserialize(data)
            self._connection.execute("PRAGMA query_only = ON")
            stored = dict(self._query("SELECT key, value FROM meta"))
            self.meta: dict[str, Any] = {key: json.loads(value) for key, value in stored.items()}
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            raise InputError("the advisory store is damaged") from error
        if self.meta.get("schema") != SCHEMA:
            raise InputError(f"the advisory store is no {SCHEMA}")

    def find(self, ecosystem: str, name: str) -> list[str]:
        sql = "SELECT row FROM package JOIN advisory ON number = advisory WHERE ecosystem = ? AND name = ?"
        return [row[0] for row in self._query(sql, (ecosystem, name))]

    def exploitation(self, cve: str) -> tuple[str, float | None]:
        for listed, epss in self._query("SELECT listed, epss FROM exploitation WHERE cve = ?", (cve,)):
            return listed, epss
        return "", None

    def names(self, ecosystem: str) -> frozenset[str]:
        return frozenset(
            r[0] for r in self._query("SELECT DISTINCT name FROM package WHERE ecosystem = ?", (ecosystem,))
        )

    def everything(self) -> dict[str, str]:
        """Return every encoded advisory by id."""
        return dict(self._query("SELECT id, row FROM advisory"))

    def exploited(self) -> dict[str, tuple[str, float | None]]:
        """Return the whole exploitation table."""
        return {cve: (listed, epss) for cve, listed, epss in self._query("SELECT cve, listed, epss FROM exploitation")}

    def _query(self, sql: str, values: tuple[str, ...] = ()) -> list[Any]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except UnicodeEncodeError:  # a name that no store can hold
            return []
        except (sqlite3.Error, OverflowError) as error:
            raise InputError("the advisory store is damaged", hint="secpipe advisories update") from error


def encoded(advisories: Mapping[str, Advisory]) -> dict[str, str]:
    """Return advisories by id, encoded."""
    return {identity: rows.encode(advisory, rated=True) for identity, advisory in advisories.items()}
