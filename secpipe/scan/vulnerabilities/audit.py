"""The audit: an inventory held against an advisory store, as evidence. Pure but for the store's own reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from secpipe import __version__
from secpipe.core.artifact import Skip
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Finding, sort_key
from secpipe.core.inventory import Inventory
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import plural, printable
from secpipe.scan.vulnerabilities import findings, match
from secpipe.scan.vulnerabilities.graph import Graph
from secpipe.scan.vulnerabilities.match import Package
from secpipe.scan.vulnerabilities.osv import instant
from secpipe.scan.vulnerabilities.store import AdvisoryStore

CHECK = "audit"
_SKEW = timedelta(days=1)  # clocks differ; a feed from further in the future is wrong, or the clock is


def audit(
    inventory: Inventory, store: AdvisoryStore, *, now: datetime, vex: Sequence[Any] = (), limits: Limits = DEFAULT
) -> Evidence:
    """Return evidence on every package of `inventory`.

    Facts: `advisories` (the store's `about`, its `date` the oldest of the feeds that were needed), `packages` (judged),
    `unjudged`. State `stale` when a needed feed has expired, `skipped` when its date lies in the future or is unknown;
    findings made so far are kept in both. How old is too old is the policy's question. Never raises SecpipeError.
    """
    try:
        return _audit(inventory, store, now, limits)
    except SecpipeError as error:
        return skipped(CHECK, error.message, facts={"advisories": store.about, "packages": 0})


def _audit(inventory: Inventory, store: AdvisoryStore, now: datetime, limits: Limits) -> Evidence:
    graph = Graph(inventory)
    found: list[Finding] = []
    skips = list(inventory.skipped)
    unjudged: dict[str, list[Package]] = {}
    dates: list[str] = []
    expiries: list[str] = []
    judged = 0
    for package in match.packages(inventory):
        found += [findings.of_hit(hit, store, graph) for hit in match.hits(package, store)]
        feed = store.covering(package.ecosystem, package.name)
        if feed is None:
            unjudged.setdefault(f"no advisory feed covers {package.ecosystem} packages like", []).append(package)
        elif not package.version:
            unjudged.setdefault("no exact version is known of", []).append(package)
        else:
            judged += 1
            dates.append(feed.date)
            expiries += [feed.expires] if feed.expires else []
    skips += [_skip(reason, missed) for reason, missed in sorted(unjudged.items())]
    if len(found) > limits.findings:
        skips.append(Skip("", f"more than {limits.findings:,} findings; the rest is not listed"))
    about = store.about
    about["date"] = min(dates, default=about["date"])
    state, reason, since = _state(about["date"], expiries, now)
    return Evidence(
        CHECK,
        state,
        reason,
        since,
        tuple(sorted(found, key=sort_key)[: limits.findings]),
        tuple(skips),
        {"advisories": about, "packages": judged, "unjudged": sum(map(len, unjudged.values()))},
        f"secpipe {__version__}, {about['source']} of {about['date'][:10]}, {plural(about['records'], 'record')}",
    )


def _state(date: str, expiries: list[str], now: datetime) -> tuple[State, str, datetime | None]:
    if not date:
        return State.SKIPPED, "the advisory data does not say as of when it is", None
    if date > instant(now + _SKEW):
        return State.SKIPPED, f"the advisory data is dated {date}, in the future: the clock or the feed is wrong", None
    expired = min((expiry for expiry in expiries if expiry <= instant(now)), default="")
    if expired:
        return State.STALE, f"the advisory feed expired on {expired}", datetime.fromisoformat(expired)
    return State.OK, "", None


def _skip(reason: str, missed: list[Package]) -> Skip:
    names = sorted({package.name for package in missed})
    listed = ", ".join(printable(name, 80) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    paths = {package.component.path for package in missed}
    return Skip(paths.pop() if len(paths) == 1 else "", f"{reason} {listed} ({plural(len(missed), 'package')})")
