"""HTML: one file without script or anything fetched, readable by whoever must sign it off; every string escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from secpipe.core.do import Kind
from secpipe.core.text import plural
from secpipe.report import picture
from secpipe.report.document import Check, Item, Reason, Report, Unseen
from secpipe.report.doing import who
from secpipe.report.read import read
from secpipe.report.text import markup

#: Bytes of listed findings: a report is mailed around, and stays below 500 kB. What does not fit is counted.
BUDGET = 400_000
_UNSEEN_BUDGET = 20_000
_REASON_BUDGET = 20_000

_STYLE = """
:root{color-scheme:light dark;--line:#8885;--bad:#c2261f;--odd:#a15c00;--good:#16794a}
@media(prefers-color-scheme:dark){:root{--bad:#ff7b72;--odd:#e3b341;--good:#56d364}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;border-left:.5rem solid;padding-left:1rem}h2{font-size:1.15rem;margin-top:2rem}
h3{font-size:1rem;margin:.8rem 0 .2rem}.deny{color:var(--bad)}.undecided,.warn{color:var(--odd)}.pass{color:var(--good)}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;
vertical-align:top}td:first-child{white-space:nowrap}code{font:.9em ui-monospace,monospace}ol li{margin-bottom:.8rem}
summary{cursor:pointer}ul{margin:.2rem 0}@media print{details>*{display:block}body{margin:0}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_CSP = f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{_STYLE_HASH}'"
_WORDS = {"pass": "passed", "deny": "BLOCKED", "warn": "warning", "off": "not asked for", "undecided": "UNDECIDED"}


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as one HTML page of less than 500 kB."""
    report = read(document)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{markup(_CSP)}">',
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">',
        f"<title>secpipe: {markup(report.subject or report.command)}</title><style>{_STYLE}</style></head><body>",
        f'<h1 class="{report.decision}">{markup(report.sentence)}</h1>',
        *_reasons(report),
        *_checks(report.checks),
        *picture.of_agents(report.given),
        *_accounts(report),
        *_findings(report),
        *_unseen(report.skipped),
        *_waivers(report),
        *_facts(report),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _bounded(lines: Iterable[str], total: int, budget: int, noun: str) -> Iterator[str]:
    """Yield lines while they fit into `budget` bytes, then say how many of `total` entries are missing."""
    for shown, line in enumerate(lines):
        budget -= len(line.encode()) + 1
        if budget < 0:
            yield f"<li><b>{plural(total - shown, f'further {noun}')}</b> did not fit here: the JSON lists all."
            return
        yield line


def _reasons(report: Report) -> Iterator[str]:
    headings = {"deny": "What must change", "undecided": "What could not be decided", "warn": "Worth knowing"}
    for effect, heading in headings.items():
        if reasons := report.of_effect(effect):
            yield f"<h2>{heading}</h2><ol>"
            yield from _bounded(map(_reason, reasons), len(reasons), _REASON_BUDGET, "reason")
            yield "</ol>"


def _reason(reason: Reason) -> str:
    acts = markup(who(reason.do, reason.owner))
    facts = [acts] * bool(acts)
    if reason.do:
        told = markup(reason.do.text)
        facts.append(f"do: {told if reason.do.kind is Kind.PERSON else f'<code>{told}</code>'}")
    facts.append(f"why: <code>secpipe explain {markup(reason.rule)}</code>")
    return f'<li><b class="{reason.effect}">{markup(reason.said)}</b><br>{"<br>".join(facts)}'


def _checks(checks: tuple[Check, ...]) -> Iterator[str]:
    yield "<h2>Checks</h2><table><tr><th>Result<th>Check<th>"
    for check in checks:
        css = "undecided" if check.unknown else check.result
        word = "NOT CHECKED" if check.unknown else _WORDS.get(check.result, check.state)
        yield f'<tr><td class="{css}">{word}<td>{markup(check.title)}<td>{markup(check.said)}'
    yield "</table>"
    if any(check.unknown for check in checks):
        yield "<p>Not checked means that nothing is known: it never counts as good."


def _accounts(report: Report) -> Iterator[str]:
    rows = [*report.accounts, *(("no match", text) for text in report.unused)]
    if rows:
        yield "<h2>Looked at</h2><table>"
        lines = (f"<tr><td>{markup(name)}<td>{markup(said)}" for name, said in rows)
        yield from _bounded(lines, len(rows), _UNSEEN_BUDGET, "line")
        yield "</table>"


def _findings(report: Report) -> Iterator[str]:
    if not report.findings:
        return
    yield f"<h2>Findings: {report.counts}</h2>"
    yield from _bounded(_grouped(report.findings), len(report.findings), BUDGET, "finding")
    yield "</ul>"


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
        yield f"{line}<li>{place}{markup(item.message)}{waived}"


def _unseen(skipped: tuple[Unseen, ...]) -> Iterator[str]:
    if not skipped:
        return
    yield f"<h2>Not looked at: {plural(len(skipped), 'place')}</h2><ul>"
    rows = (f"<li><code>{markup(item.path)}</code> {markup(item.reason)}" for item in skipped)
    yield from _bounded(rows, len(skipped), _UNSEEN_BUDGET, "place")
    yield "</ul>"


def _waivers(report: Report) -> Iterator[str]:
    if not report.waivers:
        return
    yield "<h2>Waivers</h2><table><tr><th>Id<th>Owner<th>Until<th>Used<th>Reason"
    rows = (
        f"<tr><td>{markup(item.id)}<td>{markup(item.owner)}<td>{markup(item.expires)}"
        f"<td>{item.used if item.state.startswith('used') else item.state}<td>{markup(item.reason)}"
        for item in report.waivers
    )
    yield from _bounded(rows, len(report.waivers), _UNSEEN_BUDGET, "waiver")
    yield "</table>"


def _facts(report: Report) -> Iterator[str]:
    yield "<h2>What this rests on</h2><table>"
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
    for name, value in facts.items():
        if value:
            yield f"<tr><td>{name}<td>{markup(value)}"
    yield "</table>"
