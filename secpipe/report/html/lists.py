"""The tables and lists below: checks, what they looked at, findings, what was not read, waivers, what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secpipe.core.text import plural
from secpipe.report.document import Check, Item, Report, Unseen
from secpipe.report.html.first import look
from secpipe.report.html.words import bounded, linked
from secpipe.report.text import markup

#: Bytes of listed findings: what does not fit is counted.
BUDGET = 450_000
_SMALL = 20_000


def checks(found: tuple[Check, ...]) -> Iterator[str]:
    """Yield the table of checks."""
    yield "<section><h2 id='checks'>Checks</h2><table><thead><tr><th scope='col'>Result<th scope='col'>Check"
    yield "<th scope='col'>What it says</thead><tbody>"
    for check in found:
        css, sign, word = look(check)
        yield f"<tr><td class='{css}'>{sign} {markup(word)}<td>{markup(check.title)}<td>{linked(check.said)}"
    yield "</tbody></table>"
    if any(check.unknown for check in found):
        yield "<p>Not checked means that nothing is known: it never counts as good."
    yield "</section>"


def accounts(report: Report) -> Iterator[str]:
    """Yield what each check looked at, what was left out, and what matched nothing."""
    rows = [*report.accounts, *(("no match", text) for text in report.unused)]
    if rows:
        yield "<section><h2 id='looked'>Looked at</h2><table><tbody>"
        lines = (f"<tr><th scope='row'>{markup(name)}<td>{markup(said)}" for name, said in rows)
        yield from bounded(lines, len(rows), _SMALL, "line")
        yield "</tbody></table></section>"


def findings(report: Report) -> Iterator[str]:
    """Yield all findings, folded up where the reasons above have said what counts."""
    if not report.findings:
        return
    unfolded = " open" if not report.is_verdict else ""
    yield f"<section><h2 id='findings'>Findings: {report.counts}</h2>"
    yield f"<details{unfolded}><summary>All of them</summary><div>"
    yield from bounded(_grouped(report.findings), len(report.findings), BUDGET, "finding")
    yield "</ul></div></details></section>"


def _grouped(items: Iterable[Item]) -> Iterator[str]:
    """One line a finding; rule and path are said once, since thousands may share them."""
    group: tuple[str, str, str] | None = None
    for item in items:
        line = ""
        if group != (item.severity, item.rule, item.path):
            line = "</ul>" if group else ""
            if group is None or group[:2] != (item.severity, item.rule):
                line += f"<h3>{item.severity}: <code>{markup(item.rule)}</code></h3>"
            line += f"<code>{markup(item.path)}</code><ul>"
            group = (item.severity, item.rule, item.path)
        place = f"{item.line}: " if item.line else ""
        waived = f" <i>(waived: {markup(item.waiver)})</i>" if item.effect == "waived" else ""
        yield f"{line}<li>{place}{linked(item.message)}{waived}"


def unseen(skipped: tuple[Unseen, ...]) -> Iterator[str]:
    """Yield the places that were not looked at."""
    if skipped:
        yield f"<section><h2 id='unread'>Not looked at: {plural(len(skipped), 'place')}</h2><ul>"
        rows = (f"<li><code>{markup(item.path)}</code> {markup(item.reason)}" for item in skipped)
        yield from bounded(rows, len(skipped), _SMALL, "place")
        yield "</ul></section>"


def suppressed(report: Report) -> Iterator[str]:
    """Yield who answers for what stays: waivers with their use, and acceptances."""
    if report.waivers:
        yield "<section><h2 id='waivers'>Waivers</h2><table><thead><tr>"
        yield "".join(f"<th scope='col'>{word}" for word in ("Id", "Owner", "Until", "Used", "Reason"))
        yield "</thead><tbody>"
        rows = (
            f"<tr><td>{markup(item.id)}<td>{markup(item.owner)}<td>{markup(item.expires)}"
            f"<td>{item.used if item.state.startswith('used') else item.state}<td>{markup(item.reason)}"
            for item in report.waivers
        )
        yield from bounded(rows, len(report.waivers), _SMALL, "waiver")
        yield "</tbody></table></section>"


def rests_on(report: Report) -> Iterator[str]:
    """Yield what the answer rests on: data, policy, trust, time."""
    facts = {
        "judged": report.subject,
        "data": report.data,
        "policy": report.policy,
        "trust": report.trust or ("none: no signature can be believed" if report.is_verdict else ""),
        "self-judged": "policy or trust root came from what was judged" if report.self_judged else "",
        "environment": f"{report.environment}, {report.mode} mode" if report.is_verdict else "",
        "at": f"{report.at}{' (SIMULATED)' if report.simulated else ''}",
        "valid until": report.valid_until,
        "secpipe": report.version,
    }
    yield "<section><h2 id='rests'>What this rests on</h2><table><tbody>"
    yield from (f"<tr><th scope='row'>{name}<td>{markup(value)}" for name, value in facts.items() if value)
    yield "</tbody></table></section>"
