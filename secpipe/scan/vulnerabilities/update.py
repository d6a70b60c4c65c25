"""Taking a feed into the user's store: staged, verified, checked against what was accepted before, merged, committed.

Nothing is changed in place: a failure at any moment leaves the old store as it was.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import Skip
from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.evidence import Evidence, State
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.scan.vulnerabilities import exploits, local, manifest, snapshot, sqlite, staging
from secpipe.scan.vulnerabilities.feed import Harvest, check_readable, harvest
from secpipe.scan.vulnerabilities.store import ALL, Feed
from secpipe.system import files, locks

#: Verifies the twin bundles beside a file against the user's trust root, for the purpose `advisories`.
Verify = Callable[[Path], Evidence]

Exploited = dict[str, tuple[str, float | None]]


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did: counts of records, and what of the feed could not be read."""

    feed: Feed
    added: int
    changed: int
    total: int
    refused: tuple[Skip, ...]
    stored: bool


@dataclass(slots=True)
class _Intake:
    """What came out of a source before it is merged."""

    feed: Feed
    described: bool = False  # by a manifest
    harvested: list[Harvest] = field(default_factory=list)
    exploited: list[exploits.Exploitation] = field(default_factory=list)


def update(
    source: str,
    *,
    now: datetime,
    verify: Verify | None = None,
    unsigned: bool = False,
    partial: bool = False,
    replace_all: bool = False,
    dry_run: bool = False,
    place: Path | None = None,
    limits: Limits = DEFAULT,
) -> Update:
    """Take the feed at `source` (folder, zip, file or URL) into the store at `place`, by default the user's own.

    A source with a manifest is a signed feed: `verify` must accept its signature. One without is taken only from a
    local path, or with `unsigned`, and never over a signed feed unless `unsigned` says so; it is taken to cover each
    ecosystem that it names, or with `partial` just the packages. Raises TrustError for a bad
    signature, an expired feed or a rollback, InputError for a broken one, NetworkError; the old store stays then.
    """
    home = place or local.folder()
    files.make_folder(home, mode=0o700)
    try:
        with tempfile.TemporaryDirectory(prefix="secpipe-feed-") as scratch, locks.lock(home / "lock", wait=False):
            known = _known(home, replace_all)
            intake = _take(source, Path(scratch), known, now, verify, unsigned, limits)
            if not intake.described:
                others = [] if replace_all else [snapshot.feed_of(row) for row in known.values()]
                intake.feed = _narrowed(intake, others, partial)
            return _merge(intake, home, known, replace_all=replace_all, dry_run=dry_run)
    except OSError as error:
        raise SecpipeError(f"cannot update {printable(str(home))}: {files.reason(error)}") from error


def staged(
    path: Path,
    feed: Feed,
    *,
    now: datetime,
    kind: str = "",
    unsigned: bool = False,
    dry_run: bool = False,
    more: Callable[[Harvest], Path | None] | None = None,
    limits: Limits = DEFAULT,
) -> Update:
    """Take records that were fetched to `path` into the user's store, as part of `feed`, which counts and covers them.

    `more` fetches what those lack of what they should hold, and returns where it lies. Nobody signed them: over signed
    feeds they are taken only with `unsigned`. Raises TrustError where the feed is older than what the store holds of
    it, InputError where the records cannot be read; the old store stays then.
    """
    home = local.folder()
    files.make_folder(home, mode=0o700)
    try:
        with locks.lock(home / "lock", wait=False):
            known = _known(home, replace_all=False)
            _check_unsigned(known, unsigned)
            intake = _Intake(feed)
            _read_into(intake, path, kind, now, limits)
            lacking = more(intake.harvested[0]) if more and intake.harvested else None
            if lacking is not None:
                _read_into(intake, lacking, kind, now, limits)
            intake.feed = replace(intake.feed, coverage=feed.coverage, records=feed.records)
            before = snapshot.feed_of(known[feed.name]) if feed.name in known else feed
            if (intake.feed.version, intake.feed.date) < (before.version, before.date):
                raise TrustError(f"{feed.name} is older than what the store holds")
            return _merge(intake, home, known, replace_all=False, dry_run=dry_run)
    except OSError as error:
        raise SecpipeError(f"cannot update {printable(str(home))}: {files.reason(error)}") from error


