"""For people who do not code: yes or no first, who acts, then what to do, in plain words and without a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.do import Kind
from secpipe.core.text import plural
from secpipe.report.brief import SCREEN
from secpipe.report.document import CHANGE, Reason, Report
from secpipe.report.read import read
from secpipe.report.rules import NONE, Rule
from secpipe.report.text import COLUMNS, hanging, painter, wrap

_MOST = 12
_END = 5  # lines below the reasons
_NAMES = 3
_FIRST = ("leaked-key", "dangerous", "malicious", "fetch-and-run")  # what may do harm already, before anybody acts
_ASKED = ("shadow-ai/", "agents/")  # wings whose findings are a question: is it wanted?
_DO = "    What to do: "
_BOLD, _RED, _GREEN, _YELLOW = "1", "31", "32", "33"
_COLOUR = {"pass": _GREEN, "warn": _GREEN, "deny": _RED, "undecided": _YELLOW}
#: Who answers where a policy that came with secpipe names nobody.
_ANYBODY = {"the release owner": "the release owner, that is whoever publishes it"}


def render(document: Mapping[str, Any], *, color: bool = False, rules: Mapping[str, Rule] = NONE) -> str:
    """Return the answer as text of at most 100 columns where words allow; `rules` say it in plain words.

    At least one reason is shown, then as many as fit into 24 lines; how many are not shown is always said.
    """
    report = read(document)
    paint = painter(color)
    lines = [paint(line, f"{_BOLD};{_COLOUR[report.decision]}") for line in wrap(_answer(report), COLUMNS)]
    against = sorted((*report.of_effect("deny"), *report.of_effect("undecided")), key=_urgency)
    lines += _answers(report, against)
    told: set[str] = set()
    shown = 0
    for reason in against:
        block = list(_reason(f"{shown + 1}.".rjust(3) + " ", reason, rules.get(reason.rule), told))
        if shown and len(lines) + 1 + len(block) > SCREEN - _END:
            break
        lines += ["", *block]
        told.add(reason.rule)
        shown += 1
    if left := len(against) - shown:
        lines += ["", f"And {plural(left, 'more thing')}: the report in HTML lists them all (--page report.html)."]
    lines += _found(report) if not report.is_verdict else []
    lines += ["", *_rest(report, bool(against))]
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


def _answers(report: Report, against: list[Reason]) -> Iterator[str]:
    """Yield who must act, what nobody looked at and what is new, each in its row."""
    if not report.is_verdict:
        return
    if against:
        owners = dict.fromkeys(_ANYBODY.get(reason.owner, reason.owner) or "nobody is named" for reason in against)
        yield from hanging("Who must act:   ", _few(list(owners)))
    if against or report.unlooked:
        yield from hanging("Not looked at:  ", _unseen(report))
    compared = "what is listed here" if report.schema == CHANGE else "not compared with an earlier answer"
    yield f"What is new:    {compared}"


def _unseen(report: Report) -> str:
    said = []
    if report.skipped:
        names = list(dict.fromkeys(one.path or "part of the project" for one in report.skipped))
        said.append(f"{_few(names)}; nobody can say what is in there")
    if report.left_out:
        said.append(f"left out on purpose: {_few([one.path or 'part of the project' for one in report.left_out])}")
    if report.accepted:
        said.append(f"left unread, and somebody answers for it: {plural(len(report.accepted), 'thing')}")
    return "; ".join(said) or "nothing; everything was looked at"


def _few(names: list[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _urgency(reason: Reason) -> int:
    """What is out already comes first: a key in a page can be used by whoever opens it."""
    return next((place for place, word in enumerate(_FIRST) if word in reason.rule), len(_FIRST))


def _reason(lead: str, reason: Reason, rule: Rule | None, told: set[str]) -> Iterator[str]:
    found = f"{reason.said.rstrip('.')}."
    if rule and reason.rule not in told:
        yield from hanging(lead, rule.plain)
        yield from hanging("    What was found: ", found)
    else:
        yield from hanging(lead, found)
    if reason.do and reason.do.kind is Kind.PERSON:
        yield from hanging(_DO, reason.do.text)
    elif reason.do:
        yield from _command(reason.do.kind, reason.do.text, reason, rule)


def _command(kind: Kind, command: str, reason: Reason, rule: Rule | None) -> Iterator[str]:
    """Yield what to do where there is a command; one that only asks who answers for it comes after what mends it."""
    begins, asked = command.startswith("secpipe init"), reason.rule.startswith(_ASKED)
    excuse = (begins or kind is Kind.ACCEPT) and not asked and not reason.rule.startswith("gate/")
    if excuse and rule:
        mend = " ".join(rule.fix.split()).rstrip(".")
        yield from hanging(_DO, f"{mend[:1].upper()}{mend[1:]}.")
        yield f"      If {reason.owner or 'its owner'} answers for it as it is: {command}"
        return
    yield f"{_DO}{command}"
    if begins and asked:
        yield from hanging("      ", "That writes down what the app uses, for you to confirm. Or take it out.")
    elif kind is Kind.ACCEPT and not reason.rule.startswith("gate/"):
        owner = reason.owner or "its owner"
        yield from hanging("      ", f"That says that {owner} answers for it. Otherwise remove it.")


def _found(report: Report) -> Iterator[str]:
    """Yield what a scan found, each with what mends it."""
    for number, item in enumerate(report.findings[:_MOST], 1):
        yield ""
        yield from hanging(f"{number}.".rjust(3) + " ", f"{item.said.rstrip('.')}.")
        if item.fix:
            yield from hanging(_DO, item.fix)
    if len(report.findings) > _MOST:
        yield f"\nAnd {plural(len(report.findings) - _MOST, 'more')}: the report in HTML lists them all."


def _rest(report: Report, against: bool) -> Iterator[str]:
    if not report.is_verdict and report.skipped:
        yield from hanging("Not looked at:  ", _unseen(report))
    if report.decision in ("pass", "warn") and report.valid_until:
        yield f"This answer holds until {report.valid_until[:16].replace('T', ' ')} UTC, for exactly these files."
    if against:
        yield "You can hand these lines to the assistant, or to the person, who made it."
    yield "Every detail, for somebody who knows more: secpipe check FOLDER"
