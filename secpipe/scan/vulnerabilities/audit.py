"""The audit: an inventory held against an advisory store, as evidence. Pure but for the store's own reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import Skip
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Finding, sort_key
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.core.ledger import Account, Tally, Thing
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import plural, printable
from secpipe.core.version import __version__
from secpipe.formats.boms.packages import LISTED
from secpipe.scan.vulnerabilities import SNAPSHOT, findings, hygiene, match, plan, uncovered, vex
from secpipe.scan.vulnerabilities.graph import Graph
from secpipe.scan.vulnerabilities.match import Hit, Package
from secpipe.scan.vulnerabilities.plan import Upgrade
from secpipe.scan.vulnerabilities.store import AdvisoryStore, Feed
from secpipe.scan.vulnerabilities.vex import Statement

CHECK = "audit"
_SKEW = timedelta(days=1)  # clocks differ; a feed from further in the future is wrong, or the clock is


@dataclass(frozen=True, slots=True)
class Options:
    """What the user's own configuration adds to an audit; never taken from the tree under test.

    `imported`: top-level modules that the shipped Python code imports, if that was looked at. `index`: names known to
    exist, if a snapshot was supplied. `internal`: globs over names that must never come from a public index.
    """

    imported: frozenset[str] | None = None
    index: frozenset[str] | None = None
    internal: tuple[str, ...] = ()


def audit(
    inventory: Inventory,
    store: AdvisoryStore,
    *,
    now: datetime,
    vex: Sequence[Statement] = (),
    options: Options | None = None,
    limits: Limits = DEFAULT,
) -> Evidence:
    """Return evidence on every package of `inventory`.

    Facts: `advisories` (the store's `about`; its `date` is the oldest of the feeds that were needed, its `used` what
    each of these judged), `packages` (judged), `unjudged`, `suppressed` (answered by `vex`), `vex_refused` (why
    statements do not count), `plan` (upgrades). State `stale` when a needed feed has expired, `skipped` when its date
    is unknown or lies in the future;
    findings are kept in both. How old is too old is the policy's question. Never raises SecpipeError.
    """
    try:
        return _audit(inventory, store, now, vex, options or Options(), limits)
    except SecpipeError as error:
        return skipped(CHECK, error.message, facts={"advisories": store.about, "packages": 0, "unjudged": 0})


def _audit(
    inventory: Inventory,
    store: AdvisoryStore,
    now: datetime,
    statements: Sequence[Statement],
    options: Options,
    limits: Limits,
) -> Evidence:
    graph = Graph(inventory)
    packages = match.packages(inventory)
    hits = [hit for package in packages for hit in match.hits(package, store)]
    account, feeds, skips = _coverage(inventory, packages, store)
    judged = sum(account.of(Thing.COMPONENT).judged.values())
    skips += inventory.skipped
    if store.note:
        skips += [Skip("", f"advisory data: {store.note}")] if store.incomplete else []
    found, refused = _findings(inventory, packages, hits, store, graph, statements, options, now)
    steps = plan.plan(_open(hits, found), store, graph)
    found = _with_upgrade(found, steps)
    if len(found) > limits.findings:
        skips.append(Skip("", f"more than {limits.findings:,} findings; the rest is not listed"))
    about = store.about
    about["date"] = min((feed.date for _, feed, _ in feeds), default=about["date"])
    about["used"] = [
        {"ecosystem": home, "date": feed.date, "packages": count, "embedded": feed.embedded}
        for home, feed, count in sorted(feeds, key=lambda row: (row[0], row[1].date))
    ]
    # An SBOM asks for all that it lists, whatever it calls it. What a tree holds is counted in the skips: how much of
    # that may stay unjudged is the policy's question.
    asked = sum(LISTED in component.facts for component in inventory.components)
    state, reason, since = _state(about["date"], [feed.expires for _, feed, _ in feeds if feed.expires], now)
    if asked and not judged and state is State.OK:
        state, reason = State.SKIPPED, f"nothing could be judged: {plural(asked, 'component')}, and advisories for none"
    return Evidence(
        CHECK,
        state,
        reason,
        since,
        tuple(found[: limits.findings]),
        tuple(skips),
        facts={
            "advisories": about,
            "packages": judged,
            "unjudged": account.of(Thing.COMPONENT).not_read,
            "suppressed": sum(finding.rule == vex.SUPPRESSED for finding in found),
            "vex_refused": [printable(skip.reason, 300) for skip in refused],
            "plan": [step.to_dict() for step in steps],
        },
        producer=f"secpipe {__version__}, {_data(about, [feed for _, feed, _ in feeds])}",
        account=account,
    )


def _data(about: Mapping[str, Any], used: Sequence[Feed]) -> str:
    """Say by which data was judged, and whether somebody signed what was needed of it; ours comes with the program."""
    rest = [] if about["source"] == SNAPSHOT else [bool(feed["signed"]) for feed in about["feeds"]]
    unsigned = not all([bool(feed.signed) or feed.embedded for feed in used] or rest)
    signed = ", not signed" if unsigned else ""
    return f"{about['source']} of {about['date'][:10]}, {plural(about['records'], 'record')}{signed}"


def _findings(
    inventory: Inventory,
    packages: list[Package],
    hits: list[Hit],
    store: AdvisoryStore,
    graph: Graph,
    statements: Sequence[Statement],
    options: Options,
    now: datetime,
) -> tuple[list[Finding], list[Skip]]:
    """Return findings, worst first, each once, and the VEX statements that do not count."""
    found = [findings.of_hit(hit, store, graph, options.imported) for hit in hits]
    found, refused = vex.apply(found, statements, now)
    known = store.rows.names("PyPI")
    found += hygiene.check(inventory, packages, known=known, internal=options.internal, index=options.index)
    return sorted({finding.id: finding for finding in found}.values(), key=sort_key), refused


def _open(hits: list[Hit], found: list[Finding]) -> list[Hit]:
    """Return the hits that nobody has answered: the plan is about these."""
    answered = {finding.subject for finding in found if finding.rule == vex.SUPPRESSED}
    return [hit for hit in hits if printable(f"{hit.package.purl} {hit.id}") not in answered]


def _with_upgrade(found: list[Finding], steps: list[Upgrade]) -> list[Finding]:
    """Return the findings, those of a package with a plan knowing where one upgrade clears all that can be cleared."""
    targets = {(step.package.ecosystem, step.package.name, step.package.version): step.to for step in steps}
    return [
        replace(finding, details={**finding.details, "upgrade": targets.get(_package(finding), "")})
        if "id" in finding.details
        else finding
        for finding in found
    ]


def _package(finding: Finding) -> tuple[str, str, str]:
    return finding.details["ecosystem"], finding.details["package"], finding.details["version"]


def _coverage(
    inventory: Inventory, packages: list[Package], store: AdvisoryStore
) -> tuple[Account, list[tuple[str, Feed, int]], list[Skip]]:
    """Return how each package ended, how many of which ecosystem each needed feed judged, and what was not judged.

    What no feed covers is not read, whatever a policy says: silence about it is no answer.
    """
    lacking: dict[tuple[str, str], list[Component]] = {}
    missed: dict[str, list[Component]] = {}
    feeds: dict[tuple[str, int], Feed] = {}
    used: Counter[tuple[str, int]] = Counter()
    judged: Counter[str] = Counter()
    placed = {package.component.ref for package in packages}
    pinned = {(package.ecosystem, package.name) for package in packages if package.version}
    for package in packages:
        if not package.version and (package.ecosystem, package.name) in pinned:
            judged["its pinned version"] += 1  # a lock file says which version this range came to
            continue
        feed = store.covering(package.ecosystem, package.name)
        if feed is None:
            reason = uncovered(printable(package.ecosystem, 40))
            lacking.setdefault((reason, package.component.path), []).append(package.component)
        elif not package.version:
            missed.setdefault("without an exact version nothing can be looked up", []).append(package.component)
        else:
            judged[feed.name] += 1
            feeds[package.ecosystem, id(feed)] = feed
            used[package.ecosystem, id(feed)] += 1
    for component in inventory.components:
        ci = "group" in component.facts and component.facts["group"].value == "ci"  # no part of the product
        if component.kind is ComponentKind.LIBRARY and component.ref not in placed and not ci:
            missed.setdefault("not from a package index that advisories cover", []).append(component)
    skips = [_skip(reason, parts, soft=False) for (reason, _), parts in sorted(lacking.items())]
    lost = sum(map(len, (*lacking.values(), *missed.values())))
    account = Account((Tally(Thing.COMPONENT, dict(judged), not_read=lost),) if judged or lost else ())
    needed = [(key[0], feed, used[key]) for key, feed in feeds.items()]
    return account, needed, skips + [_skip(*one, soft=True) for one in sorted(missed.items())]


def _state(date: str, expiries: list[str], now: datetime) -> tuple[State, str, datetime | None]:
    if not date:
        return State.SKIPPED, "the advisory data does not say as of when it is", None
    if date > times.rfc3339(now + _SKEW):
        return State.SKIPPED, f"the advisory data is dated {date}, in the future: the clock or the feed is wrong", None
    expired = min((expiry for expiry in expiries if expiry <= times.rfc3339(now)), default="")
    if expired:
        return State.STALE, f"the advisory feed expired on {expired}", times.instant(expired)
    return State.OK, "", None


def _skip(reason: str, missed: list[Component], *, soft: bool) -> Skip:
    names = sorted({component.name for component in missed})
    listed = ", ".join(printable(name, 80) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    paths = {component.path for component in missed}
    return Skip(
        paths.pop() if len(paths) == 1 else "", f"{plural(len(missed), 'package')}: {reason} ({listed})", soft=soft
    )
