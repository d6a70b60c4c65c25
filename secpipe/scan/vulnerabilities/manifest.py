"""The manifest of a signed feed, `advisories.json`: what it holds, as of when, until when, in which order.

{"schema": "secpipe.advisories/1", "name": "mirror", "source": "...", "version": 7, "date": "2026-11-20T04:00:00Z",
 "expires": "2026-12-04T04:00:00Z", "records": 2661, "coverage": {"PyPI": "*", "npm": ["next", "axios"]},
 "files": [{"name": "osv.zip", "kind": "osv", "sha256": "...", "size": 2620868}]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, TrustError
from secpipe.core.limits import MIB, Limits
from secpipe.core.shape import Fields
from secpipe.scan.vulnerabilities.store import ALL, Feed

NAME = "advisories.json"
SCHEMA = "secpipe.advisories/1"
KINDS = ("osv", "epss", "kev")
LIMITS = Limits(document_bytes=4 * MIB, json_nodes=200_000)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}\Z")
_SOURCE = re.compile(r"[\x20-\x7e]{1,500}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_MOST = (1 << 53) - 1
_FEED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,100}\Z")
_SKEW = timedelta(hours=1)

#: The manifest and its two signatures (design section 4).
SIGNED = (NAME, f"{NAME}.sig", f"{NAME}.pqc.sig")


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A data file beside the manifest; `kind` is one of `KINDS`, `size` in bytes."""

    name: str
    kind: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a feed says of itself. Times are RFC 3339 in UTC."""

    name: str
    source: str
    version: int
    date: str
    expires: str
    records: int
    coverage: Mapping[str, str | tuple[str, ...]]
    files: tuple[FeedFile, ...]

    def feed(self, signed: str, digest: str) -> Feed:
        """Return the feed as the store remembers it."""
        return Feed(
            self.name,
            self.source,
            self.date,
            self.records,
            self.coverage,
            self.version,
            self.expires,
            signed,
            digest,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's JSON."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "source": self.source,
            "version": self.version,
            "date": self.date,
            "expires": self.expires,
            "records": self.records,
            "coverage": {key: known if known == ALL else list(known) for key, known in sorted(self.coverage.items())},
            "files": [
                {"name": file.name, "kind": file.kind, "sha256": file.sha256, "size": file.size} for file in self.files
            ],
        }


def parse_manifest(data: bytes) -> Manifest:
    """Return the manifest in `data`; raises InputError for anything that is not exactly one."""
    value = Fields(parse_json(data, NAME, LIMITS), NAME)
    if value.text("schema", limit=40) != SCHEMA:
        raise InputError(f"{NAME} is no {SCHEMA}")
    parsed = tuple(_file(item) for item in value.listing("files", 1000))
    if not parsed or len({file.name for file in parsed}) != len(parsed):
        raise InputError(f"{NAME} names no files, or one twice")
    manifest = Manifest(
        name=value.text("name", _FEED_NAME),
        source=value.text("source", _SOURCE),
        version=value.integer("version", 1, _MOST),
        date=times.rfc3339(value.instant("date")),
        expires=times.rfc3339(value.instant("expires")),
        records=value.integer("records", 0, _MOST),
        coverage=_coverage(value.mapping("coverage")),
        files=parsed,
    )
    value.close()
    return manifest


def signatures(folder: Path) -> list[Path]:
    """Return the places of a manifest's two bundles in `folder`."""
    return [folder / name for name in SIGNED[1:]]


def check_current(manifest: Manifest, digest: str, accepted: Mapping[str, Any] | None, now: datetime) -> None:
    """Raise TrustError where the feed has expired, comes from the future, or is older than one accepted before.

    `accepted` is what the store remembers of the last feed of this name: `version` and `digest` of its manifest.
    """
    if manifest.expires <= times.rfc3339(now):
        raise TrustError(f"the feed expired on {manifest.expires}", hint="fetch a newer one from its source")
    if manifest.date > times.rfc3339(now + _SKEW):
        raise TrustError(f"the feed is dated {manifest.date}, in the future: its clock or this one is wrong")
    if manifest.date >= manifest.expires:
        raise TrustError("the feed expires before its own date")
    before = int(accepted["version"]) if accepted else 0
    if manifest.version < before:
        raise TrustError(
            f"the feed is version {manifest.version}, but version {before} was accepted already: a rollback"
        )
    if accepted and manifest.version == before and accepted["digest"] != digest:
        raise TrustError(f"two different feeds claim to be version {before}")


def _file(item: Any) -> FeedFile:
    row = Fields(item, f"{NAME}: a file")
    kind = row.text("kind", limit=20)
    if kind not in KINDS:
        raise InputError(f"{NAME}: a file is of none of the kinds {', '.join(KINDS)}")
    file = FeedFile(row.text("name", _FILE_NAME), kind, row.text("sha256", _SHA256), row.integer("size", 1, _MOST))
    row.close()
    return file


def _coverage(value: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for ecosystem, known in value.items():
        if known == ALL:
            found[ecosystem] = ALL
        elif isinstance(known, list) and all(isinstance(name, str) for name in known):
            found[ecosystem] = tuple(known)
        else:
            raise InputError(f'{NAME}: the coverage of {ecosystem!a} is neither "*" nor a list of names')
    return found
