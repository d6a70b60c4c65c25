"""The evidence for a notice about a release: what shipped, since when, what is known against it, who is affected.

From the verdict store, today's advisories, CISA's catalogue, signatures, the log and the inventory; nothing is judged,
and what is not known is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.documents import parse_toml
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.evidence import State
from secpipe.core.shape import Table
from secpipe.core.text import plural, printable
from secpipe.gate.after import past, today
from secpipe.gate.after.past import Head, Past
from secpipe.gate.after.today import Knowledge
from secpipe.gate.facts import listing
from secpipe.gate.verdicts import signed, store
from secpipe.gate.verdicts.signed import About, Broken
from secpipe.log import beside
from secpipe.log.trusted import Trusted
from secpipe.scan.vulnerabilities.exploits import Exploitation

_HEX = re.compile(r"(?:(?:sha256|dirHash):)?([0-9a-f]{64})")
#: Older releases beyond so many are counted, not looked into.
MOST = 500
_VULNERABILITY = "audit/known-vulnerability"


@dataclass(frozen=True, slots=True)
class Enquiry:
    """What the pack is about. `names` are the vulnerabilities meant (any of their ids); none: all that are known."""

    digest: str
    now: datetime
    environment: str = ""
    names: frozenset[str] = frozenset()
    aware: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it is gathered from; what is None is not known, and the pack says so."""

    folder: Path
    known: Knowledge
    kev: Exploitation | None = None
    log: Trusted | None = None
    releases: tuple[tuple[str, str, str, frozenset[str]], ...] | None = (
        None  # of the inventory: name, digest, since, purls
    )
    duties: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class _Pack:
    asked: Enquiry
    sources: Sources
    unknown: list[str] = field(default_factory=list)
    damaged: list[dict[str, str]] = field(default_factory=list)
    blind: bool = False  # something without which the notice could be wrong


def digest_of(text: str) -> str:
    """Return the 64 hex digits of `sha256:HEX`, `dirHash:HEX` or HEX; raises InputError."""
    found = _HEX.fullmatch(text.strip())
    if found is None:
        raise InputError(f'"{printable(text, 80)}" is no digest', hint="64 hex digits: dirHash of a release, or sha256")
    return found[1]


def duties_of(data: bytes, what: str) -> tuple[Mapping[str, Any], ...]:
    """Return the duties in one `policies/law/*.toml`, each with the title and source of its law; raises InputError."""
    table = Table(parse_toml(data, what))
    law = {"law": table.text("title"), "source": table.text("source")}
    law["reviewed"] = str(table.values.get("reviewed", ""))
    return tuple(
        {"article": row.text("article"), "what": row.text("what"), "hours": row.number("hours"), **law}
        for row in table.tables("duty")
    )


def gather(asked: Enquiry, sources: Sources) -> dict[str, Any]:
    """Return what is known, JSON-ready, without what surrounds it.

    Raises InputError where no release of the store is, or holds, what the digest names.
    """
    pack = _Pack(asked, sources)
    heads = _heads(pack)
    meant = _meant(pack, heads)
    if not meant:
        unread = f"; {plural(len(pack.damaged), 'entry', 'entries')} could not be read" if pack.damaged else ""
        raise InputError(
            f"no release in the store that went out is or holds {asked.digest[:16]}…{unread}",
            hint="secpipe verdict list --store FOLDER",
        )
    known = {head.entry.digest: _vulnerabilities(pack, head) for head in reversed(meant)}
    told = _merged(known.values())
    if asked.names - {name for one in told.values() for name in (one["id"], *one["aliases"])}:
        pack.unknown.append("of the vulnerabilities named, today's advisories know some not in this release")
    _affected(pack, heads, told)
    _about_sources(pack)
    return {
        "shipped": [_shipped(pack, head) for head in meant],
        "vulnerabilities": list(told.values()),
        "artifacts": _artifacts(pack, meant[0]),
        "duties": [_duty(row, asked.aware) for row in sources.duties],
        "not_known": list(dict.fromkeys(pack.unknown)),
        "damaged": pack.damaged,
        "complete": not pack.blind,
    }


