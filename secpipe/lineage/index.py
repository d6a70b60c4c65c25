"""The index of derivations: who was made from what, asked both ways; made again from the records at any time.

`DerivationIndex` is the whole interface and holds one SQLite file. Nothing outside of it knows the database: another
one (PostgreSQL, where many machines ask) is another class with the same methods.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator

from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.text import printable
from secpipe.lineage.index_rows import (
    ANY,
    NAME,
    Edge,
    Lineage,
    NamedThing,
    RecordFile,
    Step,
    Thing,
    bare_words,
    digest_words,
    is_bare,
    name_word,
    words,
)
from secpipe.system import files

_VERSION = 3
_SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS word (word TEXT NOT NULL, thing INTEGER NOT NULL, PRIMARY KEY (word, thing)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source (id INTEGER PRIMARY KEY, place TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL,
    problem TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS made (source INTEGER NOT NULL, thing INTEGER NOT NULL, PRIMARY KEY (source, thing))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edge (parent INTEGER NOT NULL, child INTEGER NOT NULL, role TEXT NOT NULL,
    source INTEGER NOT NULL, grade TEXT NOT NULL, weight REAL, PRIMARY KEY (parent, child, role, source)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS edge_child ON edge (child, parent);
"""
# The edges from a set of things on, each once: a cycle ends where it closes.
_WALK = """
WITH RECURSIVE reached (id) AS (
    SELECT value FROM json_each(?) UNION SELECT edge.{far} FROM reached JOIN edge ON edge.{near} = reached.id LIMIT ?)
SELECT edge.child, edge.parent, edge.role, edge.grade, edge.weight, source.place
FROM reached JOIN edge ON edge.{near} = reached.id LEFT JOIN source ON source.id = edge.source LIMIT ?"""
_GONE = """
CREATE TEMP TABLE used AS SELECT parent AS id FROM edge WHERE source >= 0
    UNION SELECT child FROM edge WHERE source >= 0 UNION SELECT thing FROM made;
INSERT INTO used SELECT edge.parent FROM used JOIN edge ON edge.child = used.id JOIN thing ON thing.id = edge.parent
    WHERE edge.source < 0 AND thing.kind = 'the name';
DELETE FROM edge WHERE source < 0 AND (parent NOT IN (SELECT id FROM used) OR child NOT IN (SELECT id FROM used));
DELETE FROM word WHERE thing NOT IN (SELECT id FROM used);
DELETE FROM thing WHERE id NOT IN (SELECT id FROM used);
DROP TABLE used;
"""
_LINKED = -1  # the `source` of an edge between two things that are, or may be, one
_TOGETHER = 500  # things that one query asks for
_REMEMBERED = 200_000  # things found by a digest, while many are added


