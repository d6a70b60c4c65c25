"""JUnit XML: one suite, one case a check, so that what was not checked is an error and never a green case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.report.document import Check, Item, Report
from secpipe.report.read import read
from secpipe.report.text import markup

_FINDINGS = 1_000  # listed in the text of one case
_UNSEEN = 1_000


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as JUnit XML: `failure` where policy says no, `error` where nothing is known."""
    report = read(document)
    groups = report.by_check()
    cases = [_check(report, check, groups.get(check.check, [])) for check in report.checks]
    known = {check.check for check in report.checks}
    # A reason that belongs to no check (a policy that expired, missing pins) is a case of its own.
    cases += [
        _case(reason.rule, "gate", "error" if reason.effect == "undecided" else "failure", reason.said, [reason.entry])
        for reason in report.reasons
        if reason.effect != "warn" and reason.check not in known
    ]
    text = "\n".join(cases)
    # Text is escaped, so that every "<" that is left is ours.
    failures, errors, skipped = (text.count(f"<{word} ") for word in ("failure", "error", "skipped"))
    totals = f'tests="{len(cases)}" failures="{failures}" errors="{errors}"'
    unseen = "\n".join(f"not looked at: {item.path}: {item.reason}" for item in report.skipped[:_UNSEEN])
    looked = "\n".join(f"looked at: {name}: {said}" for name, said in report.accounts)
    looked += "".join(f"\nno match: {text}" for text in report.unused[:_UNSEEN])
    suite = markup(f"secpipe {report.command or 'check'}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="secpipe" {totals}>\n'
        f'<testsuite name="{suite}" {totals} skipped="{skipped}" timestamp="{markup(report.at)}">\n'
        f"{text}\n"
        f"<system-out>{markup(report.sentence)}\n{markup(looked)}\n{markup(unseen)}</system-out>\n"
        "</testsuite>\n</testsuites>\n"
    )


def _check(report: Report, check: Check, found: list[Item]) -> str:
    items = [item for item in found if item.effect != "info"]
    said = check.said or check.title
    if check.unknown or check.result == "undecided":
        return _case(check.title, check.check, "error", said, items)
    blocked = check.state == "failed" or bool(items) if not report.is_verdict else check.result == "deny"
    if blocked:
        return _case(check.title, check.check, "failure", said, items)
    return _case(check.title, check.check, "skipped" if check.result == "off" else "", said, items)


def _do(item: Item) -> str:
    return f" | do: {item.fix}" if item.fix else ""


def _case(name: str, group: str, outcome: str, said: str, items: list[Item]) -> str:
    head = f'<testcase classname="secpipe.{markup(group)}" name="{markup(name)}"'
    lines = [f"[{item.severity}] {item.rule} {item.said}{_do(item)}" for item in items[:_FINDINGS]]
    if len(items) > _FINDINGS:
        lines.append(f"and {len(items) - _FINDINGS:,} more in the JSON")
    listed = markup("\n".join(lines))
    if not outcome:
        return f"{head}>{f'<system-out>{listed}</system-out>' if listed else ''}</testcase>"
    return f'{head}><{outcome} message="{markup(said)}">{listed}</{outcome}></testcase>'
