"""Advisories in OSV format (https://ossf.github.io/osv-schema/): the nouns, and a tolerant but never silent parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from secpipe.core import times
from secpipe.core.errors import InputError
from secpipe.formats.packages.ecosystems import normal_name, spelled

_ORDERED = ("ECOSYSTEM", "SEMVER")
EVENTS = ("introduced", "fixed", "last_affected", "limit")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*-[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}")
_HALF = re.compile("[\ud800-\udfff]")
_MAX_EVENTS = 2_000  # events of one range, versions of one package: real records stay below 1,500
_MAX_VERSIONS = 20_000
_MAX_AFFECTED = 5_000
_MAX_TEXT = 256  # a version, a name, a vector


@dataclass(frozen=True, slots=True)
class Range:
    """Events `(kind, version)` in the order listed; `kind` is one of `EVENTS`."""

    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """What one advisory says of one package. `unclear` says why its versions cannot be judged, or ""."""

    ecosystem: str
    name: str  # as `normal_name` writes it
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    unclear: str = ""


@dataclass(frozen=True, slots=True)
class Advisory:
    """The facts of one record: no prose. Times are RFC 3339 in UTC, "" where absent."""

    id: str
    aliases: tuple[str, ...] = ()
    modified: str = ""
    published: str = ""
    withdrawn: str = ""
    vectors: tuple[str, ...] = ()  # CVSS vector strings
    level: str = ""  # a word where the source rates without a vector: low, moderate, high, critical
    weaknesses: tuple[str, ...] = ()  # CWE ids
    affected: tuple[Affected, ...] = ()
    scores: tuple[float | None, ...] = ()  # base scores of `vectors`, where a store has worked them out already

    @property
    def malicious(self) -> bool:
        """Whether the record says that the package itself is an attack (OpenSSF malicious-packages)."""
        return self.id.startswith("MAL-") or any(alias.startswith("MAL-") for alias in self.aliases)


def parse_advisory(value: Any, now: datetime) -> Advisory:
    """Return the advisory in a parsed OSV record; raises InputError where it has no id or names nothing readable.

    What is malformed in one `affected` entry makes that entry `unclear`; the rest stays usable. A `modified` time after
    `now` counts as `now`: a record dated in the future must not outrank its own corrections.
    """
    if not isinstance(value, dict):
        raise InputError("the record is no table")
    identity = value.get("id")
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        raise InputError("the record has no usable id")
    entries = value.get("affected") or []
    if not isinstance(entries, list) or len(entries) > _MAX_AFFECTED:
        raise InputError(f"{identity}: affected is no list, or too long")
    withdrawn = _time(value.get("withdrawn"))
    if value.get("withdrawn") and not withdrawn:
        raise InputError(f"{identity}: the time of withdrawal is unreadable")
    if withdrawn > times.rfc3339(now):  # it holds until then
        withdrawn = ""
    own = value.get("database_specific")
    own = own if isinstance(own, dict) else {}
    level = own.get("severity")
    return Advisory(
        id=identity,
        aliases=tuple(sorted({alias for alias in _words(value.get("aliases"), _ID) if alias != identity})),
        modified=min(_time(value.get("modified")), times.rfc3339(now)),
        published=_time(value.get("published")),
        withdrawn=withdrawn,
        vectors=tuple(_vectors(value)),
        level=level.lower() if isinstance(level, str) and level.isalpha() and len(level) < 16 else "",
        weaknesses=tuple(sorted(set(_words(own.get("cwe_ids"), re.compile(r"CWE-\d{1,6}"))))),
        affected=() if withdrawn else tuple(_affected(identity, entries)),
    )


def _affected(identity: str, entries: list[Any]) -> Iterator[Affected]:
    for entry in entries:
        package = entry.get("package") if isinstance(entry, dict) else None
        if package is None and isinstance(entry, dict):
            continue  # the schema allows it: commits only, no package
        if not isinstance(package, dict):
            raise InputError(f"{identity}: an affected package is unreadable")
        ecosystem, name = package.get("ecosystem"), package.get("name")
        if not (_is_text(ecosystem, 100) and _is_text(name, 512)):
            raise InputError(f"{identity}: an affected package has no name")
        ecosystem = spelled(ecosystem.partition(":")[0])
        name = normal_name(ecosystem, name)
        try:
            ranges, commits = _ranges(entry.get("ranges"))
            versions = _versions(entry.get("versions"))
        except ValueError as error:
            yield Affected(ecosystem, name, unclear=str(error))
            continue
        unclear = ""
        if not ranges and not versions:
            if identity.startswith("MAL-"):  # a malicious package without a list is malicious throughout
                ranges = (Range((("introduced", "0"),)),)
            else:
                unclear = "it names commits, not versions" if commits else "it names no versions"
        yield Affected(ecosystem, name, ranges, versions, unclear)


def _ranges(value: Any) -> tuple[tuple[Range, ...], bool]:
    """Return the version ranges, and whether there were ranges of commits, which cannot be matched to a release."""
    if value is None:
        return (), False
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value) or len(value) > _MAX_EVENTS:
        raise ValueError("its ranges are no list")
    ranges = tuple(_range(item.get("events")) for item in value if item.get("type") in _ORDERED)
    unknown = {ascii(item.get("type"))[:20] for item in value} - {ascii(kind) for kind in (*_ORDERED, "GIT")}
    if unknown:
        raise ValueError(f"its ranges are of the unknown type {min(unknown)}")
    return ranges, len(ranges) < len(value)


def _range(events: Any) -> Range:
    if not isinstance(events, list) or not 0 < len(events) <= _MAX_EVENTS:
        raise ValueError("a range has no events, or too many")
    found: list[tuple[str, str]] = []
    for event in events:
        kinds = [kind for kind in EVENTS if isinstance(event, dict) and kind in event]
        if len(kinds) != 1 or not _is_version(event[kinds[0]]):
            raise ValueError("a range has an unreadable event")
        if (kinds[0], event[kinds[0]]) not in found[-1:]:
            found.append((kinds[0], event[kinds[0]]))
    if not any(kind == "introduced" for kind, _ in found):
        raise ValueError("a range never begins")
    return Range(tuple(found))


def _versions(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_VERSIONS or not all(map(_is_version, value)):
        raise ValueError("its versions are no list of texts")
    return tuple(dict.fromkeys(value))


def _is_version(value: Any) -> TypeGuard[str]:
    return _is_text(value, _MAX_TEXT)


def _is_text(value: Any, limit: int) -> TypeGuard[str]:
    """Whether a value is text that can be stored: JSON may spell halves of characters that UTF-8 cannot."""
    return isinstance(value, str) and 0 < len(value) <= limit and not _HALF.search(value)


def _vectors(value: dict[str, Any]) -> Iterator[str]:
    """Yield CVSS vectors of the record, then of its affected entries, each once."""
    seen: set[str] = set()
    entries = value.get("affected")
    for owner in (value, *(entries if isinstance(entries, list) else ())):
        rated = owner.get("severity") if isinstance(owner, dict) else None
        for item in rated if isinstance(rated, list) else ():
            kind, score = (item.get("type"), item.get("score")) if isinstance(item, dict) else (None, None)
            if not (isinstance(kind, str) and kind.startswith("CVSS_V") and _is_text(score, _MAX_TEXT)):
                continue
            if score not in seen:
                seen.add(score)
                yield score


def _words(value: Any, pattern: re.Pattern[str]) -> list[str]:
    if not isinstance(value, list):
        return []
    return [word for word in value if isinstance(word, str) and pattern.fullmatch(word)]


def _time(value: Any) -> str:
    """Return a time as `rfc3339` writes it, or "" where it is none. YAML hands over datetimes."""
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    try:
        return times.rfc3339(value if isinstance(value, datetime) else times.moment(value))
    except ValueError:
        return ""