def _heads(pack: _Pack) -> list[Head]:
    """Return every release that was let out, newest first."""
    found = []
    for entry in store.entries(pack.sources.folder, environment=pack.asked.environment):
        try:
            head = past.head(entry, pack.asked.now)
        except InputError as error:
            place = f"{entry.environment}/{entry.digest}/{entry.name}"
            pack.damaged.append({"entry": printable(place), "reason": printable(error.message)})
            continue
        if head.passed:
            found.append(head)
    return sorted(found, key=lambda head: (head.at, head.entry.name), reverse=True)


def _meant(pack: _Pack, heads: list[Head]) -> list[Head]:
    """Return the releases with that dirHash, else those that hold an artifact with that SHA-256; newest first."""
    if exact := [head for head in heads if head.entry.digest == pack.asked.digest]:
        return exact
    found = []
    for head in heads[:MOST]:
        whole = _whole(pack, head)
        if whole and any(one.value == pack.asked.digest for item in whole.record.components for one in item.digests):
            found.append(head)
    if len(heads) > MOST:
        pack.unknown.append(f"{plural(len(heads) - MOST, 'older release')} in the store: not looked into")
    return found


def _whole(pack: _Pack, head: Head) -> Past | None:
    try:
        return past.whole(head)
    except InputError as error:
        pack.damaged.append({"entry": printable(head.place), "reason": printable(error.message)})
        return None


def _vulnerabilities(pack: _Pack, head: Head) -> list[dict[str, Any]]:
    whole = _whole(pack, head)
    if whole is None:
        pack.blind = True
        return []
    found = today.evidence(whole, pack.sources.known, pack.asked.now).get("audit")
    if found is None or found.state is not State.OK:
        pack.blind = True
        pack.unknown.append(f"vulnerabilities of today: {found.reason if found else 'the release was not audited'}")
        return []
    pack.unknown += [f"not read of it: {skip.path or 'all'}: {skip.reason}" for skip in found.skips[:20]]
    rows = [dict(one.details) for one in found.findings if one.rule == _VULNERABILITY]
    names = pack.asked.names
    return [row for row in rows if not names or names & {str(row.get("id")), *map(str, row.get("aliases", ()))}]


