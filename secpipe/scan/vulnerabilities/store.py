"""The advisory store: what is known of a package, from which feed, as of when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from secpipe.core.errors import InputError
from secpipe.core.text import plural, printable
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.scan.vulnerabilities import rows
from secpipe.scan.vulnerabilities.osv import Advisory, Affected

#: An advisory, and what it says of one package.
Entry = tuple[Advisory, tuple[Affected, ...]]
#: A feed that covers every package of an ecosystem.
ALL = "*"


@dataclass(frozen=True, slots=True)
class Feed:
    """Where records came from.

    `coverage` maps an ecosystem to `ALL` or to the packages that the feed claims to know. `date` (RFC 3339) says as of
    when; `expires` is "" where the feed names no end; `signed` names the identity whose signature was verified, or "".
    """

    name: str
    source: str
    date: str
    records: int
    coverage: Mapping[str, str | tuple[str, ...]]
    version: int = 0
    expires: str = ""
    signed: str = ""
    digest: str = ""
    embedded: bool = False  # came with secpipe; no row of a store can say so

    def covers(self, ecosystem: str, name: str) -> bool:
        """Whether silence about this package means that nothing is known against it."""
        known = self.coverage.get(ecosystem, ())
        return known == ALL or name in known

    def to_dict(self) -> dict[str, Any]:
        """Return the feed for reports: coverage as counts, everything hostile escaped."""
        return {
            "name": printable(self.name, 200),
            "source": printable(self.source, 400),
            "date": self.date,
            "records": self.records,
            "version": self.version,
            "expires": self.expires,
            "signed": printable(self.signed, 200),
            "coverage": {
                printable(ecosystem, 60): "all packages" if known == ALL else plural(len(known), "package")
                for ecosystem, known in sorted(self.coverage.items())
            },
        }


class Rows(Protocol):
    """Where the rows lie: in memory or in SQLite."""

    def find(self, ecosystem: str, name: str) -> Iterable[str]:
        """Yield the encoded advisories that name a package."""

    def exploitation(self, cve: str) -> tuple[str, float | None]:
        """Return (date of entry in CISA's catalogue or "", EPSS probability or None)."""

    def names(self, ecosystem: str) -> frozenset[str]:
        """Return the packages of `ecosystem` that have advisories."""


class MemoryRows:
    """Rows held in dictionaries; made from the snapshot or from OSV files given directly."""

    def __init__(
        self, packages: Mapping[tuple[str, str], list[str]], exploited: Mapping[str, tuple[str, float | None]]
    ) -> None:
        self._packages = packages
        self._exploited = exploited

    def find(self, ecosystem: str, name: str) -> Iterable[str]:
        return self._packages.get((ecosystem, name), ())

    def exploitation(self, cve: str) -> tuple[str, float | None]:
        return self._exploited.get(cve, ("", None))

    def names(self, ecosystem: str) -> frozenset[str]:
        return frozenset(name for home, name in self._packages if home == ecosystem)


class AdvisoryStore:
    """Advisories by package. Read-only; `local.open_store` makes one."""

    def __init__(
        self,
        source: str,
        feeds: tuple[Feed, ...],
        rows_: Rows,
        *,
        digest: str,
        records: int,
        note: str = "",
        incomplete: bool = False,
    ) -> None:
        self.source = source
        self.feeds = feeds
        self.rows = rows_
        self.digest = digest
        self.count = records
        self.note = note
        self.incomplete = incomplete  # some records could not be read: nothing can be clean
        self._cache: dict[tuple[str, str], tuple[Entry, ...]] = {}

    @property
    def about(self) -> dict[str, Any]:
        """`source`, `date` (of the newest feed), `records`, `digest`, `feeds`, `note`; JSON-ready."""
        return {
            "source": self.source,
            "date": max((feed.date for feed in self.feeds), default=""),
            "records": self.count,
            "digest": self.digest,
            "feeds": [feed.to_dict() for feed in self.feeds],
            "note": self.note,
        }

    def covering(self, ecosystem: str, name: str) -> Feed | None:
        """Return the newest feed that covers the package, or None: then silence means nothing."""
        fitting = [feed for feed in self.feeds if feed.covers(ecosystem, normal_name(ecosystem, name))]
        return max(fitting, key=lambda feed: feed.date, default=None)

    def find(self, ecosystem: str, name: str) -> tuple[Advisory, ...]:
        """Return the advisories that name the package and are not withdrawn, by id. Raises InputError if unreadable."""
        return tuple(advisory for advisory, _ in self.entries(ecosystem, name))

    def entries(self, ecosystem: str, name: str) -> tuple[Entry, ...]:
        """Return what `find` does, each advisory with what it says of this package."""
        key = (ecosystem, normal_name(ecosystem, name))
        if key not in self._cache:
            try:
                found = [rows.decode(text) for text in self.rows.find(*key)]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError("the advisory store is damaged", hint="secpipe advisories update") from error
            kept = sorted((item for item in found if not item.withdrawn), key=lambda item: item.id)
            self._cache[key] = tuple(
                (item, tuple(part for part in item.affected if (part.ecosystem, part.name) == key)) for item in kept
            )
        return self._cache[key]
