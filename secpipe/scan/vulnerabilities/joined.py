"""The user's store beside the embedded snapshot: of two that know an ecosystem the newer counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from secpipe.scan.vulnerabilities.store import ALL, AdvisoryStore, Rows


def joined(own: AdvisoryStore, shipped: AdvisoryStore) -> AdvisoryStore:
    """Return `own`, with what `shipped` knows of ecosystems that `own` does not cover whole, or only by older feeds."""
    whole: dict[str, str] = {}
    for feed in own.feeds:
        for ecosystem in (name for name, known in feed.coverage.items() if known == ALL):
            whole[ecosystem] = max(feed.date, whole.get(ecosystem, ""))
    feeds = []
    for feed in shipped.feeds:
        newer = {name: known for name, known in feed.coverage.items() if feed.date > whole.get(name, "")}
        feeds += [replace(feed, coverage=newer)] if newer else []
    if not feeds:
        return own
    return AdvisoryStore(
        own.source,
        (*own.feeds, *feeds),
        _Rows(own.rows, shipped.rows, frozenset(name for feed in feeds for name in feed.coverage)),
        digest=f"sha256:{hashlib.sha256(f'{own.digest} {shipped.digest}'.encode()).hexdigest()}",
        records=own.count + sum(feed.records for feed in feeds),
        note=own.note,
        incomplete=own.incomplete,
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of both: of two records of one id the later modified one, the user's where they are equally old."""

    own: Rows
    shipped: Rows
    added: frozenset[str]  # ecosystems in which the shipped ones count

    def find(self, ecosystem: str, name: str) -> Iterable[str]:
        if ecosystem not in self.added:
            return self.own.find(ecosystem, name)
        found: dict[str, tuple[str, str]] = {}
        for text in (*self.shipped.find(ecosystem, name), *self.own.find(ecosystem, name)):
            identity, _, modified = json.loads(text)[:3]
            if identity not in found or modified >= found[identity][0]:
                found[identity] = (modified, text)
        return [text for _, text in found.values()]

    def exploitation(self, cve: str) -> tuple[str, float | None]:
        return self.own.exploitation(cve)

    def names(self, ecosystem: str) -> frozenset[str]:
        more = self.shipped.names(ecosystem) if ecosystem in self.added else frozenset()
        return self.own.names(ecosystem) | more
