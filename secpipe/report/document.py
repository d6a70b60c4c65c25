"""What every writer renders: a verdict or a scan's findings, read once from JSON and checked, so that no writer meets a
raw string or a missing field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.finding import RULE_ID, Confidence, Finding, Severity
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import did_you_mean, plural
from secpipe.report.read import Table
from secpipe.report.text import safe

VERDICT = "secpipe.verdict/1"
FINDINGS = "secpipe.findings/1"

#: Worst first, as every report lists them.
SEVERITIES = tuple(str(severity) for severity in sorted(Severity, reverse=True))
DECISIONS = ("pass", "warn", "deny", "undecided")
EFFECTS = ("deny", "undecided", "warn", "info", "waived")
RESULTS = ("pass", "deny", "undecided", "warn", "off")
STATES = ("ok", "failed", "skipped", "stale")

_RANK = {severity: index for index, severity in enumerate(SEVERITIES)}
_ID = re.compile(r"[0-9a-f]{20}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Item:
    """A finding as it stands in a document; `effect` is what the gate made of it, "" in a scan."""

    id: str
    rule: str
    message: str
    severity: str
    confidence: str
    path: str = ""
    line: int = 0
    column: int = 0
    offset: int | None = None
    subject: str = ""
    fix: str = ""
    owner: str = ""
    effect: str = ""
    waiver: str = ""

    @property
    def place(self) -> str:
        """`path:line`, `path`, or ""."""
        return f"{self.path}:{self.line}" if self.path and self.line else self.path


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that must change, or that was noted, and the findings behind it."""

    rule: str
    effect: str
    what: str
    owner: str = ""
    fix: str = ""
    check: str = ""
    path: str = ""
    findings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """A stable id made as a finding's is."""
        return Finding(self.rule, self.what, Severity.HIGH, path=self.path, subject=self.check).id

    @property
    def entry(self) -> Item:
        """The reason in the shape of a finding, for formats that have nothing else."""
        return Item(
            id=self.id,
            rule=self.rule,
            message=self.what,
            severity="medium" if self.effect == "warn" else "high",
            confidence="high",
            path=self.path,
            subject=self.check,
            fix=self.fix,
            owner=self.owner,
            effect=self.effect,
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One check: whether it ran (`state`) and what the policy made of it (`result`, "" in a scan)."""

    check: str
    title: str
    state: str
    result: str = ""
    required: bool = False
    summary: str = ""
    reason: str = ""
    producer: str = ""

    @property
    def unknown(self) -> bool:
        """Nothing current is known: it was not carried out, or on knowledge that is too old."""
        return self.result != "off" and self.state in {"skipped", "stale"}

    @property
    def entry(self) -> Item:
        """A check that gave nothing to go by, in the shape of a finding."""
        rule, effect = ("gate/not-checked", "undecided") if self.unknown else ("gate/check-failed", "deny")
        return Reason(rule, effect, f"{self.title}: {self.reason}", check=self.check).entry


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that was not looked at."""

    path: str
    reason: str
    check: str = ""


@dataclass(frozen=True, slots=True)
class Waived:
    """A waiver of the policy and how often it was used."""

    id: str
    owner: str
    reason: str
    expires: str
    used: int
    expired: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A checked document. Findings are worst first; every string is safe to print, on one line."""

    schema: str
    version: str
    at: str
    simulated: bool
    sentence: str
    decision: str  # of a scan: "pass" without findings, "deny" with, "undecided" where nothing is known
    checks: tuple[Check, ...]
    findings: tuple[Item, ...]
    skipped: tuple[Unseen, ...]
    command: str = ""
    environment: str = ""
    mode: str = ""
    self_judged: bool = False
    valid_until: str = ""
    subject: str = ""
    policy: str = ""
    trust: str = ""
    reasons: tuple[Reason, ...] = ()
    waivers: tuple[Waived, ...] = ()

    @property
    def is_verdict(self) -> bool:
        return self.schema == VERDICT

    @property
    def open(self) -> tuple[Item, ...]:
        """The findings that are not waived."""
        return tuple(item for item in self.findings if item.effect != "waived")

    @property
    def entries(self) -> tuple[Item, ...]:
        """What a format that can only list findings must list, or it looks clean: first the reasons that no listed
        finding stands for and a scan that established nothing, then every finding, worst first."""
        listed = {item.id for item in self.findings}
        bare = [reason.entry for reason in self.reasons if not listed.intersection(reason.findings)]
        if not self.is_verdict:
            bare = [check.entry for check in self.checks if check.unknown or (check.state == "failed" and not listed)]
        return (*bare, *self.findings)

    def of_check(self, check: str) -> tuple[Item, ...]:
        """The findings of `check` that are not waived: those its reasons name, and those of its wing of rules."""
        if not self.is_verdict:
            return self.open
        named = {identity: reason.check for reason in self.reasons for identity in reason.findings}
        return tuple(item for item in self.open if named.get(item.id, item.rule.partition("/")[0]) == check)

    @property
    def counts(self) -> str:
        """`1 critical, 2 high, 1 waived`, counted here, not believed; "no findings"."""
        tally = Counter(item.severity for item in self.open)
        parts = [f"{tally[severity]:,} {severity}" for severity in SEVERITIES if tally[severity]]
        waived = len(self.findings) - len(self.open)
        return ", ".join(parts + [f"{waived:,} waived"] * bool(waived)) or "no findings"


def load(data: bytes, limits: Limits = DEFAULT) -> dict[str, Any]:
    """Return a saved document, checked as `read` checks it; raises InputError, UnsafeInput over a bound."""
    value = parse_json(data, "the report", limits)
    if not isinstance(value, dict):
        raise InputError("the report is not a JSON object")
    read(value)
    return value


def read(document: Mapping[str, Any]) -> Report:
    """Return the checked form of a `secpipe.verdict/1` or `secpipe.findings/1` document; raises InputError.

    Unknown fields are left aside, so that a newer secpipe's document of the same schema can still be rendered.
    """
    table = Table(document)
    schema = table.text("schema", limit=60)
    if schema == VERDICT:
        return _verdict(table)
    if schema == FINDINGS:
        return _findings(table)
    raise InputError(
        f'schema "{schema}" is not one that can be rendered',
        hint=did_you_mean(schema, (VERDICT, FINDINGS)) or f"known: {VERDICT}, {FINDINGS}",
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
        environment=table.text("environment"),
        mode=table.word("mode", ("enforce", "warn")),
        self_judged=table.flag("self_judged"),
        valid_until=_time(table, "valid_until", optional=True),
        subject=_subject(table.table("subject")),
        policy=_policy(table.table("policy")),
        trust=_trust(table.table("trust", optional=True)),
        reasons=reasons,
        waivers=tuple(_waiver(part) for part in table.tables("waivers", optional=True)),
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
        **common,
    )
    return _with_sentence(report, check)


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
    if value and not _TIME.fullmatch(value):
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
        fix=table.text("fix", optional=True),
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
    )


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
    )


def _subject(table: Table) -> str:
    digests = table.table("digest", optional=True)
    shown = [f"{safe(name, 20)}:{digests.text(name, limit=200)[:16]}…" for name in sorted(digests.values)[:1]]
    files = table.number("files", optional=True)
    return ", ".join([table.text("name"), plural(files, "file"), *shown])


def _policy(table: Table) -> str:
    parts = [table.text("name"), table.text("digest", optional=True, limit=200)[:23]]
    parts += ["pinned" if table.flag("pinned", optional=True) else "not pinned"]
    owner, expires = table.text("owner", optional=True), table.text("expires", optional=True)
    parts += [f"owner {owner}"] * bool(owner) + [f"expires {expires}"] * bool(expires)
    return ", ".join(filter(None, parts))


def _trust(table: Table) -> str:
    if not table.values:
        return ""
    pinned = "pinned" if table.flag("pinned", optional=True) else "not pinned"
    root, ring = table.number("root_version", optional=True), table.number("ring_version", optional=True)
    return ", ".join(
        filter(None, (f"root {root}, ring {ring}", table.text("digest", optional=True, limit=200)[:23], pinned))
    )
