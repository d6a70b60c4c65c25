"""Advisories of today from their makers: OSV's exports per ecosystem, whole once and then what changed; KEV and EPSS.

Nobody signs these data; TLS to the address is all there is, and the feed says that it is not signed. Each ecosystem is
committed by itself: what an interrupted run has taken stays, and the next run goes on from there.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from secpipe.core import times
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, SecpipeError, TrustError
from secpipe.core.limits import GIB, MIB
from secpipe.core.text import plural
from secpipe.formats.packages import ecosystems
from secpipe.scan.vulnerabilities import local, snapshot
from secpipe.scan.vulnerabilities.feed import Harvest
from secpipe.scan.vulnerabilities.store import ALL, Feed
from secpipe.scan.vulnerabilities.update import Update, staged
from secpipe.system import files, net, places

_WHOLE = GIB // 2
_LIST = 256 * MIB
_RECORD = 8 * MIB
_SECONDS = 600.0  # of one exchange
_PATIENCE = 3600.0  # seconds of all that one ecosystem takes
_ONE_BY_ONE = 500  # more changed records than this: the whole export is fewer requests
_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*-[A-Za-z0-9._:+-]{1,128}")


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be taken, and why; the old data stays."""

    name: str
    why: SecpipeError


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each kind of data lies."""

    osv: str
    kev: str
    epss: str


def addresses(mirror: str = "") -> Addresses:
    """Return the shipped addresses, or those of a mirror with the same files."""
    data = files.read_bytes(places.shipped() / "advisories" / "upstream.toml", MIB)
    table = tomllib.loads(data.decode())
    base = mirror.rstrip("/")
    found = {name: f"{base}/{table[name]['mirror']}".rstrip("/") if mirror else table[name]["url"] for name in _KINDS}
    return Addresses(found["osv"], found["kev"], found["epss"])


_KINDS = ("osv", "kev", "epss")


def held() -> list[str]:
    """Return the ecosystems that the user's store took from upstream before."""
    try:
        rows = local.read_pointer(local.folder())["feeds"]
    except SecpipeError:
        return []
    feeds = [snapshot.feed_of(row) for row in rows]
    return sorted({name for feed in feeds if feed.name.startswith("OSV ") for name in feed.coverage})


def take(
    wanted: Iterable[str], where: Addresses, *, now: datetime, unsigned: bool = False, dry_run: bool = False
) -> Iterator[Update | Failure]:
    """Yield what became of each ecosystem, then of KEV and EPSS; one that fails leaves the others."""
    for name in wanted:
        try:
            yield _ecosystem(name, where.osv, now, unsigned, dry_run)
        except SecpipeError as error:
            yield Failure(f"OSV {name}", error)
    for kind, url in (("kev", where.kev), ("epss", where.epss)):
        try:
            yield _exploited(kind, url, now, unsigned, dry_run)
        except SecpipeError as error:
            yield Failure(kind.upper(), error)


def _ecosystem(word: str, base: str, now: datetime, unsigned: bool, dry_run: bool) -> Update:
    known = ecosystems.of(word)
    if known is None:
        raise InputError(f"{word!a:.60} is no ecosystem of packages that OSV and secpipe both know")
    name = f"OSV {known.name}"
    address = f"{base}/{quote(known.name, safe='')}"
    before, patience = _before(name), net.Patience(_PATIENCE)
    changed = _changes(net.fetch(f"{address}/modified_id.csv", limit=_LIST, timeout=patience.left(_SECONDS)), now)
    newest = max(changed.values(), default="")
    version = int(times.instant(newest).timestamp()) if newest else 0
    if not changed or (before is not None and version < before.version):
        raise TrustError(f"{address} lists nothing as new as what the store already holds", hint="try again later")
    feed = Feed(name, address, times.rfc3339(now), len(changed), {known.name: ALL}, version=version)
    since = times.rfc3339(datetime.fromtimestamp(before.version, UTC)) if before else ""
    late = {key: at for key, at in changed.items() if at >= since}
    with tempfile.TemporaryDirectory(prefix="secpipe-feed-") as scratch:
        if before is not None and len(late) <= _ONE_BY_ONE:
            place = _one_by_one(Path(scratch) / "changed", address, late, patience)
            return staged(place, feed, now=now, unsigned=unsigned, dry_run=dry_run)
        place = Path(scratch) / "all"
        files.write_atomic(place, net.fetch(f"{address}/all.zip", limit=_WHOLE, timeout=patience.left(_SECONDS)))

        def more(found: Harvest) -> Path | None:
            behind = _behind(found, changed)
            if len(behind) > _ONE_BY_ONE:
                raise InputError(f"{address} exports {plural(len(behind), 'record')} less, or older, than it lists")
            return _one_by_one(Path(scratch) / "behind", address, behind, patience) if behind else None

        return staged(place, feed, now=now, unsigned=unsigned, dry_run=dry_run, more=more)


def _behind(found: Harvest, listed: dict[str, str]) -> dict[str, str]:
    """Return what a whole export lacks, or holds older, of what its list names: it is made before the list is."""
    unread = {skip.path.rpartition("/")[2].rpartition(".")[0] for skip in found.refused}
    held = found.advisories
    return {key: at for key, at in listed.items() if key not in unread and (key not in held or held[key].modified < at)}


def _one_by_one(place: Path, address: str, wanted: dict[str, str], patience: net.Patience) -> Path:
    files.make_folder(place)
    for number, (key, at) in enumerate(wanted.items()):
        files.write_atomic(place / f"{number}.json", _record(address, key, at, patience.left(_SECONDS)))
    return place


def _before(name: str) -> Feed | None:
    place = local.folder()
    rows = local.read_pointer(place)["feeds"] if (place / local.POINTER).exists() else []
    return next((feed for row in rows if (feed := snapshot.feed_of(row)).name == name), None)


def _changes(data: bytes, now: datetime) -> dict[str, str]:
    """Return id -> when it was last changed, of a list of changes; raises InputError where it is none."""
    found: dict[str, str] = {}
    try:
        for row in csv.reader(io.StringIO(data.decode("ascii"))):
            when, name = row
            name = name.rpartition("/")[2]
            if not _ID.fullmatch(name):
                raise ValueError(name)
            found[name] = min(times.rfc3339(times.instant(when)), times.rfc3339(now))
    except (ValueError, csv.Error) as error:
        raise InputError("the list of changed advisories is unreadable: the download is broken") from error
    return found


def _record(address: str, name: str, listed: str, seconds: float) -> bytes:
    """Return one record; raises InputError where it is another one, or older than the list says."""
    data = net.fetch(f"{address}/{quote(name, safe='')}.json", limit=_RECORD, timeout=seconds)
    value = parse_json(data, name)
    if not isinstance(value, dict) or value.get("id") != name:
        raise InputError(f"{address} gives another record for {name}")
    try:
        old = times.rfc3339(times.instant(str(value.get("modified")))) < listed
    except ValueError:
        old = True
    if old:
        raise InputError(f"{address} gives an older record for {name} than it lists")
    return data


def _exploited(kind: str, url: str, now: datetime, unsigned: bool, dry_run: bool) -> Update:
    with tempfile.TemporaryDirectory(prefix="secpipe-feed-") as scratch:
        place = Path(scratch) / "data"
        files.write_atomic(place, net.fetch(url, limit=_LIST, timeout=_SECONDS))
        feed = Feed(kind.upper(), url, "", 0, {})
        return staged(place, feed, kind=kind, now=now, unsigned=unsigned, dry_run=dry_run)
