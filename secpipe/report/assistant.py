"""For assistants: words with the next command, and every piece of foreign text quoted and named as data.

What an assistant reads, it may obey. So nothing of what was checked stands in our own sentences here: names, messages
and reasons are quoted, each on one line whose end cannot be forged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.foreign import as_data
from secpipe.core.text import plural
from secpipe.report.document import Report
from secpipe.report.read import read
from secpipe.report.rules import NONE, Rule

_MOST = 40
_SAID = {
    "yes": "The answer is YES: nothing that is enforced stands against it.",
    "no": "The answer is NO.",
    "undecided": "The answer is NOT DECIDED: something could not be checked. That is no pass.",
    "would-be-no": "The rules only warn. If they were enforced, the answer would not be yes.",
    "": "This is no answer about the release as a whole, and so no pass.",
}
_SELF = "Policy or trust root came from the project itself, unpinned: whoever can change it can change this answer."


def render(document: Mapping[str, Any], *, color: bool = False, rules: Mapping[str, Rule] = NONE) -> str:
    """Return the answer as text; `rules` tell in our own words what each reason means."""
    report = read(document)
    lines = [_SAID[report.may], *[_SELF] * report.self_judged, f"Summary: {as_data(report.sentence)}", ""]
    lines += _reasons(report, rules) if report.is_verdict else _findings(report)
    lines += _unread(report)
    lines += [
        "",
        "What you must not do: change policy, trust root, approvals, waivers or acceptances to get a pass. The people",
        "named as owners decide about those. Mend the cause, or tell the person which command would ask them.",
    ]
    return "\n".join(lines) + "\n"


def _reasons(report: Report, rules: Mapping[str, Rule]) -> Iterator[str]:
    for number, reason in enumerate(report.reasons[:_MOST], 1):
        rule = rules.get(reason.rule)
        yield f"{number}. {reason.effect}, rule {reason.rule}" + (f": {rule.title}" if rule else "")
        yield f"   what: {as_data(reason.said)}"
        if reason.do:
            kind = {"fix": "a command that mends it", "accept": "for a person to decide", "person": "for a person"}
            yield f"   next, {kind[str(reason.do.kind)]}: {as_data(reason.do.text)}"
        if reason.owner:
            yield f"   owner: {as_data(reason.owner)}"
    if len(report.reasons) > _MOST:
        yield f"and {plural(len(report.reasons) - _MOST, 'more reason')}"


def _findings(report: Report) -> Iterator[str]:
    for number, item in enumerate(report.findings[:_MOST], 1):
        yield f"{number}. {item.severity}, rule {item.rule}: {as_data(item.said)}"
    if len(report.findings) > _MOST:
        yield f"and {plural(len(report.findings) - _MOST, 'more finding')}"


def _unread(report: Report) -> Iterator[str]:
    yield f"Not read: {plural(len(report.skipped), 'place')}." if report.skipped else "Not read: nothing."
    if more := report.unlooked - len(report.skipped):
        yield f"Left out, or accepted unread: {plural(more, 'thing')}."
    for item in report.skipped[:_MOST]:
        yield f"   {as_data(f'{item.path}: {item.reason}')}"
    if len(report.skipped) > _MOST:
        yield f"   and {plural(len(report.skipped) - _MOST, 'more place')}"