def _check_unsigned(known: dict[str, Any], unsigned: bool) -> None:
    if not unsigned and any(feed["signed"] for feed in known.values()):
        raise TrustError(
            "the store holds signed feeds, and this one is not signed", hint="--unsigned takes it nevertheless"
        )


def _known(home: Path, replace_all: bool) -> dict[str, Any]:
    """Return what the store remembers of its feeds: versions accepted before bind even where the store is replaced."""
    if not (home / local.POINTER).exists():
        return {}
    try:
        return {feed["name"]: feed for feed in local.read_pointer(home)["feeds"]}
    except InputError:
        if replace_all:
            return {}
        raise


def _take(
    source: str,
    scratch: Path,
    known: dict[str, Any],
    now: datetime,
    verify: Verify | None,
    unsigned: bool,
    limits: Limits,
) -> _Intake:
    plain_url = staging.is_url(source) and source.endswith((".zip", ".json", ".gz", ".csv"))
    read = None if plain_url else staging.reader(source)
    if read is not None:
        return _take_signed(read, scratch, known, now, verify, unsigned, limits)
    if not unsigned and plain_url:
        raise TrustError(f"{source} is not signed", hint="--unsigned takes it nevertheless")
    _check_unsigned(known, unsigned)
    path = staging.download(source, scratch) if plain_url else Path(source)
    intake = _Intake(Feed(staging.named(source), source, "", 0, {}))
    _read_into(intake, path, "", now, limits)
    if not intake.feed.date:
        raise InputError("no record of the feed is dated before now")
    return intake


def _take_signed(
    read: staging.Read,
    scratch: Path,
    known: dict[str, Any],
    now: datetime,
    verify: Verify | None,
    unsigned: bool,
    limits: Limits,
) -> _Intake:
    described, digest = staging.stage_manifest(read, scratch)
    signer = "" if unsigned else _verified(scratch / manifest.NAME, verify)
    manifest.check_current(described, digest, known.get(described.name), now)
    intake = _Intake(described.feed(signer, digest), described=True)
    for named in described.files:
        _read_into(intake, staging.stage_file(read, scratch, named), named.kind, now, limits)
    counted = sum(len(found.advisories) for found in intake.harvested)
    if counted != described.records:
        raise InputError(f"the feed holds {counted:,} records, its manifest says {described.records:,}")
    intake.feed = described.feed(signer, digest)
    return intake


def _verified(path: Path, verify: Verify | None) -> str:
    """Return who signed; raises TrustError unless the signature holds."""
    if verify is None:
        raise ConfigError(
            "the feed is signed, and there is no trust root to verify it against", hint="--trust keys, or --unsigned"
        )
    try:
        evidence = verify(path)
    except SecpipeError as error:
        raise TrustError(f"the feed is not verified: {error.message}", hint=error.hint) from error
    except Exception as error:  # a verification that raises anything means "not verified"
        raise TrustError(f"the feed is not verified: unexpected {type(error).__name__}") from error
    if evidence.state is not State.OK or evidence.skips or evidence.findings:
        raise TrustError(f"the feed is not verified: {evidence.reason or 'the signature does not hold'}")
    covered = evidence.facts.get("covered")
    names = sorted({str(name) for name in covered.values()}) if isinstance(covered, dict) else []
    return ", ".join(names) or "verified"


def _read_into(intake: _Intake, path: Path, kind: str, now: datetime, limits: Limits) -> None:
    """Read one data file by its kind, or by its content where no manifest says the kind."""
    data = b""
    if path.is_file():
        with files.open_regular(path) as file:
            head = file.read(65_536)
        kind = kind or exploits.kind_of(head)
    if kind in {"kev", "epss"}:
        data = files.read_bytes(path, limits.document_bytes)
        found = exploits.parse_kev(data) if kind == "kev" else exploits.parse_epss(data)
        intake.exploited.append(found)
        dated = f"{found.date}T00:00:00Z" if found.date else times.rfc3339(now)
        if dated > times.rfc3339(now):
            raise TrustError(f"the {kind.upper()} data is dated {found.date}, in the future")
        intake.feed = replace(intake.feed, date=max(intake.feed.date, dated))
        return
    gathered = harvest(path, now, limits)
    check_readable(gathered, str(path))
    intake.harvested.append(gathered)
    intake.feed = replace(
        intake.feed,
        date=max(intake.feed.date, gathered.newest),
        records=intake.feed.records + len(gathered.advisories),
        coverage={**intake.feed.coverage, **gathered.coverage()},
        digest=gathered.digest.hexdigest(),
    )


