"""The embedded snapshot: facts of real advisories, shipped with the package and trusted as part of it.

One gzip file, JSON lines: a header, an index from packages to rows, one row per advisory: only rows that are asked for
are parsed. `policies/advisories/build.py` writes it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.limits import MIB
from secpipe.scan.vulnerabilities import SNAPSHOT, rows
from secpipe.scan.vulnerabilities.osv import Advisory
from secpipe.scan.vulnerabilities.store import AdvisoryStore, Feed, MemoryRows
from secpipe.system import files, places

SCHEMA = "secpipe.advisories-snapshot/1"
NAME = "advisories/snapshot.jsonl.gz"
_LIMIT = 16 * MIB


def write(feeds: Iterable[Feed], advisories: Iterable[Advisory]) -> bytes:
    """Return the snapshot's bytes; the same input gives the same bytes."""
    header = {"schema": SCHEMA, "feeds": [feed_row(feed) for feed in feeds]}
    ordered = sorted(advisories, key=lambda advisory: advisory.id)
    index: dict[str, dict[str, list[int]]] = {}
    for number, advisory in enumerate(ordered):
        for ecosystem, name in sorted({(item.ecosystem, item.name) for item in advisory.affected}):
            index.setdefault(ecosystem, {}).setdefault(name, []).append(number)
    lines = [json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for part in (header, index)]
    lines += [rows.encode(advisory, rated=True) for advisory in ordered]
    data = ("\n".join(lines) + "\n").encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 9)
    return packer.compress(data) + packer.flush()


def load(note: str = "") -> AdvisoryStore:
    """Return the embedded snapshot; raises SecpipeError where this installation's copy is damaged."""
    store = read(files.read_bytes(places.shipped() / NAME, _LIMIT), note)
    store.feeds = tuple(replace(feed, embedded=True) for feed in store.feeds)
    return store


def read(data: bytes, note: str = "") -> AdvisoryStore:
    """Return the store in a snapshot's bytes; raises InputError."""
    try:
        unpacker = zlib.decompressobj(31)
        text = unpacker.decompress(data, _LIMIT)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise InputError("the embedded advisory snapshot is too large or cut short")
        first, second, *lines = text.decode().split("\n")[:-1]
        header, index = json.loads(first), json.loads(second)
        if header["schema"] != SCHEMA:
            raise InputError(f"the embedded advisory snapshot is no {SCHEMA}")
        feeds = tuple(feed_of(row) for row in header["feeds"])
        packages = {
            (ecosystem, name): [lines[number] for number in numbers]
            for ecosystem, named in index.items()
            for name, numbers in named.items()
        }
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError("the embedded advisory snapshot is damaged", hint="reinstall secpipe") from error
    return AdvisoryStore(
        SNAPSHOT,
        feeds,
        MemoryRows(packages, {}),
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
        records=len(lines),
        note=note,
    )


def feed_row(feed: Feed) -> dict[str, Any]:
    """Return the feed as JSON holds it."""
    return {field: getattr(feed, field) for field in Feed.__slots__ if field != "embedded"}


def feed_of(row: dict[str, Any]) -> Feed:
    """Return the feed in a row of `feed_row`; raises TypeError or KeyError where it is none."""
    coverage = {key: value if isinstance(value, str) else tuple(value) for key, value in row["coverage"].items()}
    return Feed(**{**row, "coverage": coverage, "embedded": False})
