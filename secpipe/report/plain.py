"""For people who do not code: yes or no first, then what to do, in plain words and without a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.do import Kind
from secpipe.core.text import plural
from secpipe.report.document import Reason, Report
from secpipe.report.read import read
from secpipe.report.rules import NONE, Rule
from secpipe.report.text import COLUMNS, hanging, painter, wrap

_MOST = 12
_FIRST = ("leaked-key", "dangerous", "malicious", "fetch-and-run")  # what may do harm already, before anybody acts
_BOLD, _RED, _GREEN, _YELLOW = "1", "31", "32", "33"
_COLOUR = {"pass": _GREEN, "warn": _GREEN, "deny": _RED, "undecided": _YELLOW}


def render(document: Mapping[str, Any], *, color: bool = False, rules: Mapping[str, Rule] = NONE) -> str:
    """Return the answer as text of at most 100 columns where words allow; `rules` tell why it matters."""
    report = read(document)
    paint = painter(color)
    lines = [paint(line, f"{_BOLD};{_COLOUR[report.decision]}") for line in wrap(_answer(report), COLUMNS)]
    against = sorted(report.of_effect("deny", "undecided"), key=_urgency)
    told: set[str] = set()
    for number, reason in enumerate(against[:_MOST], 1):
        lines += ["", *_reason(f"{number}.".rjust(3) + " ", reason, rules.get(reason.rule), told)]
    if len(against) > _MOST:
        lines += ["", f"And {plural(len(against) - _MOST, 'more thing')}: the report in HTML lists them all."]
    lines += _found(report) if not report.is_verdict else []
    lines += ["", *_rest(report)]
    return "\n".join(lines) + "\n"


def _answer(report: Report) -> str:
    deny, unknown = len(report.of_effect("deny")), len(report.of_effect("undecided"))
    if report.may == "no":
        more = f", and {plural(unknown, 'thing')} could not be checked" if unknown else ""
        return f"NO, do not publish it yet: {plural(deny, 'thing')} must change{more}."
    if report.may == "undecided":
        return f"NOT YET: {plural(unknown, 'thing')} could not be checked, so nobody knows."
    if report.may == "would-be-no":
        return f"IT WOULD BE NO: {plural(deny + unknown, 'thing')} would have to change. These rules only warn."
    if report.may != "yes":
        return report.sentence
    known = " Some things are worth knowing; the report in HTML lists them." if report.of_effect("warn") else ""
    if report.unlooked:
        return f"YES, it may go out by its rules; {plural(report.unlooked, 'thing')} nobody looked at.{known}"
    return f"YES, it may go out. Everything was looked at.{known or ' Nothing speaks against it.'}"


def _urgency(reason: Reason) -> int:
    """What is out already comes first: a key in a page can be used by whoever opens it."""
    return next((place for place, word in enumerate(_FIRST) if word in reason.rule), len(_FIRST))


def _reason(lead: str, reason: Reason, rule: Rule | None, told: set[str]) -> Iterator[str]:
    yield from hanging(lead, f"{reason.said.rstrip('.')}.")
    if rule and reason.rule not in told:
        told.add(reason.rule)
        yield from hanging("    Why it matters: ", " ".join(rule.why.split()))
    if reason.do and reason.do.kind is Kind.PERSON:
        yield from hanging("    What to do: ", reason.do.text)
    elif reason.do:
        yield f"    What to do: {reason.do.text}"
        if reason.do.kind is Kind.ACCEPT and not reason.rule.startswith("gate/"):
            owner = reason.owner or "its owner"
            yield from hanging("      ", f"That says that {owner} answers for it. Otherwise remove it.")
        elif reason.do.text.startswith("secpipe init"):
            yield from hanging("      ", "That writes down what the app uses, for you to confirm. Or take it out.")


def _found(report: Report) -> Iterator[str]:
    """Yield what a scan found, each with what mends it."""
    for number, item in enumerate(report.findings[:_MOST], 1):
        yield ""
        yield from hanging(f"{number}.".rjust(3) + " ", f"{item.said.rstrip('.')}.")
        if item.fix:
            yield from hanging("    What to do: ", item.fix)
    if len(report.findings) > _MOST:
        yield f"\nAnd {plural(len(report.findings) - _MOST, 'more')}: the report in HTML lists them all."


def _rest(report: Report) -> Iterator[str]:
    if report.skipped:
        places = plural(len(report.skipped), "place")
        yield from wrap(f"Not looked at: {places}. Nobody can say what they hold.", COLUMNS)
    if report.decision in ("pass", "warn") and report.valid_until:
        yield f"This answer holds until {report.valid_until[:16].replace('T', ' ')} UTC, for exactly these files."
    yield "Every detail, for somebody who knows more: secpipe check FOLDER"