def _merge(intake: _Intake, home: Path, known: dict[str, Any], *, replace_all: bool, dry_run: bool) -> Update:
    """Join the intake with what the store holds: of two records of one id the later modified one stays."""
    held: dict[str, str] = {}
    exploited: Exploited = {}
    if known and not replace_all:
        before = local.read_folder(home).rows
        if isinstance(before, sqlite.SqliteRows):
            held, exploited = before.everything(), before.exploited()
    modified = {identity: json.loads(text)[2] for identity, text in held.items()}
    added = changed = 0
    for found in intake.harvested:
        for identity, text in sqlite.encoded(found.advisories).items():
            old = held.get(identity)
            if old is not None and (old == text or found.advisories[identity].modified < modified[identity]):
                continue
            added, changed = added + (old is None), changed + (old is not None)
            held[identity], modified[identity] = text, found.advisories[identity].modified
    _add_exploitation(exploited, intake.exploited, held)
    feeds = {} if replace_all else {name: snapshot.feed_of(row) for name, row in known.items()}
    feeds[intake.feed.name] = intake.feed
    if not dry_run:
        _commit(home, held, list(feeds.values()), exploited)
    refused = tuple(skip for found in intake.harvested for skip in found.refused)
    return Update(intake.feed, added, changed, len(held), refused, not dry_run)


def _narrowed(intake: _Intake, others: list[Feed], partial: bool) -> Feed:
    """Return a feed without a manifest, covering an ecosystem only where no larger feed does.

    Otherwise a few fresh records would make everything that an old feed knows look fresh.
    """
    coverage = dict(intake.feed.coverage)
    larger = [feed for feed in others if feed.name != intake.feed.name and feed.records > intake.feed.records]
    for found in intake.harvested:
        for ecosystem, names in found.coverage(partial=True).items():
            if partial or any(feed.coverage.get(ecosystem) == ALL for feed in larger):
                coverage[ecosystem] = names
    return replace(intake.feed, coverage=coverage)


def _add_exploitation(exploited: Exploited, found: list[exploits.Exploitation], held: dict[str, str]) -> None:
    """Add what is known of CVEs that the records name; a newer catalogue replaces an older one entry by entry."""
    named = {name for text in held.values() for name in json.loads(text)[1] if name.startswith("CVE-")}
    for item in found:
        for cve in named & (item.listed.keys() | item.scores.keys()):
            listed, score = exploited.get(cve, ("", None))
            exploited[cve] = (item.listed.get(cve, listed), item.scores.get(cve, score))


def _commit(home: Path, held: dict[str, str], feeds: list[Feed], exploited: Exploited) -> None:
    """Write the new store, then the pointer to it; then drop stores that are neither current nor the one before."""
    rows = [snapshot.feed_row(feed) for feed in sorted(feeds, key=lambda feed: feed.name)]
    data = sqlite.build(held.values(), {"feeds": rows, "records": len(held)}, exploited)
    digest = hashlib.sha256(data).hexdigest()
    try:
        before = local.read_pointer(home)["sha256"]
    except InputError:
        before = digest
    files.write_atomic(home / local.store_name(digest), data, mode=0o600)
    pointer = {"schema": local.POINTER_SCHEMA, "sha256": digest, "feeds": rows}
    files.write_atomic(
        home / local.POINTER, (json.dumps(pointer, indent=1, sort_keys=True) + "\n").encode(), mode=0o600
    )
    for torn in home.glob(".*.tmp"):  # left by a killed update; nobody else writes while we hold the lock
        files.remove(torn)
    keep = {local.store_name(digest), local.store_name(before)}
    for old in home.glob("advisories-*.sqlite"):
        if old.name not in keep:
            files.remove(old)
