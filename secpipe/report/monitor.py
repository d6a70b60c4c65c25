"""What is already out: `secpipe.monitor/1` as text, and as findings for the formats that know nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.core import findings
from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.shape import Table
from secpipe.core.text import plural
from secpipe.report.doing import todo, told, who
from secpipe.report.text import COLUMNS, Paint, hanging, painter, wrap

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

    paint = painter(color)

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


def _release(release: Table, paint: Paint) -> list[str]:
    then = "passed" if release.text("then") == "pass" else f"let out ({release.text('then')})"
    lines = [f"  {then} {release.text('at')}, {_digest(release)}"]
    let = release.table("override", optional=True)
    if let.values.get("until"):
        lines.append(f"  overruled by {' and '.join(let.texts('holders'))} until {let.text('until')}")
    reasons = list(release.tables("reasons"))
    if why := release.text("why", optional=True):
        lines += hanging("  - ", why)
    for reason in reasons[:_REASONS]:
        since = reason.text("since", optional=True)
        path, what = reason.text("path", optional=True), reason.text("what")
        said = what if not path or path in what else f"{path}: {what}"
        lines += hanging("  - ", said + (f" (since {since})" if since else ""))
        lines += told(todo(reason), "    ", paint)
        lead = "; ".join(filter(None, (who(todo(reason), reason.text("owner", optional=True)), "why:")))
        lines.append(f"    {paint(lead, _DIM)} secpipe explain {reason.text('rule')}")
    if len(reasons) > _REASONS:
        lines.append(f"  - and {len(reasons) - _REASONS:,} more: -f json lists them")
    if release.word("state", _STATES) == "affected":
        lines += _back(release.table("rollback", optional=True), paint)
    return lines


def _back(target: Table, paint: Paint) -> list[str]:
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


def _row(name: str, value: str, paint: Paint) -> str:
    return f"  {paint(name.ljust(8), _DIM)}  {value}"


def _listed(rows: list[str]) -> list[str]:
    lines = [line for row in rows[:_ROWS] for line in hanging("  - ", row)]
    return lines + [f"  - and {len(rows) - _ROWS:,} more: -f json lists them"] * (len(rows) > _ROWS)


def as_findings(table: Table) -> dict[str, Any]:
    """Return the document as `secpipe.findings/1`: a finding for each reason of each release that is affected."""
    found: dict[str, Finding] = {}
    gaps = [
        Skip(row.text("entry"), row.text("reason")) for name in ("damaged", "unproven") for row in table.tables(name)
    ]
    for release in table.tables("releases"):
        state = release.word("state", _STATES)
        if state == "unknown":
            said = [reason.text("what") for reason in release.tables("reasons")]
            why = release.text("why", optional=True) or "; ".join(said[:3])
            gaps.append(Skip(release.text("entry"), f"{_name(release)} could not be judged: {why}"))
        elif state != "holds":
            for reason in release.tables("reasons"):
                item = _finding(release, reason, state)
                found.setdefault(item.id, item)
    open_ = table.number("exit_code") == 3
    evidence = Evidence(
        "monitor", State.SKIPPED if open_ else State.OK, table.text("sentence") if open_ else "",
        findings=tuple(found.values()), skips=tuple(gaps),
    )  # fmt: skip
    at = table.instant("at")
    tool = {"tool": dict(table.table("tool").values)}
    return findings.document(evidence, "monitor", at, simulated=table.flag("simulated")) | tool


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