class DerivationIndex:
    """The derivations of one folder of records, in one SQLite file; use as a context manager.

    Every method raises SecpipeError where the file fails, which costs nothing: delete it, and it is made again.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = printable(os.fspath(path))
        self._known: dict[str, int] = {}
        try:
            self._db = sqlite3.connect(files.state_place(path), timeout=10)
            self._db.execute("PRAGMA cache_size = -65536")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA secure_delete = ON")  # what is forgotten is gone
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found not in {0, _VERSION}:
                raise InputError(f"{self._path} is an index of version {found}, this is version {_VERSION}")
            with self._db:
                self._db.executescript(_SCHEMA)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
        except sqlite3.Error as error:
            raise InputError(
                f"{self._path} is no index of lineage: {error}", hint="delete it: it is made again"
            ) from error

    def __enter__(self) -> DerivationIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def look(self, found: Iterable[tuple[str, str]]) -> None:
        """Take in which places there are now, each with its stamp; the index is as it was until `forget` and `add`."""
        with self._guard(), self._db:
            self._db.execute("DROP TABLE IF EXISTS temp.here")
            self._db.execute("CREATE TEMP TABLE here (place TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID")
            self._db.executemany("INSERT INTO here VALUES (?, ?)", found)

    def news(self) -> Iterator[tuple[str, str]]:
        """Yield (place, stamp) of what `look` found and the index does not hold as it is now."""
        query = (
            "SELECT here.place, here.stamp FROM here LEFT JOIN source ON source.place = here.place"
            " WHERE source.id IS NULL OR source.stamp != here.stamp ORDER BY here.place"
        )
        with self._guard():
            yield from self._db.execute(query)

    def problems(self) -> list[tuple[str, str]]:
        """Return (place, why) of what lies among the records and could not be read."""
        with self._guard():
            return self._db.execute("SELECT place, problem FROM source WHERE problem != '' ORDER BY place").fetchall()

    def add(self, sources: Iterable[RecordFile]) -> int:
        """Index files, each in place of what its place said before; return how many there were."""
        count = 0
        try:
            with self._guard(), self._db:
                for source in sources:
                    self._add(source)
                    count += 1
        finally:
            self._known.clear()  # what is remembered is worth nothing where nothing was kept
        return count

    def forget(self) -> None:
        """Drop what `look` did not find, or found with another stamp, and every name that nothing else says."""
        query = (
            "SELECT source.place FROM source LEFT JOIN here ON here.place = source.place"
            " WHERE here.place IS NULL OR here.stamp != source.stamp"
        )
        with self._guard(), self._db:
            gone = [place for (place,) in self._db.execute(query)]
            for place in gone:
                self._drop(place)
            for statement in filter(str.strip, _GONE.split(";") if gone else ()):
                self._db.execute(statement)
        self._known.clear()

    def find(self, asked: NamedThing) -> list[Thing]:
        """Return what is known under any of the digests of `asked`, or under its name; by name alone last.

        What is asked for with a digest is found by name only where no digest of its own says that it is another thing.
        """
        exact = digest_words(asked)
        with self._guard():
            found = {thing.id: thing for word in (*exact, *prefixes(exact)) for thing in self._named(word)}
            if asked.name:
                for thing in self._named(name_word(asked.kind, asked.name)):
                    if not _says_otherwise(exact, thing.digest):
                        found.setdefault(thing.id, thing)
        return list(found.values())

    def up(self, start: Iterable[Thing], most: int) -> Lineage:
        """Return everything that `start` was made from, by at most `most` edges."""
        return self._walk(start, "child", "parent", most)

    def down(self, start: Iterable[Thing], most: int) -> Lineage:
        """Return everything that was made from `start`, by at most `most` edges."""
        return self._walk(start, "parent", "child", most)

    def _walk(self, start: Iterable[Thing], near: str, far: str, most: int) -> Lineage:
        roots = tuple(start)
        query = _WALK.format(near=near, far=far)
        ids = "[" + ",".join(str(thing.id) for thing in roots) + "]"
        with self._guard():
            rows = self._db.execute(query, (ids, most + len(roots) + 1, most + 1)).fetchall()
            cut = len(rows) > most
            edges = tuple(
                Edge(child, parent, role, grade, weight, place or "")
                for child, parent, role, grade, weight, place in rows[:most]
            )
            wanted = {end for edge in edges for end in (edge.child, edge.parent)} - {thing.id for thing in roots}
            things: dict[int, Thing] = {thing.id: thing for thing in roots}
            things |= {thing.id: thing for thing in self._things(sorted(wanted))}
        return Lineage(roots, things, edges, cut)

    def _things(self, ids: list[int]) -> Iterator[Thing]:
        for at in range(0, len(ids), _TOGETHER):
            some = ids[at : at + _TOGETHER]
            marks = ",".join("?" * len(some))
            query = f"SELECT id, kind, name, digest FROM thing WHERE id IN ({marks})"  # noqa: S608  # marks alone
            for row in self._db.execute(query, some):
                yield Thing(*row)

    def _named(self, word: str) -> list[Thing]:
        query = "SELECT thing.id, kind, name, digest FROM word JOIN thing ON thing.id = word.thing WHERE word.word = ?"
        return [Thing(*row) for row in self._db.execute(query, (word,))]

    def _add(self, source: RecordFile) -> None:
        self._drop(source.place)
        insert = "INSERT INTO source (place, stamp, problem) VALUES (?, ?, ?)"
        number = int(self._db.execute(insert, (source.place, source.stamp, source.problem)).lastrowid or 0)
        for step in source.steps:
            self._step(number, step)

    def _step(self, number: int, step: Step) -> None:
        children = self._ids(step.output)
        self._db.executemany("INSERT OR IGNORE INTO made VALUES (?, ?)", [(number, child) for child in children])
        rows = [
            (parent, child, one.role, number, one.grade, one.weight)
            for one in step.inputs
            for parent in self._ids(one.of)
            for child in children
            if child != parent
        ]
        self._db.executemany("INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _ids(self, known: NamedThing) -> list[int]:
        """Return the things that one is: several where its digests meet in it, and what follows meets all of them."""
        exact = digest_words(known)
        keys = exact or [f"only:{known.kind}:{known.name}"]
        met = {key: self._thing(key) for key in keys}
        found = sorted({thing for thing in met.values() if thing is not None})
        if not found:
            insert = "INSERT INTO thing (kind, name, digest) VALUES (?, ?, ?)"
            row = (known.kind, known.name, exact[0] if exact else "")
            found = [int(self._db.execute(insert, row).lastrowid or 0)]
        for thing in found:
            rows = [(word, thing) for word in (*keys, *words(known))]
            self._db.executemany("INSERT OR IGNORE INTO word VALUES (?, ?)", rows)
        self._link((one, other) for one in found for other in found)
        new = [key for key, thing in met.items() if thing is None]
        self._link(pair for thing in found for pair in self._begin_alike(thing, new))
        self._link(pair for thing in found for pair in self._called_alike(thing, known, is_new=bool(new)))
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known |= dict.fromkeys(keys, found[0])
        return found

    def _thing(self, key: str) -> int | None:
        if key not in self._known:
            row = self._db.execute("SELECT thing FROM word WHERE word = ? LIMIT 1", (key,)).fetchone()
            return None if row is None else int(row[0])
        return self._known[key]

    def _begin_alike(self, thing: int, keys: list[str]) -> Iterator[tuple[int, int]]:
        """Yield (whole, short) of things whose digests begin alike, as far as a thing has these."""
        for word in prefixes(keys):
            for (short,) in self._db.execute("SELECT thing FROM word WHERE word = ?", (word,)):
                yield thing, short
        for key in keys:
            if key.startswith("sha256-prefix:"):
                begin = f"sha256:{key.partition(':')[2]}"
                query = "SELECT thing FROM word WHERE word >= ? AND word < ?"
                for (whole,) in self._db.execute(query, (begin, f"{begin}~")):
                    yield whole, thing

    def _called_alike(self, thing: int, known: NamedThing, *, is_new: bool) -> Iterator[tuple[int, int]]:
        """Yield what joins things of one name, as far as one has no digest that says otherwise: whole, name, bare one.

        The name is then a thing of its own, so that there are as many edges as things, however many are called alike;
        a bare one that is alone holds the word in its place. A bare one is joined once: whoever comes later finds it.
        """
        bare = is_bare(known)
        query = "SELECT thing.id, kind FROM word JOIN thing ON thing.id = word.thing WHERE word.word = ?"
        for word in () if bare and not is_new else bare_words(known):
            found = self._db.execute(query, (word,)).fetchone()
            name, kind = found or (0, "")
            if name == thing or not (found or bare):
                continue
            if kind != NAME:
                like = name_word(ANY, word.partition(":")[2])
                rows = self._db.execute("SELECT thing FROM word WHERE word = ?", (like,)).fetchall()
                alone, others = name, [int(one) for (one,) in rows if one != thing]
                name = self._name(word) if alone or others else thing
                self._db.execute("INSERT OR REPLACE INTO word VALUES (?, ?)", (word, name))
                yield from ((name, alone), (alone, name)) if alone else ((one, name) for one in others)
            yield thing, name
            yield from ((name, thing),) if bare else ()

    def _name(self, word: str) -> int:
        self._db.execute("DELETE FROM word WHERE word = ?", (word,))
        insert = "INSERT INTO thing (kind, name, digest) VALUES (?, ?, '')"
        return int(self._db.execute(insert, (NAME, word.partition(":")[2])).lastrowid or 0)

    def _link(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Let whatever comes of the first of each pair come of the second: both are, or may be, one."""
        link = "INSERT OR IGNORE INTO edge VALUES (?, ?, 'the same', ?, 'claimed', NULL)"
        rows = [(parent, child, _LINKED) for parent, child in pairs if parent != child]
        self._db.executemany(link, rows)

    def _drop(self, place: str) -> None:
        row = self._db.execute("SELECT id FROM source WHERE place = ?", (place,)).fetchone()
        if row is None:
            return
        made = "SELECT thing FROM made WHERE source = ?"
        self._db.execute(f"DELETE FROM edge WHERE child IN ({made}) AND source = ?", (row[0], row[0]))  # noqa: S608
        self._db.execute("DELETE FROM made WHERE source = ?", row)
        self._db.execute("DELETE FROM source WHERE id = ?", row)

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            hint = "delete it: it is made again from the records"
            raise SecpipeError(f"the index {self._path} failed: {error}", hint=hint) from error


def _says_otherwise(exact: Iterable[str], digest: str) -> bool:
    """Is the digest of one that can be compared with those asked for? A hash of another kind says nothing of them."""
    kinds = {word.partition(":")[0] for word in exact}
    kind = digest.partition(":")[0]
    return kind in kinds or (kind == "sha256-prefix" and "sha256" in kinds)


def prefixes(exact: Iterable[str]) -> list[str]:
    """Return the words under which a generator writes the beginning of these digests."""
    wholes = [word.partition(":")[2] for word in exact if word.startswith("sha256:")]
    return [f"sha256-prefix:{whole[:length]}" for whole in wholes for length in (8, 10, 12, 16)]
