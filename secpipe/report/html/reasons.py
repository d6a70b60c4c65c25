"""What must change: each reason folded up, with what to do, who, and why in the rule's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from secpipe.core.do import Kind
from secpipe.core.text import plural
from secpipe.report.document import Item, Reason, Report
from secpipe.report.doing import who
from secpipe.report.html.words import bounded, link, linked, prose
from secpipe.report.rules import Rule
from secpipe.report.text import markup

_BUDGET = 120_000
_OPEN = 3  # reasons that stand open on the first sight
_PLACES = 12
_HEADINGS = {"deny": "What must change", "undecided": "What could not be decided", "warn": "Worth knowing"}


def reasons(report: Report, rules: Mapping[str, Rule]) -> Iterator[str]:
    """Yield a section for each effect that has reasons."""
    items = {item.id: item for item in report.findings}
    explained: set[str] = set()
    for effect, heading in _HEADINGS.items():
        found = report.of_effect(effect)
        if not found:
            continue
        yield f"<section aria-labelledby='{effect}'><h2 id='{effect}'>{heading}: {len(found):,}</h2>"
        opened = _OPEN if effect != "warn" else 0
        blocks = (
            _reason(number, reason, items, rules.get(reason.rule), explained, unfolded=number <= opened)
            for number, reason in enumerate(found, 1)
        )
        yield from bounded(blocks, len(found), _BUDGET, "reason")
        yield "</section>"


def _reason(
    number: int, reason: Reason, items: Mapping[str, Item], rule: Rule | None, explained: set[str], *, unfolded: bool
) -> str:
    said = f"<b class='{reason.effect}'>{number}.</b> {markup(reason.said)}"
    parts = [f"<details{' open' * unfolded}><summary>{said}</summary><div>"]
    if reason.do:
        told = markup(reason.do.text)
        parts.append(f"<p class='do'>do: {told if reason.do.kind is Kind.PERSON else f'<code>{told}</code>'}")
    if acts := who(reason.do, reason.owner):
        parts.append(f"<p>{markup(acts)}")
    parts += _places([items[one] for one in reason.findings if one in items], reason)
    parts += _why(reason, rule, explained)
    return "".join([*parts, "</div></details>"])


def _places(found: list[Item], reason: Reason) -> Iterator[str]:
    told = [item for item in found if item.message not in reason.what]
    if not told:
        return
    yield "<ul>"
    for item in told[:_PLACES]:
        yield f"<li>{linked(item.said)}"
    if len(told) > _PLACES:
        yield f"<li>and {plural(len(told) - _PLACES, 'more place')}, below"
    yield "</ul>"


def _why(reason: Reason, rule: Rule | None, explained: set[str]) -> Iterator[str]:
    """Yield the rule's own words, once a page: the second reason of a rule names only where they stand."""
    named = f"<code>secpipe explain {markup(reason.rule)}</code>"
    if rule is None:
        yield f"<p>why: {named}"
        return
    anchor = reason.rule.replace("/", "-")
    if reason.rule in explained:
        yield f"<p>why: {prose(rule.title)} (<a href='#{anchor}'>as above</a>)"
        return
    explained.add(reason.rule)
    yield f"<p id='{anchor}'>in plain words: {prose(rule.plain)}"
    yield f"<p>why: <b>{prose(rule.title)}.</b> {prose(rule.why)}<p>how to mend it: {prose(rule.fix)}"
    see = [link(markup(address), markup(address)) for address in rule.references if address.startswith("https://")]
    yield f"<p class='soft'>more: {', '.join([named, *see])}"
