"""The first screen: the verdict, a bar of all checks, and five answers that need no other page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from secpipe.core.text import plural
from secpipe.report.document import CHANGE, Check, Reason, Report
from secpipe.report.text import markup

_MARKS = {"pass": "✓", "deny": "✕", "warn": "!", "off": "–", "undecided": "?"}
WORDS = {"pass": "passed", "deny": "BLOCKED", "warn": "warning", "off": "not asked for", "undecided": "UNDECIDED"}
_MAY = {
    "yes": "Yes",
    "no": "No",
    "undecided": "Not yet: it could not be decided",
    "would-be-no": "The rules only warn; enforced, it would not be yes",
}
_OWNERS = 6


def first_screen(report: Report) -> Iterator[str]:
    """Yield the head of the page."""
    where = f"for {report.environment}" if report.is_verdict else report.command
    told = [report.subject.partition(",")[0] or "secpipe", where, report.at + " (SIMULATED)" * report.simulated]
    yield f"<header>{' · '.join(markup(part) for part in told if part)}</header><main id='top'>"
    said, first, rest = report.sentence.partition(" First: ")
    if not first and report.is_verdict:
        said, _, rest = report.sentence.partition(": ")
    yield f"<section class='verdict {report.decision}'><h1>{markup(said)}</h1>"
    if rest:
        yield f"<p>{markup(f'First: {rest}' if first else rest[:1].upper() + rest[1:])}</p>"
    yield "</section>"
    if report.is_verdict:
        yield from _bar(report.checks)
        yield from _answers(report)


def look(check: Check) -> tuple[str, str, str]:
    """Return how a check is shown: class, sign and word. What nobody knows never looks good."""
    if check.unknown:
        return "undecided", "?", "NOT CHECKED"
    return check.result or "undecided", _MARKS.get(check.result, "·"), WORDS.get(check.result, check.state)


def _bar(checks: Sequence[Check]) -> Iterator[str]:
    yield "<nav aria-label='Checks'><ul class='bar'>"
    for check in checks[:40]:
        css, sign, word = look(check)
        if css == "off":
            continue
        if css == "pass" and check.said.startswith("0 "):  # nothing there to approve, sign or scan: no merit
            css, sign, word = "off", "–", "none here"
        shown = markup(check.title) + ("" if css == "pass" else f": {word.lower()}")
        label = f"{markup(check.title)}: {word}"
        yield f"<li class='{css}'><a href='#checks' aria-label='{label}'>{sign} {shown}</a>"
    yield "</ul></nav>"


def _answers(report: Report) -> Iterator[str]:
    rows = [
        ("May it go out?", _may(report)),
        ("Why not?" if report.of_effect("deny", "undecided") else "What stands against it?", _why(report)),
        ("Who must act?", _who(report.of_effect("deny", "undecided"))),
        ("What was not read?", _unread(report)),
        ("What is new?", _new(report)),
    ]
    yield "<dl class='answers'>"
    yield from (f"<dt>{question}<dd>{answer}" for question, answer in rows)
    yield "</dl>"


def _may(report: Report) -> str:
    if report.may not in _MAY:
        return "This page does not say: it compares a change. secpipe check judges the release."
    yes = report.may == "yes"
    until = f", until {markup(report.valid_until)}" if yes and report.valid_until else ""
    warned = ", with warnings" if yes and report.of_effect("warn") else ""
    mode = " (warn mode: nothing is enforced)" if report.mode == "warn" else ""
    return f"<b class='{report.decision}'>{_MAY[report.may]}{warned}</b>{until}{mode}."


def _why(report: Report) -> str:
    counts = (
        (len(report.of_effect("deny")), "must change", "deny"),
        (len(report.of_effect("undecided")), "could not be decided", "undecided"),
        (len(report.of_effect("warn")), "worth knowing", "warn"),
    )
    told = [f"<a href='#{name}'>{plural(count, 'thing')} {words}</a>" for count, words, name in counts if count]
    return ", ".join(told) or "Nothing."


def _who(reasons: Sequence[Reason]) -> str:
    owners = Counter(reason.owner or "nobody is named" for reason in reasons)
    told = [f"{markup(owner)} ({count:,})" for owner, count in owners.most_common(_OWNERS)]
    more = len(owners) - len(told)
    return ", ".join(told) + (f" and {plural(more, 'other')}" if more else "") if told else "Nobody."


def _unread(report: Report) -> str:
    bare = sum(check.account == "no account" for check in report.checks)
    left = f", {plural(len(report.left_out), 'path')} left out" if report.left_out else ""
    left += f", {plural(len(report.accepted), 'acceptance')} of what is not read" if report.accepted else ""
    if bare:
        return f"<a href='#looked'>{plural(bare, 'check')} gave no account</a>{left}."
    places = "Nothing"
    if report.skipped:
        one = report.skipped[0]
        places = f"<a href='#unread'>{plural(len(report.skipped), 'place')}</a>: <code>{markup(one.path)}</code>"
        places += f" ({markup(one.reason)})" + " and others" * (len(report.skipped) > 1)
    return f"{places}{left}. <a href='#looked'>What each check looked at</a>."


def _new(report: Report) -> str:
    if report.schema == CHANGE:
        new = len(report.of_effect("deny", "undecided"))
        return f"{plural(new, 'thing')}; what is older stands under what is worth knowing." if new else "Nothing."
    return "Not compared. <code>secpipe check --diff origin/main</code> tells it."
