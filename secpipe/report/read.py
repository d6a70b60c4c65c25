"""Reading a document once for all writers: hostile JSON in, a checked `Report` out, or an error with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from secpipe.core import times
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.finding import RULE_ID, Confidence
from secpipe.core.ledger import Account, Tally, Thing
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.shape import Table
from secpipe.core.text import did_you_mean, plural, printable
from secpipe.report import explanation
from secpipe.report.document import (
    ACCOUNTING,
    DECISIONS,
    EFFECTS,
    FINDINGS,
    MONITOR,
    RESULTS,
    SEVERITIES,
    STATES,
    VERDICTS,
    Check,
    Derived,
    Given,
    Item,
    Reason,
    Report,
    Unseen,
    Waived,
)
from secpipe.report.doing import todo
from secpipe.report.monitor import as_findings

_RANK = {severity: index for index, severity in enumerate(SEVERITIES)}
_ID = re.compile(r"[0-9a-f]{20}")
_REACHES = 100  # capabilities of one item
GRADES = ("claimed", "witnessed", "bounded", "re-derived", "contradicted")


def load(data: bytes, limits: Limits = DEFAULT) -> dict[str, Any]:
    """Return a saved document, checked as `read` checks it; raises InputError, UnsafeInput over a bound."""
    value = parse_json(data, "the report", limits)
    if not isinstance(value, dict):
        raise InputError("the report is not a JSON object")
    read(value)
    return value


def read(document: Mapping[str, Any]) -> Report:
    """Return the checked form of a verdict, of findings, or of what `monitor` says; raises InputError.

    Unknown fields are left aside, so that a newer secpipe's document of the same schema can still be rendered.
    """
    table = Table(document)
    schema = table.text("schema", limit=60)
    if schema in VERDICTS:
        return _verdict(table)
    if schema == FINDINGS:
        return _findings(table)
    if schema == MONITOR:
        return _findings(Table(as_findings(table)))
    known = (*VERDICTS, FINDINGS, MONITOR)
    raise InputError(
        f'schema "{schema}" is not one that can be rendered',
        hint=did_you_mean(schema, known) or f"known: {', '.join(known)}",
    )


def _verdict(table: Table) -> Report:
    decision = table.word("decision", DECISIONS)
    reasons = tuple(_reason(part) for part in table.tables("reasons"))
    checks = tuple(_check(part) for part in table.tables("checks"))
    if decision == "pass":
        against = [reason.effect for reason in reasons] + [check.result for check in checks if check.required]
        if table.number("exit_code") or "deny" in against or "undecided" in against:
            raise table.refuse("decision", "is pass, yet the document holds reasons against it")
    sentence, common = table.text("sentence"), _common(table)
    if table.flag("self_judged") and "self-judged" not in sentence.lower():
        sentence += " (self-judged)"
    return Report(
        sentence=_dated(sentence, common["simulated"]),
        decision=decision,
        checks=checks,
        findings=_items(table, effects=True),
        skipped=tuple(_unseen(part) for part in table.tables("skipped")),
        left_out=tuple(_unseen(part) for part in table.tables("left_out", optional=True)),
        unused=table.texts("unused", optional=True),
        environment=table.text("environment"),
        mode=table.word("mode", ("enforce", "warn")),
        warn_until=table.text("warn_until", optional=True, limit=10),
        self_judged=table.flag("self_judged"),
        valid_until=_time(table, "valid_until", optional=True),
        subject=_subject(table.table("subject")),
        policy=_policy(table.table("policy")),
        trust=_trust(table.table("trust", optional=True)),
        reasons=reasons,
        waivers=tuple(_waiver(part) for part in table.tables("waivers", optional=True)),
        policy_expires=table.table("policy").text("expires", optional=True),
        accepted_until=tuple(
            (f"{part.text('kind')} (accepted by {part.text('owner')})", part.text("expires", optional=True))
            for part in table.tables("accepted", optional=True)
        ),
        accepted=tuple(filter(None, (_accepted(part) for part in table.tables("accepted", optional=True)))),
        given=_asked(table),
        derived=tuple(_derived(one) for one in _lineage(table).tables("lineage", optional=True)),
        underived=_lineage(table).number("lineage_untold", optional=True),
        explanation=explanation.read(table.table("explanation", optional=True)),
        **common,
    )


def _dated(sentence: str, simulated: bool) -> str:
    return f"SIMULATED. {sentence}" if simulated and "SIMULATED" not in sentence else sentence


def _findings(table: Table) -> Report:
    evidence = table.table("evidence")
    check = _check(evidence)
    findings = _items(table, effects=False)
    skipped = tuple(_unseen(part) for part in table.tables("skipped"))
    common = _common(table)
    report = Report(
        sentence="",
        decision="undecided" if check.unknown else "deny" if findings or check.state == "failed" else "pass",
        checks=(check,),
        findings=findings,
        skipped=skipped,
        command=table.text("command"),
        given=tuple(filter(None, (_given(one, "item") for one in _rows(evidence)))),
        **common,
    )
    return _with_sentence(report, check)


def _given(table: Table, client: str = "") -> Given | None:
    """Return what an agent is given, from an item of the scan or the details of a finding, or None."""
    name = table.text("id", optional=True) if client else table.text("item", optional=True)
    if ":" not in name:
        return None
    who = table.text("client", optional=True) if client else ""
    return Given(who or "an agent", name, table.texts("capabilities", optional=True)[:_REACHES])


def _rows(evidence: Table) -> Iterator[Table]:
    if evidence.text("check", optional=True) == "agents":
        yield from evidence.table("facts", optional=True).tables("items", optional=True)


def _asked(table: Table) -> tuple[Given, ...]:
    rows = [one.table("details", optional=True) for one in table.tables("findings") if
            one.text("rule", limit=200).startswith("agents/")]  # fmt: skip
    return tuple(filter(None, map(_given, rows)))


def _lineage(table: Table) -> Table:
    """Return the facts of the check that lists what the release holds."""
    rows = (one for one in table.tables("checks") if one.text("check") == "sbom")
    return next((one.table("facts", optional=True) for one in rows), Table({}))


def _derived(table: Table) -> Derived:
    inputs = tuple(
        (one.text("name", optional=True, limit=200), one.text("role", limit=64), one.word("grade", GRADES))
        for one in table.tables("inputs", optional=True)
    )
    words = (table.text(name, optional=True, limit=300) for name in ("operation", "signed", "problem"))
    operation, signed, problem = words
    return Derived(table.text("output", limit=300), operation, inputs, signed, problem)


def _with_sentence(report: Report, check: Check) -> Report:
    """Return a scan's report with its first line, which a scan's document does not carry."""
    files = len({item.path for item in report.findings})
    if check.state == "skipped":
        said = f"NOT CHECKED: {check.reason}."
    elif check.state == "failed":
        said = f"FAILED: {check.reason}."
    elif report.findings:
        said = f"{plural(len(report.findings), 'finding')} in {plural(files, 'place')}: {report.counts}."
    else:
        said = "Nothing found."
    if check.state == "stale":
        said = f"STALE: {check.reason}. {said}"
    if report.skipped:
        one = len(report.skipped) == 1
        said += f" {plural(len(report.skipped), 'place')} {'was' if one else 'were'} not looked at."
    return replace(report, sentence=_dated(said, report.simulated))


def _common(table: Table) -> dict[str, Any]:
    return {
        "schema": table.text("schema"),
        "version": table.table("tool").text("version", limit=80),
        "at": _time(table, "at"),
        "simulated": table.flag("simulated"),
    }


def _time(table: Table, key: str, *, optional: bool = False) -> str:
    value = table.text(key, optional=optional, limit=40)
    if value and times.maybe_instant(value) is None:
        raise table.refuse(key, "is not an RFC 3339 time")
    return value


def _rule(table: Table) -> str:
    rule = table.text("rule", limit=200)
    if not RULE_ID.fullmatch(rule):
        raise table.refuse("rule", "is not a rule id (wing/kebab-name)")
    return rule


def _items(table: Table, *, effects: bool) -> tuple[Item, ...]:
    items = [_item(part, effects) for part in table.tables("findings")]
    return tuple(sorted(items, key=lambda item: (_RANK[item.severity], item.rule, item.path, item.line, item.subject)))


def _item(table: Table, effects: bool) -> Item:
    identity = table.text("id", limit=40)
    if not _ID.fullmatch(identity):
        raise table.refuse("id", "is not a finding id (20 hex digits)")
    return Item(
        id=identity,
        rule=_rule(table),
        message=table.text("message"),
        severity=table.word("severity", SEVERITIES),
        confidence=table.word("confidence", tuple(str(member) for member in Confidence)),
        path=table.text("path", optional=True),
        line=table.number("line", optional=True),
        column=table.number("column", optional=True),
        offset=table.number("offset") if table.values.get("offset") is not None else None,
        subject=table.text("subject", optional=True),
        fix=table.text("fix", optional=True),
        owner=table.text("owner", optional=True),
        effect=table.word("effect", EFFECTS) if effects else "",
        waiver=table.text("waiver", optional=True) if effects else "",
    )


def _reason(table: Table) -> Reason:
    return Reason(
        rule=_rule(table),
        effect=table.word("effect", ("deny", "undecided", "warn")),
        what=table.text("what"),
        owner=table.text("owner", optional=True),
        do=todo(table),
        check=table.text("check", optional=True),
        path=table.text("path", optional=True),
        findings=table.texts("findings", optional=True),
    )


def _check(table: Table) -> Check:
    name = table.text("check", limit=200)
    return Check(
        check=name,
        title=table.text("title", optional=True) or name,
        state=table.word("state", STATES),
        result=table.word("result", RESULTS, optional=True),
        required=table.flag("required", optional=True),
        summary=table.text("summary", optional=True),
        reason=table.text("reason", optional=True),
        producer=table.text("producer", optional=True),
        account=_account(table, name) if "result" in table.values else "",
    )


def _account(table: Table, check: str) -> str:
    """Return what a check looked at, in words counted here."""
    if table.values.get("account") is None:
        bare = check in ACCOUNTING and table.values.get("state") == "ok"
        return "no account" if bare else ""
    things = table.table("account").table("things")
    tallies = []
    for name in sorted(things.values):
        row = things.table(name)
        judged, cannot = ({"": _sum(row.table(key))} for key in ("judged", "cannot_hold"))
        if name not in list(Thing):
            raise things.refuse(name, "is nothing that a check is answerable for")
        tallies.append(Tally(Thing(name), judged, cannot, row.number("not_read"), row.number("text_only")))
    return Account(tuple(sorted(tallies, key=lambda tally: list(Thing).index(tally.thing)))).words


def _sum(table: Table) -> int:
    return sum(table.number(name) for name in table.values)


def _unseen(table: Table) -> Unseen:
    return Unseen(table.text("path"), table.text("reason"), table.text("check", optional=True))


def _waiver(table: Table) -> Waived:
    return Waived(
        id=table.text("id"),
        owner=table.text("owner", optional=True),
        reason=table.text("reason", optional=True),
        expires=table.text("expires", optional=True),
        used=table.number("used", optional=True),
        expired=table.flag("expired", optional=True),
        refused=table.text("refused", optional=True),
    )


def _accepted(table: Table) -> str:
    """Return what an acceptance settled, whose it is and how old; "" where it met nothing."""
    things, refused = table.number("things", optional=True), table.text("refused", optional=True)
    if not things and not refused:
        return ""
    names = ", ".join(table.texts("checks", optional=True))
    what = f"of {names}: {table.text('kind')}"
    who = f"{table.text('owner')}, {plural(table.number('age_days', optional=True), 'day')} ago"
    if refused:
        return f"nothing {what}: the acceptance by {who}, {refused}"
    until = table.text("expires", optional=True)
    return f"{plural(things, 'thing')} not read {what} (by {who}, until {until}: {table.text('reason')})"


def _subject(table: Table) -> str:
    files = table.number("files", optional=True)
    return ", ".join(filter(None, (table.text("name"), plural(files, "file"), _digest(table))))


def _order(digests: Table) -> list[str]:
    """An image is known by its manifest's SHA-256, a folder by its dirHash."""
    return sorted(digests.values, key=lambda name: (name != "sha256", name))


def _digest(table: Table) -> str:
    """Return the first digest of an in-toto digest set, shortened: `dirHash:0123456789abcdef…`."""
    digests = table.table("digest", optional=True)
    return next((f"{printable(name, 20)}:{digests.text(name, limit=200)[:16]}…" for name in _order(digests)), "")


def _policy(table: Table) -> str:
    parts = [table.text("name"), _digest(table)]
    pin = table.text("pin", optional=True)
    by = f" by {pin}" if pin.startswith(("git:", "signed:")) else ""
    said = f"asks {pin}" if pin.startswith("at least ") else f"pinned{by}"
    parts += [said if table.flag("pinned", optional=True) else "not pinned"]
    owner, expires = table.text("owner", optional=True), table.text("expires", optional=True)
    parts += [f"owner {owner}"] * bool(owner) + [f"expires {expires}"] * bool(expires)
    return ", ".join(filter(None, parts))


def _trust(table: Table) -> str:
    if not table.values:
        return ""
    pinned = "pinned" if table.flag("pinned", optional=True) else "not pinned"
    root, ring = table.number("root_version", optional=True), table.number("ring_version", optional=True)
    return ", ".join(filter(None, (f"root {root}, ring {ring}", _digest(table), pinned)))
