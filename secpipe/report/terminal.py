"""The terminal: one sentence anyone understands, what must change, what was checked and what was not, the counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from secpipe.core.shape import Table
from secpipe.core.text import plural
from secpipe.core.verdict import PROJECTS
from secpipe.report import monitor, replay
from secpipe.report.document import MONITOR, REPLAY, Check, Item, Reason, Report, Unseen
from secpipe.report.doing import told, who
from secpipe.report.explanation import Explanation
from secpipe.report.read import read
from secpipe.report.text import COLUMNS, clip, hanging, pad, painter, width, wrap

_REASONS = 50  # reasons of one effect
_PLACES = 3  # findings shown under one reason
_NOTES = 10  # findings that only warn
_UNSEEN = 12  # places not looked at

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
DECISION = {"pass": _GREEN, "warn": _YELLOW, "deny": _RED, "undecided": _YELLOW}
_SEVERITY = {"critical": _RED, "high": _RED, "medium": _YELLOW, "low": _CYAN, "info": _DIM}

#: What a row of the table of checks says first. Only "passed" is green.
_WORDS = {
    "pass": ("passed", _GREEN),
    "deny": ("BLOCKED", _RED),
    "warn": ("warning", _YELLOW),
    "off": ("not asked for", _DIM),
    "undecided": ("UNDECIDED", _YELLOW),
}

_SELF_JUDGED = (
    "Self-judged: policy or trust root came from what was judged, so whoever changed the project may have changed"
    " them too. Pin both: --policy-ref, --trust-pin."
)


class _Page:
    """Lines, coloured or not."""

    def __init__(self, color: bool) -> None:
        self.paint = painter(color)
        self.lines: list[str] = []

    def add(self, *lines: str) -> None:
        self.lines.extend(lines)

    def heading(self, text: str) -> None:
        self.add("", self.paint(text, _BOLD))


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as text of at most 100 columns where words allow, with ANSI colour only when asked."""
    own = {MONITOR: monitor.render, REPLAY: replay.render}.get(str(document.get("schema")))
    if own is not None:
        return own(document, color=color)
    if document.get("schema") == PROJECTS:
        return _projects(document, color)
    report = read(document)
    page = _Page(color)
    painted = [page.paint(line, f"{_BOLD};{DECISION[report.decision]}") for line in wrap(report.sentence, COLUMNS)]
    page.add(*painted)
    if report.is_verdict:
        _verdict(page, report)
    else:
        _scan(page, report)
    return "\n".join(page.lines) + "\n"


def _projects(document: Mapping[str, Any], color: bool) -> str:
    """All verdicts of a repository, each under the name of its project."""
    table = Table(document)
    page = _Page(color)
    page.add(*(page.paint(line, _BOLD) for line in wrap(table.text("sentence"), COLUMNS)))
    for verdict in table.tables("verdicts"):
        page.heading(f"── {verdict.table('subject').text('name')} ──")
        page.add(render(verdict.values, color=color).rstrip())
    return "\n".join(page.lines) + "\n"


def _verdict(page: _Page, report: Report) -> None:
    lenient = report.decision == "warn"
    _reasons(page, "What would have to change in enforce mode" if lenient else "What must change", report, "deny")
    _reasons(page, "What could not be decided", report, "undecided")
    _notes(page, report)
    if report.explanation:
        _explained(page, report.explanation)
    _checks(page, report.checks)
    _accounts(page, report)
    _unseen(page, report.skipped)
    _waivers(page, report)
    _rests(page, report, "In short")


