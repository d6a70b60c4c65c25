"""SARIF 2.1.0 (OASIS), in the part of it that code hosts read: one run, worst results first, what was not checked as
notifications of the tool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from secpipe.report.document import SEVERITIES, Item, Report
from secpipe.report.json import dump
from secpipe.report.read import read
from secpipe.report.rules import NONE, Rule, page, plain

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RULES = "https://secpipe.dev/rules/"

#: GitHub rejects a run with more results, and shows the 5,000 worst of them.
MAX_RESULTS = 25_000
MAX_NOTIFICATIONS = 1_000

#: Code hosts refuse a result without a location; this is what stands where no file is meant.
NOWHERE = "the project as a whole"

_BY_EFFECT = {"deny": "error", "undecided": "error", "warn": "warning", "info": "note"}
_BY_SEVERITY = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
#: GitHub's `security-severity` (above 9.0 critical, 7.0 high, 4.0 medium) for our words.
_SCORE = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0", "info": "0.0"}


def render(document: Mapping[str, Any], *, color: bool = False, rules: Mapping[str, Rule] = NONE) -> str:
    """Return the document as a SARIF log with one run; `rules` become its help."""
    report = read(document)
    entries = sorted(report.entries, key=lambda item: SEVERITIES.index(item.severity))
    kept = entries[:MAX_RESULTS]
    worst: dict[str, str] = {}
    for item in kept:  # worst first
        worst.setdefault(item.rule, item.severity)
    index = {rule: place for place, rule in enumerate(worst)}
    run = {
        "tool": {
            "driver": {
                "name": "secpipe",
                "fullName": f"secpipe {report.version}",
                "semanticVersion": report.version,
                "informationUri": "https://secpipe.dev",
                "rules": [_rule(rule, severity, rules.get(rule)) for rule, severity in worst.items()],
            }
        },
        "automationDetails": {"id": _category(report)},
        "invocations": [_invocation(report, len(entries) - len(kept))],
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, index[item.rule]) for item in kept],
        "properties": _properties(report),
    }
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _category(report: Report) -> str:
    """Return what keeps uploads apart on a code host: a scan never replaces a verdict, nor one environment another."""
    what = ("check", report.environment) if report.is_verdict else tuple(report.command.split())
    return "/".join(("secpipe", *(quote(part, safe="") for part in what), ""))


def uri(path: str) -> str:
    """Return `path` as a relative URI reference (RFC 3986); one that would leave the project names the whole of it."""
    segments = path.split("/")
    if not path or ".." in segments or not segments[0] or "\\" in segments[0][:3]:
        return quote(NOWHERE)
    return quote("/".join(segments), safe="/", errors="backslashreplace")


def _rule(rule: str, worst: str, known: Rule | None) -> dict[str, Any]:
    words = known.title if known else rule.partition("/")[2].replace("-", " ")
    help_ = {"text": f"`secpipe explain {rule}` says what this means and how to mend it."}
    if known:
        help_ = {"text": plain(known), "markdown": page(known)}
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in re.split(r"[/-]", rule)),  # must differ from the id
        "shortDescription": {"text": words},
        "fullDescription": {"text": known.what if known else f"{rule}: {words}"},
        "help": help_,
        "helpUri": RULES + rule,
        "defaultConfiguration": {"level": _BY_SEVERITY[worst]},
        "properties": {"security-severity": _SCORE[worst], "tags": ["security", "supply-chain"]},
    }


def _result(item: Item, index: int) -> dict[str, Any]:
    # Code hosts demand a line, also where none is meant.
    region = {"startLine": item.line or 1}
    if item.line and item.column:
        region["startColumn"] = item.column
    physical = {"artifactLocation": {"uri": uri(item.path), "uriBaseId": "%SRCROOT%"}, "region": region}
    properties: dict[str, Any] = {"severity": item.severity, "confidence": item.confidence}
    extra = {"effect": item.effect, "subject": item.subject, "owner": item.owner, "fix": item.fix}
    properties |= {name: value for name, value in extra.items() if value}
    if item.offset is not None:
        properties["offset"] = item.offset
    result = {
        "ruleId": item.rule,
        "ruleIndex": index,
        "level": _BY_EFFECT.get(item.effect) or _BY_SEVERITY[item.severity],
        "message": {"text": item.advice or item.rule},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {"secpipe/v1": item.id},
        "properties": properties,
    }
    if item.effect == "waived":
        justification = f"waiver {item.waiver}" if item.waiver else "waived by policy"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": justification}]
    return result


def _invocation(report: Report, cut: int) -> dict[str, Any]:
    notes: list[dict[str, Any]] = []
    if cut:
        notes.append(_note("error", f"{cut:,} results of lower severity were left out: -f json holds them all"))
    for check in report.checks:
        if check.unknown:
            notes.append(_note("error", f"not checked: {check.title}: {check.reason or check.state}"))
    for unseen in report.skipped[:MAX_NOTIFICATIONS]:
        notes.append(_note("warning", f"not looked at: {unseen.path}: {unseen.reason}", unseen.path))
    if len(report.skipped) > MAX_NOTIFICATIONS:
        notes.append(_note("warning", f"and {len(report.skipped) - MAX_NOTIFICATIONS:,} more places not looked at"))
    return {
        "executionSuccessful": report.decision != "undecided",
        "toolExecutionNotifications": notes,
    }


def _note(level: str, text: str, path: str = "") -> dict[str, Any]:
    note: dict[str, Any] = {"level": level, "message": {"text": text}}
    if path:
        note["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": uri(path), "uriBaseId": "%SRCROOT%"}}}]
    return note


def _properties(report: Report) -> dict[str, Any]:
    values = {
        "decision": report.decision if report.is_verdict else "",
        "sentence": report.sentence,
        "at": report.at,
        "simulated": report.simulated,
        "environment": report.environment,
        "policy": report.policy,
        "validUntil": report.valid_until,
        "lookedAt": dict(report.accounts),
        "noMatch": list(report.unused),
    }
    return {name: value for name, value in values.items() if value}
