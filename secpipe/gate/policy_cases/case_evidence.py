"""The evidence of a case: a clean release, or a recorded one, with the changes that the case makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import Skip
from secpipe.core.documents import parse_toml
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.limits import DEFAULT
from secpipe.gate.policies.policy_places import Places
from secpipe.gate.policies.policy_reader import build, read
from secpipe.gate.policy_cases.case_nouns import Case, Check, Found, Start
from secpipe.gate.record import Record
from secpipe.system import files, places


def clean(at: datetime, environment: str) -> Record:
    """Return the evidence of a release that nothing stands against, as of `at`."""
    start = _start()
    evidence = {name: _evidence(name, one, None) for name, one in start.checks.items()}
    audit = evidence["audit"]
    advisories = {"date": times.exact(at - timedelta(days=1)), **audit.facts["advisories"]}
    evidence["audit"] = replace(audit, facts={**audit.facts, "advisories": advisories})
    subject = {"name": "release", "digest": {"dirHash": "0" * 64}, "files": len(start.paths), "bytes": 4096}
    return Record(at, environment, subject, evidence, start.paths)


@cache
def _start() -> Start:
    data = files.read_bytes(places.shipped() / "cases" / "clean.toml", DEFAULT.text_bytes)
    start: Start = build(Start, read(Start, parse_toml(data, "clean.toml"), (), Places(data, "clean.toml")))
    return start


def changed(case: Case, record: Record) -> Record:
    """Return a record with what the case says about its checks, findings, files and pins."""
    evidence = dict(record.evidence)
    for name, check in case.checks.items():
        evidence[name] = _evidence(name, check, evidence.get(name))
    for one in case.finding:
        known = evidence.get(one.check) or Evidence(one.check, State.OK)
        evidence[one.check] = replace(known, findings=(*known.findings, _finding(one)))
    absent = {name for name, check in case.checks.items() if check.state == "absent"}
    return replace(
        record,
        evidence={name: one for name, one in evidence.items() if name not in absent},
        paths=tuple(sorted({*record.paths, *case.paths})),
        self_judged=case.self_judged,
        policy_signer=case.signed_by,
    )


def _evidence(name: str, check: Check, before: Evidence | None) -> Evidence:
    known = before or Evidence(name, State.OK)
    state = State.OK if check.state == "absent" else State(check.state)
    return replace(
        known,
        state=state,
        reason=check.reason if state is not State.OK else "",
        since=moment(check.since) if check.since else known.since,
        skips=(*known.skips, *(Skip(one.path, one.reason, one.soft) for one in check.skips)),
        facts={**known.facts, **_plain(check.facts)},
    )


def _finding(one: Found) -> Finding:
    return Finding(
        rule=one.rule, message=one.message, severity=Severity(Severity.parse(one.severity)),
        confidence=Confidence(Confidence.parse(one.confidence)), path=one.path, line=one.line, subject=one.subject,
        owner=one.owner, details=_plain(one.details),
    )  # fmt: skip


def moment(value: date) -> datetime:
    """Return a time of TOML in UTC; one without an offset is UTC, a date its midnight."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC)


def _plain(value: Any) -> Any:
    """Return facts as JSON has them: times become text."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date | time) else value