def for_auditors(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document in the order of an audit: what it rests on and looked at, who answers, then the result."""
    report = read(document)
    if not report.is_verdict:
        return render(document, color=color)
    page = _Page(color)
    page.add(*(page.paint(line, f"{_BOLD};{DECISION[report.decision]}") for line in wrap(report.sentence, COLUMNS)))
    _rests(page, report, "What it rests on")
    _accounts(page, report)
    _unseen(page, report.skipped)
    _waivers(page, report)
    _checks(page, report.checks)
    _reasons(page, "What must change", report, "deny")
    _reasons(page, "What could not be decided", report, "undecided")
    _notes(page, report)
    return "\n".join(page.lines) + "\n"


def _rests(page: _Page, report: Report, heading: str) -> None:
    page.heading(heading)
    when = f"{report.at}{' (SIMULATED)' if report.simulated else ''}"
    rows = [
        ("findings", report.counts),
        ("not looked at", plural(len(report.skipped), "place") if report.skipped else ""),
        ("judged", report.subject),
        ("data", report.data),
        ("policy", report.policy),
        ("trust", report.trust or "no trust root given: no signature can be believed"),
        ("at", f"{when}, for {report.environment}, {report.mode} mode{_ended(report)}"),
        ("valid until", report.valid_until),
    ]
    for name, value in rows:
        if value:
            first, *rest = wrap(value, COLUMNS - 17)
            page.add(f"  {page.paint(pad(name, 13), _DIM)}  {first}", *(" " * 17 + line for line in rest))
    if report.self_judged:
        page.add("", *wrap(_SELF_JUDGED, COLUMNS))


def _ended(report: Report) -> str:
    """What to say of a warn mode with an end: until when it lasts, or since when it is over."""
    if not report.warn_until:
        return ""
    return f" until {report.warn_until}" if report.mode == "warn" else f", which began after {report.warn_until}"


def _reasons(page: _Page, heading: str, report: Report, effect: str) -> None:
    reasons = report.of_effect(effect)
    if reasons:
        page.heading(heading)
        by_id = {item.id: item for item in report.findings}
        for number, reason in enumerate(reasons[:_REASONS], 1):
            _reason(page, f"{number}.".rjust(3), reason, by_id)
        if len(reasons) > _REASONS:
            page.add(f"    and {len(reasons) - _REASONS:,} more: -f json lists them")


def _reason(page: _Page, label: str, reason: Reason, by_id: Mapping[str, Item]) -> None:
    indent = " " * (width(label) + 1)
    first, *rest = wrap(reason.said, COLUMNS - len(indent))
    page.add(f"{label} {page.paint(first, _BOLD)}", *(indent + page.paint(line, _BOLD) for line in rest))
    items = [by_id[identity] for identity in reason.findings if identity in by_id]
    # A reason that sums its findings up in words of its own needs no list of them.
    summed_up = not items or items[0].message not in reason.what
    _list(page, indent, [] if summed_up else [item.said for item in items[1:]], _PLACES)
    page.add(*told(reason.do, indent, page.paint))
    lead = "; ".join(filter(None, (who(reason.do, reason.owner), "why:")))
    page.add(f"{indent}{page.paint(lead, _DIM)} secpipe explain {reason.rule}")


def _explained(page: _Page, explanation: Explanation) -> None:
    """A tree for each reason, then the least that must change."""
    if explanation.reasons:
        page.heading("Why")
    for why in explanation.reasons[:_REASONS]:
        page.add(*hanging("  ", why.what))
        for place, (word, text) in enumerate(why.steps):
            last = place == len(why.steps) - 1
            first, *rest = wrap(text, COLUMNS - 17)
            page.add(f"  {'└' if last else '├'}─ {page.paint(pad(word, 10), _DIM)}  {first}")
            page.add(*(f"  {' ' if last else '│'}  {' ' * 12}{line}" for line in rest))
    if explanation.least:
        page.heading(explanation.least)
    for number, (what, do) in enumerate(explanation.changes, 1):
        page.add(*hanging(f"{f'{number}.'.rjust(3)} ", what))
        page.add(*told(do, "    ", page.paint))
    if explanation.remaining:
        page.add("  What still stands against a pass then:")
    for what, do in explanation.remaining[:_REASONS]:
        page.add(*hanging("  - ", what))
        page.add(*told(do, "    ", page.paint))
    if len(explanation.remaining) > _REASONS:
        page.add(f"  - and {len(explanation.remaining) - _REASONS:,} more: -f json lists them")


def _list(page: _Page, indent: str, texts: Iterable[str], limit: int) -> None:
    """Add one item a line, each text once, at most `limit`, then how many more there are."""
    distinct = list(dict.fromkeys(texts))
    for text in distinct[:limit]:
        page.add(*hanging(f"{indent}- ", text))
    if len(distinct) > limit:
        page.add(f"{indent}- and {len(distinct) - limit:,} more: -f json lists them")


def _notes(page: _Page, report: Report) -> None:
    """What does not block: warnings of the gate, and findings that only warn."""
    listed = {identity for reason in report.reasons for identity in reason.findings}
    loose = [item.said for item in report.findings if item.effect == "warn" and item.id not in listed]
    texts = [reason.said for reason in report.of_effect("warn")] + loose
    if texts:
        page.heading("Worth knowing")
        _list(page, "  ", texts, _NOTES)


def _checks(page: _Page, checks: Iterable[Check]) -> None:
    rows = [(word_of(check), check.title, check.said) for check in checks]
    if not rows:
        return
    page.heading("Checks")
    first = max(width(word) for (word, _), _, _ in rows)
    second = min(40, max(width(title) for _, title, _ in rows))
    for (word, code), title, said in rows:
        lead = f"  {page.paint(word, code)}{' ' * (first - width(word))}  {pad(clip(title, second), second)}  "
        lines = wrap(said, COLUMNS - first - second - 6)
        page.add((lead + lines[0]).rstrip(), *(" " * (first + second + 6) + line for line in lines[1:]))
    if any(check.unknown for check in checks):
        page.add(page.paint("  NOT CHECKED means that nothing is known: it never counts as good.", _DIM))


def _accounts(page: _Page, report: Report) -> None:
    """Add one line a check: what it looked at; then what was left out, and what of the policy matches nothing."""
    rows = [*report.accounts, *[("no match", text) for text in report.unused[:_NOTES]]]
    if len(report.unused) > _NOTES:
        rows.append(("no match", f"and {len(report.unused) - _NOTES:,} more: -f json lists them"))
    if rows:
        page.heading("Looked at")
    for name, said in rows:
        page.add(*hanging(f"  {pad(name, 12)}  ", said))


def word_of(check: Check) -> tuple[str, str]:
    """Return the word that a check is shown by, and its colour; what nobody knows is never green."""
    if check.unknown:
        return ("NOT CHECKED" if check.state == "skipped" else "STALE", _YELLOW)
    if check.result:
        return _WORDS[check.result]
    return ("FAILED", _RED) if check.state == "failed" else ("done", _GREEN)


def _unseen(page: _Page, skipped: tuple[Unseen, ...]) -> None:
    if not skipped:
        return
    page.heading("Not looked at")
    _list(page, "  ", [f"{unseen.path or 'everything'}: {unseen.reason}" for unseen in skipped], _UNSEEN)


def _waivers(page: _Page, report: Report) -> None:
    used = [waiver for waiver in report.waivers if waiver.matters]
    if not used:
        return
    page.heading("Waivers")
    for waiver in used:
        said = f"{waiver.id} ({waiver.owner}, until {waiver.expires}, {waiver.state}): {waiver.reason}"
        page.add(*hanging("  - ", said))


def _scan(page: _Page, report: Report) -> None:
    """Findings by file, the file with the worst first; then what was not looked at, then where to read on."""
    groups: dict[str, list[Item]] = {}
    for item in report.findings:
        groups.setdefault(item.path, []).append(item)
    rule_width = min(36, max((width(item.rule) for item in report.findings), default=0))
    for path, items in groups.items():
        page.heading(path or "the project as a whole")
        lines = max((len(f":{item.line}") for item in items if item.line), default=0)
        for item in items:
            line = pad(f":{item.line}" if item.line else "", lines)
            lead = f"  {line}{'  ' if lines else ''}{pad(item.severity, 8)}  {pad(item.rule, rule_width)}  "
            said = wrap(item.message, max(30, COLUMNS - width(lead)))
            page.add(lead.replace(item.severity, page.paint(item.severity, _SEVERITY[item.severity]), 1) + said[0])
            page.add(*(" " * width(lead) + more for more in said[1:]))
            if item.rule.startswith("models/") and item.fix:
                page.add(*hanging("            fix: ", item.fix))
    _unseen(page, report.skipped)
    if report.data:
        page.add("", *hanging("judged by ", report.data))
    if report.findings:
        rules = list(dict.fromkeys(item.rule for item in report.findings))
        page.add("", page.paint(f"secpipe explain {rules[0]}", _CYAN) + " says what it means and how to mend it")
