"""What is already out: `secpipe.monitor/1` as text, and as findings for the formats that know nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural
from secpipe.report.document import FINDINGS
from secpipe.report.doing import todo, told, who
from secpipe.report.table import Table
from secpipe.report.text import wrap

COLUMNS = 100
_BOLD, _DIM, _RED, _GREEN, _YELLOW = "1", "2", "31", "32", "33"
#: state -> how it is told, worst first
_STATES = {
    "affected": ("AFFECTED", _RED),
    "unknown": ("NOT JUDGED", _YELLOW),
    "overridden": ("OVERRIDDEN", _YELLOW),
    "warns": ("WARNS", _YELLOW),
    "holds": ("holds", _GREEN),
}
_REASONS = 20  # of one release
_ROWS = 20  # of entries that could not be used


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as text of at most 100 columns where words allow. Raises InputError for a malformed one."""
    table = Table(document)

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if color and text else text

    code = table.number("exit_code")
    worst = {0: _GREEN, 1: _RED}.get(code, _YELLOW)
    sentence = ("SIMULATED. " if table.flag("simulated") else "") + table.text("sentence")
    lines = [paint(line, f"{_BOLD};{worst}") for line in wrap(sentence, COLUMNS)]
    order = list(_STATES)
    for release in sorted(table.tables("releases"), key=lambda row: order.index(row.word("state", _STATES))):
        word, tint = _STATES[release.word("state", _STATES)]
        lines += ["", f"{paint(word, tint)}  {paint(_name(release), _BOLD)}", *_release(release, paint)]
    for heading, name in (("Damaged entries", "damaged"), ("Entries that no signature vouches for", "unproven")):
        rows = [f"{row.text('entry')}: {row.text('reason')}" for row in table.tables(name)]
        if rows:
            lines += ["", paint(heading, _BOLD), *_listed(rows)]
    again = table.texts("not_judged_again")
    if again:
        lines += ["", paint("As it was recorded, not judged again", _BOLD), *_listed(list(again))]
    lines += ["", paint("In short", _BOLD), *(_row(name, value, paint) for name, value in _short(table) if value)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _name(release: Table) -> str:
    subject = release.table("subject")
    return f"{subject.text('name')} for {release.text('environment')}"


def _release(release: Table, paint: Any) -> list[str]:
    then = "passed" if release.text("then") == "pass" else f"let out ({release.text('then')})"
    lines = [f"  {then} {release.text('at')}, {_digest(release)}"]
    let = release.table("override", optional=True)
    if let.values.get("until"):
        lines.append(f"  overruled by {' and '.join(let.texts('holders'))} until {let.text('until')}")
    reasons = list(release.tables("reasons"))
    if why := release.text("why", optional=True):
        lines += _hanging("  - ", why)
    for reason in reasons[:_REASONS]:
        since = reason.text("since", optional=True)
        path, what = reason.text("path", optional=True), reason.text("what")
        said = what if not path or path in what else f"{path}: {what}"
        lines += _hanging("  - ", said + (f" (since {since})" if since else ""))
        lines += told(todo(reason), "    ", paint)
        lead = "; ".join(filter(None, (who(todo(reason), reason.text("owner", optional=True)), "why:")))
        lines.append(f"    {paint(lead, _DIM)} secpipe explain {reason.text('rule')}")
    if len(reasons) > _REASONS:
        lines.append(f"  - and {len(reasons) - _REASONS:,} more: -f json lists them")
    if release.word("state", _STATES) == "affected":
        lines += _back(release.table("rollback", optional=True), paint)
    return lines


def _back(target: Table, paint: Any) -> list[str]:
    if not target.values:
        return ["  no older release of this name still passes: mend this one"]
    where = f"{target.text('at')}, {_digest(target)}"
    return [
        f"  {paint('roll back to', _BOLD)} the one of {where}, which still passes; there:",
        f"    {paint('do: ', _DIM)} {target.text('check')}",
    ]


def _digest(row: Table) -> str:
    return f"dirHash:{row.table('subject').table('digest').text('dirHash', limit=80)[:16]}…"


def _short(table: Table) -> list[tuple[str, str]]:
    counts, policy = table.table("counts"), table.table("policy", optional=True)
    trust, data = table.table("trust", optional=True), table.table("advisories", optional=True)
    pinned = "pinned" if policy.flag("pinned", optional=True) else "not pinned"
    shown = f"{data.text('source')} of {data.text('date')[:10] or 'no date'}" if data.values else "none"
    ring = f"root {trust.number('root_version')}, ring {trust.number('ring_version')}" if trust.values else "none given"
    where = table.text("environment", optional=True) or "every environment"
    return [
        ("store", f"{table.text('store')}, {plural(counts.number('verdicts'), 'verdict')}, {where}"),
        ("policy", f"{policy.text('name')}, {pinned}" if policy.values else "that of each release"),
        ("trust", ring),
        ("data", shown),
        ("at", table.text("at")),
    ]


def _row(name: str, value: str, paint: Any) -> str:
    return f"  {paint(name.ljust(8), _DIM)}  {value}"


def _listed(rows: list[str]) -> list[str]:
    lines = [line for row in rows[:_ROWS] for line in _hanging("  - ", row)]
    return lines + [f"  - and {len(rows) - _ROWS:,} more: -f json lists them"] * (len(rows) > _ROWS)


def _hanging(lead: str, text: str) -> list[str]:
    first, *rest = wrap(text, COLUMNS - len(lead))
    return [lead + first, *(" " * len(lead) + line for line in rest)]


def as_findings(table: Table) -> dict[str, Any]:
    """Return the document as `secpipe.findings/1`: a finding for each reason of each release that is affected."""
    found: dict[str, dict[str, Any]] = {}
    for release in table.tables("releases"):
        state = release.word("state", _STATES)
        if state in ("holds", "unknown"):
            continue
        for reason in release.tables("reasons"):
            item = _finding(release, reason, state)
            found.setdefault(item.id, item.to_dict())
    gaps = [{"path": row.text("entry"), "reason": row.text("reason")} for row in table.tables("damaged")]
    gaps += [{"path": row.text("entry"), "reason": row.text("reason")} for row in table.tables("unproven")]
    for release in table.tables("releases"):
        if release.word("state", _STATES) == "unknown":
            said = [reason.text("what") for reason in release.tables("reasons")]
            why = release.text("why", optional=True) or "; ".join(said[:3])
            gaps.append({"path": release.text("entry"), "reason": f"{_name(release)} could not be judged: {why}"})
    undecided = table.number("exit_code") == 3
    return {
        "schema": FINDINGS,
        "tool": dict(table.table("tool").values),
        "command": "monitor",
        "at": table.text("at"),
        "simulated": table.flag("simulated"),
        "evidence": {
            "check": "monitor",
            "state": "skipped" if undecided else "ok",
            "reason": table.text("sentence") if undecided else "",
            "producer": "",
            "facts": {},
        },
        "findings": list(found.values()),
        "skipped": gaps,
    }


def _finding(release: Table, reason: Table, state: str) -> Finding:
    subject = release.table("subject")
    what = reason.text("what")
    about = reason.texts("findings") or (reason.text("check", optional=True),)
    return Finding(
        reason.text("rule"),
        f"{_name(release)} would no longer pass: {what}" if state == "affected" else f"{_name(release)}: {what}",
        Severity.HIGH if state == "affected" else Severity.MEDIUM,
        path=reason.text("path", optional=True),
        subject=" ".join((subject.table("digest").text("dirHash", limit=80), release.text("environment"), *about)),
        fix=reason.text("fix", optional=True),
        owner=reason.text("owner", optional=True),
    )
