"""GitLab code quality: a JSON array of issues, as its merge request widget reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from secpipe.core.text import plural
from secpipe.report.document import Item, Reason, Report
from secpipe.report.json import dump
from secpipe.report.read import read

_BY_SEVERITY = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return every entry that is not waived as an issue; fingerprints are finding ids, made unique by a count."""
    report = read(document)
    seen: Counter[str] = Counter()
    issues = []
    for item in [*_incomplete(report), *_accounts(report), *report.entries]:
        if item.effect != "waived":
            seen[item.id] += 1
            issues.append(_issue(item, seen[item.id]))
    return dump(issues)


def _issue(item: Item, nth: int) -> dict[str, Any]:
    return {
        "description": item.advice or item.rule,
        "check_name": item.rule,
        "fingerprint": item.id if nth == 1 else f"{item.id}-{nth}",
        "severity": _BY_SEVERITY[item.severity],
        # The widget needs a file and a line; "." is the project as a whole.
        "location": {"path": item.path or ".", "lines": {"begin": max(1, item.line)}},
    }


def _accounts(report: Report) -> list[Item]:
    """Say in one issue what was looked at; it stays the same issue when the counts change."""
    said = "; ".join([f"{name}: {text}" for name, text in report.accounts] + [f"no match: {t}" for t in report.unused])
    if not said:
        return []
    same = Reason("gate/account", "warn", "what was looked at").entry
    return [Item(same.id, same.rule, f"looked at: {said}", "info", "high", effect="info")]


def _incomplete(report: Report) -> list[Item]:
    """The widget has no place for what was not looked at, and an empty list reads as clean: one issue says it."""
    if not report.skipped or any(reason.rule == "gate/incomplete" for reason in report.reasons):
        return []
    first = "; ".join(f"{unseen.path}: {unseen.reason}" for unseen in report.skipped[:3])
    said = f"{plural(len(report.skipped), 'place')} not looked at: {first}"
    entry = Reason("gate/incomplete", "warn", said).entry
    return [Item(entry.id, entry.rule, entry.message, "info", "high", effect="info")]
