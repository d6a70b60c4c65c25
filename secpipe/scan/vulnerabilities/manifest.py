"""The manifest of a signed feed, `advisories.json`: what it holds, as of when, until when, in which order.

{"schema": "secpipe.advisories/1", "name": "mirror", "source": "...", "version": 7, "date": "2026-11-20T04:00:00Z",
 "expires": "2026-12-04T04:00:00Z", "records": 2661, "coverage": {"PyPI": "*", "npm": ["next", "axios"]},
 "files": [{"name": "osv.zip", "kind": "osv", "sha256": "...", "size": 2620868}]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, TrustError
from secpipe.core.limits import MIB, Limits
from secpipe.scan.vulnerabilities.osv import instant
from secpipe.scan.vulnerabilities.store import ALL, Feed

NAME = "advisories.json"
SCHEMA = "secpipe.advisories/1"
KINDS = ("osv", "epss", "kev")
LIMITS = Limits(document_bytes=4 * MIB, json_nodes=200_000)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_FEED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,100}")
_SKEW = timedelta(hours=1)
_KEYS = {"schema", "name", "source", "version", "date", "expires", "records", "coverage", "files"}

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
    value = parse_json(data, NAME, LIMITS)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise InputError(f"{NAME} is no {SCHEMA}")
    if set(value) != _KEYS:
        raise InputError(f"{NAME}: missing or unknown keys: {', '.join(sorted(map(ascii, set(value) ^ _KEYS)))}")
    files = value["files"]
    if not isinstance(files, list) or not 0 < len(files) <= 1000:
        raise InputError(f"{NAME} names no files, or too many")
    parsed = tuple(_file(item) for item in files)
    if len({file.name for file in parsed}) != len(parsed):
        raise InputError(f"{NAME} names a file twice")
    return Manifest(
        name=_text(value, "name", _FEED_NAME),
        source=_text(value, "source", re.compile(r"[\x20-\x7e]{1,500}")),
        version=_count(value, "version", 1),
        date=_time(value, "date"),
        expires=_time(value, "expires"),
        records=_count(value, "records", 0),
        coverage=_coverage(value["coverage"]),
        files=parsed,
    )


def signatures(folder: Path) -> list[Path]:
    """Return the places of a manifest's two bundles in `folder`."""
    return [folder / name for name in SIGNED[1:]]


def check_current(manifest: Manifest, digest: str, accepted: Mapping[str, Any] | None, now: datetime) -> None:
    """Raise TrustError where the feed has expired, comes from the future, or is older than one accepted before.

    `accepted` is what the store remembers of the last feed of this name: `version` and `digest` of its manifest.
    """
    if manifest.expires <= instant(now):
        raise TrustError(f"the feed expired on {manifest.expires}", hint="fetch a newer one from its source")
    if manifest.date > instant(now + _SKEW):
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
    if not isinstance(item, dict) or set(item) != {"name", "kind", "sha256", "size"}:
        raise InputError(f"{NAME}: a file has missing or unknown keys")
    if item["kind"] not in KINDS:
        raise InputError(f"{NAME}: a file is of none of the kinds {', '.join(KINDS)}")
    name = _text(item, "name", _FILE_NAME)
    return FeedFile(name, item["kind"], _text(item, "sha256", re.compile(r"[0-9a-f]{64}")), _count(item, "size", 1))


def _coverage(value: Any) -> dict[str, str | tuple[str, ...]]:
    if not isinstance(value, dict):
        raise InputError(f"{NAME}: coverage is no table")
    found: dict[str, str | tuple[str, ...]] = {}
    for ecosystem, known in value.items():
        if known == ALL:
            found[ecosystem] = ALL
        elif isinstance(known, list) and all(isinstance(name, str) for name in known):
            found[ecosystem] = tuple(known)
        else:
            raise InputError(f'{NAME}: the coverage of {ecosystem!a} is neither "*" nor a list of names')
    return found


def _text(value: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    text = value[key]
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise InputError(f"{NAME}: {key} is unreadable")
    return text


def _count(value: dict[str, Any], key: str, least: int) -> int:
    number = value[key]
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number < 1 << 53:
        raise InputError(f"{NAME}: {key} is no number from {least}")
    return number


def _time(value: dict[str, Any], key: str) -> str:
    try:
        moment = datetime.fromisoformat(_text(value, key, re.compile(r"[0-9T:Z.+-]{10,40}")))
    except ValueError:
        raise InputError(f"{NAME}: {key} is no time") from None
    if moment.tzinfo is None:
        raise InputError(f"{NAME}: {key} has no time zone")
    try:
        return instant(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        raise InputError(f"{NAME}: {key} is no time") from None