def _merged(found: Iterable[list[dict[str, Any]]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return each vulnerability of a package once, under (id, package, version)."""
    told: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in (row for rows in found for row in rows):
        key = (str(row.get("id")), str(row.get("package")), str(row.get("version")))
        told.setdefault(key, {name: row.get(name) for name in (
            "id", "aliases", "package", "ecosystem", "version", "fixed", "last_affected", "published", "kev", "epss",
        )} | {"releases": [], "inventory": []})  # fmt: skip
    return dict(sorted(told.items()))


def _affected(pack: _Pack, heads: list[Head], told: Mapping[tuple[str, str, str], dict[str, Any]]) -> None:
    """Add to each vulnerability every release that has it, in the store and in the inventory, and whether exploited."""
    seen: set[tuple[str, str]] = set()
    newest: set[tuple[str, str]] = set()
    for head in heads[:MOST] if told else ():
        place = (head.entry.environment, head.name)
        deployed = place not in newest
        newest.add(place)
        if (head.entry.environment, head.entry.digest) in seen:
            continue
        seen.add((head.entry.environment, head.entry.digest))
        for row in _vulnerabilities(pack, head):
            for (name, package, _), one in told.items():
                if (name, package) == (row.get("id"), row.get("package")):
                    one["releases"].append(_release(head) | {"version": row.get("version"), "deployed": deployed})
    for (_, package, version), one in told.items():
        end = f"/{package}@{version}"
        one["inventory"] = [
            {"release": name, "sha256": digest, "since": since}
            for name, digest, since, purls in pack.sources.releases or ()
            if any(purl.partition("?")[0].lower().endswith(end.lower()) for purl in purls)
        ]
        one["exploited"] = _exploited(one, pack.sources.kev)
        del one["kev"]


def _exploited(one: Mapping[str, Any], kev: Exploitation | None) -> dict[str, str]:
    """Return whether it is known to be exploited: `yes`, `not-listed` (as of a day), or `unknown`."""
    names = (str(one["id"]), *map(str, one["aliases"]))
    listed = max((kev.listed.get(name, "") for name in names), default="") if kev else str(one["kev"] or "")
    if listed:
        return {"state": "yes", "since": listed, "by": "CISA KEV"}
    if kev is None:
        return {"state": "unknown", "since": "", "by": ""}
    return {"state": "not-listed", "since": kev.date, "by": "CISA KEV"}


def _release(head: Head) -> dict[str, Any]:
    return {
        "name": printable(head.name), "environment": printable(head.entry.environment),
        "at": times.rfc3339(head.at), "dirHash": head.entry.digest,
    }  # fmt: skip


def _shipped(pack: _Pack, head: Head) -> dict[str, Any]:
    """Return one verdict that let it out: when, by which rules, whether its signature and its log entry hold."""
    subject, policy = Table(head.verdict).table("subject"), Table(head.verdict).table("policy", optional=True)
    row = _release(head) | {
        "files": subject.number("files", optional=True),
        "bytes": subject.number("bytes", optional=True),
        "decision": str(head.decision),
        "policy": policy.text("name", optional=True),
        "valid_until": Table(head.verdict).text("valid_until", optional=True),
        "entry": printable(head.place),
    }
    trust = pack.sources.known.trust
    if trust is None:
        return row | {"signature": {"state": "unknown", "who": ""}, "log": {"state": "unknown", "index": None}}
    about = About(head.entry.digest, None, head.entry.environment)
    held = signed.attempt(head.entry.folder, signed.stamp_of(head.entry), about, trust, pack.asked.now)
    if isinstance(held, Broken):
        row["signature"] = {"state": "does-not-hold", "who": printable(held.error.message)}
        return row | {"log": {"state": "unknown", "index": None}}
    row["signature"] = {"state": "holds", "who": f"{held.identity.name} version {held.key_version}"}
    if pack.sources.log is None:
        return row | {"log": {"state": "unknown", "index": None}}
    try:
        found = beside.verify(held.folder / signed.names(signed.VSA)[0], held.digest, pack.sources.log)
    except SecpipeError as error:
        return row | {"log": {"state": "does-not-hold", "index": None, "why": printable(error.message)}}
    return row | {"log": {"state": "holds", "index": found.index, "at": times.rfc3339(found.entry.time)}}


def _artifacts(pack: _Pack, head: Head) -> list[dict[str, Any]]:
    """Return the signed artifacts of the newest of them, as they are verified today or were then."""
    whole = _whole(pack, head)
    if whole is None:
        return []
    found = today.evidence(whole, pack.sources.known, pack.asked.now).get("signatures")
    return [
        {
            "path": printable(str(one.get("path", ""))) or ".",
            "identity": printable(str(one.get("identity", ""))),
            "digest": printable(str(one.get("digest", ""))),
            "verified": bool(one.get("verified")),
        }
        for one in (listing(found, "artifacts") if found else ())
    ]


def _about_sources(pack: _Pack) -> None:
    sources = pack.sources
    absent = (
        (sources.kev, "whether a vulnerability is exploited: no --kev FILE was given"),
        (sources.known.trust, "whether the verdicts were signed: no --trust was given"),
        (sources.log, "whether the verdicts stand in the log: no --log-key was given"),
        (sources.releases, "other products with the same component: no --db was given"),
    )
    pack.unknown += [why for source, why in absent if source is None]


def _duty(row: Mapping[str, Any], aware: datetime | None) -> dict[str, Any]:
    due = times.rfc3339(aware + timedelta(hours=row["hours"])) if aware and row["hours"] else None
    return {**row, "due": due}
