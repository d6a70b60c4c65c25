"""The index of a verdict store: which entries are about an image, or of one name, without reading all of them.

`VerdictIndex` is the whole interface and holds one SQLite file in the user's cache. It is never believed: it says where
to look, and what is found there is read and verified as ever. It is made again from the store at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from secpipe.core import times
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.shape import mapping
from secpipe.gate.after import past
from secpipe.gate.verdicts import signed, store
from secpipe.gate.verdicts.store import Entry
from secpipe.system import files, places
from secpipe.system.hashing import folder_stamp

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (environment TEXT NOT NULL, digest TEXT NOT NULL, name TEXT NOT NULL,
    stamp BLOB NOT NULL, seen INTEGER NOT NULL, image TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL,
    damaged INTEGER NOT NULL, PRIMARY KEY (environment, digest, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_image ON entry (image, environment) WHERE image != '';
CREATE INDEX IF NOT EXISTS entry_subject ON entry (environment, subject, at, name);
"""
_KNOWN = "SELECT stamp FROM entry WHERE environment = ? AND digest = ? AND name = ?"
_SEEN = "UPDATE entry SET seen = ? WHERE environment = ? AND digest = ? AND name = ?"
_PLACE = "SELECT environment, digest, name FROM entry WHERE "
_TOGETHER = 2_000


@dataclass(frozen=True, slots=True)
class Told:
    """What an entry says of itself, unverified; `at` is RFC 3339, `image` hex SHA-256 or "" for none."""

    image: str = ""
    subject: str = ""
    at: str = ""
    is_damaged: bool = True


class VerdictIndex:
    """Where the verdicts of one store are; use as a context manager. Raises SecpipeError where its file fails.

    That costs nothing but time: delete the file, and it is made again.
    """

    def __init__(self, folder: Path, path: str | os.PathLike[str] = "") -> None:
        """Open the index of the store in `folder`, at `path` (default: in the user's cache)."""
        self._store = folder
        self._path = os.fspath(path or place_of(folder))
        try:
            if self._path != ":memory:":
                files.make_folder(Path(self._path).parent, mode=0o700)
                files.state_place(self._path)
            self._db = _opened(self._path)
        except (sqlite3.Error, OSError, SecpipeError):  # torn, of another version, or nowhere to keep it: made anew
            self._db = _anew(self._path)

    def __enter__(self) -> VerdictIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def refresh(self) -> int:
        """Bring the index up to date with the store and return how many entries that has.

        Every entry's place is looked at; only what is new or has changed since is read. Where the index cannot be
        written (a full disk), one in memory takes its place. Raises InputError where there is no store.
        """
        try:
            return self._refreshed()
        except sqlite3.Error:
            self._db.close()
        with self._guard():
            self._db = _opened(":memory:")
            return self._refreshed()

    def _refreshed(self) -> int:
        with self._db:
            # The store is listed under the lock: a list from before another's refresh would drop what that one found.
            self._db.execute("BEGIN IMMEDIATE")
            (last,) = self._db.execute("SELECT coalesce(max(seen), 0) FROM entry").fetchone()
            number, count = int(last) + 1, 0
            found = store.entries(self._store)
            while some := list(islice(found, _TOGETHER)):
                count += len(some)
                for entry in some:
                    self._look(entry, number)
            self._db.execute("DELETE FROM entry WHERE seen != ?", (number,))
        return count

    def of_image(self, image: str, environment: str) -> list[Entry]:
        """Return the entries that say they are about the image with that manifest (hex SHA-256)."""
        return list(self._entries("image != '' AND image = ? AND environment = ?", image, environment))

    def subjects(self, environment: str = "") -> list[tuple[str, str]]:
        """Return (environment, name) of what the entries are about, sorted; what is damaged has no name."""
        wanted = "WHERE NOT damaged" + (" AND environment = ?" if environment else "")
        query = f"SELECT DISTINCT environment, subject FROM entry {wanted} ORDER BY 1, 2"  # noqa: S608  # fixed words
        with self._guard():
            return self._db.execute(query, (environment,) if environment else ()).fetchall()

    def releases(self, environment: str, subject: str) -> list[Entry]:
        """Return the entries of one name, the newest by their own word first."""
        query = "SELECT digest, name FROM entry WHERE environment = ? AND subject = ? AND NOT damaged"
        with self._guard():
            rows = self._db.execute(f"{query} ORDER BY at DESC, name DESC", (environment, subject)).fetchall()
        return [self._at(environment, *row) for row in rows]

    def damaged(self, environment: str, after: datetime) -> Iterator[Entry]:
        """Yield the entries that cannot be read as verdicts, and those that bear a time behind `after`."""
        where = "(damaged OR at > ?)" + (" AND environment = ?" if environment else "")
        yield from self._entries(where, times.rfc3339(after), *([environment] if environment else []))

    def count(self, environment: str = "") -> int:
        """Return how many entries there are."""
        with self._guard():
            query = "SELECT count(*) FROM entry WHERE environment = ? OR ? = ''"
            return int(self._db.execute(query, (environment, environment)).fetchone()[0])

    def _look(self, entry: Entry, number: int) -> None:
        """Take in one entry, if it is not known as it stands."""
        place, stamp = (entry.environment, entry.digest, entry.name), folder_stamp(entry.folder)
        row = self._db.execute(_KNOWN, place).fetchone()
        if row is not None and row[0] == stamp and stamp:
            self._db.execute(_SEEN, (number, *place))
            return
        told = read(entry)
        values = (*place, stamp, number, told.image, told.subject, told.at, told.is_damaged)
        self._db.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _entries(self, where: str, *words: str) -> Iterator[Entry]:
        with self._guard():
            for row in self._db.execute(f"{_PLACE}{where} ORDER BY 1, 2, 3", words).fetchall():
                yield self._at(*row)

    def _at(self, environment: str, digest: str, name: str) -> Entry:
        return store.placed(self._store, environment, digest, name)

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SecpipeError(
                f"the index of the verdict store failed: {error}", hint=f"delete {self._path}: it is made again"
            ) from error


def place_of(folder: Path) -> Path:
    """Return where the index of a store is kept."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()
    return places.cache_folder() / "verdict-index" / f"{name[:32]}.sqlite"


def read(entry: Entry) -> Told:
    """Return what an entry says of itself; the image by its signed verdict, where one can be read."""
    image = signed.says(entry.folder).get("sha256", "")
    try:
        head = past.head(entry)
        image = image or mapping(mapping(head.verdict.get("subject")).get("digest")).get("sha256", "")
        return Told(image if isinstance(image, str) else "", head.name, times.rfc3339(head.at), is_damaged=False)
    except (InputError, TypeError, ValueError):
        return Told(image)


def _opened(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30)
    try:
        database.execute("PRAGMA synchronous = OFF")  # it can be made again
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, _VERSION}:
            raise InputError(f"an index of version {version}")
        with database:
            database.executescript(_SCHEMA)
            database.execute(f"PRAGMA user_version = {_VERSION}")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise InputError("the index is torn")
    except BaseException:
        database.close()
        raise
    return database


def _anew(path: str) -> sqlite3.Connection:
    """Return a new index in place of one that cannot be used; where none can be kept, one in memory."""
    try:
        files.remove(path)
        return _opened(path)
    except (sqlite3.Error, OSError, SecpipeError):
        return _opened(":memory:")
