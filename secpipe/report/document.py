"""What every writer renders: a verdict or a scan's findings in one shape, with nothing hostile left in any string."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from secpipe.core import findings
from secpipe.core.do import Do
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural
from secpipe.report.explanation import Explanation

VERDICT = "secpipe.verdict/2"
#: Verdicts that can be read: those of the first version have no accounts.
CHANGE = "secpipe.change/1"
VERDICTS = ("secpipe.verdict/1", VERDICT, CHANGE)
FINDINGS = findings.SCHEMA
MONITOR = "secpipe.monitor/1"
REPLAY = "secpipe.replay/1"

#: Checks that look at things one by one and must say how each ended (docs/spec/ledger.md).
ACCOUNTING = ("files", "signatures", "models", "shadow-ai", "agents", "audit", "sbom")
LEFT_OUT = 20  # paths left out that a report names

#: Worst first, as every report lists them.
SEVERITIES = tuple(str(severity) for severity in sorted(Severity, reverse=True))
DECISIONS = ("pass", "warn", "deny", "undecided")
EFFECTS = ("deny", "undecided", "warn", "info", "waived")
RESULTS = ("pass", "deny", "undecided", "warn", "off")
STATES = ("ok", "failed", "skipped", "stale")

#: A producer that names data after secpipe's own version. Engines, which differ by machine, stay in the JSON.
_DATA = re.compile(r"secpipe \d\S*, (.+)")


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

    @property
    def said(self) -> str:
        """The message, led by its place unless it names the file itself."""
        return self.message if not self.path or self.path in self.message else f"{self.place}: {self.message}"

    @property
    def advice(self) -> str:
        """The message, then how to mend it."""
        return f"{self.message.rstrip('.')}. To mend it: {self.fix}" if self.fix else self.message


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that must change, or that was noted, and the findings behind it."""

    rule: str
    effect: str
    what: str
    owner: str = ""
    do: Do | None = None
    check: str = ""
    path: str = ""
    findings: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What it is, led by the file unless it names it itself."""
        return self.what if not self.path or self.path in self.what else f"{self.path}: {self.what}"

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
            fix=self.do.text if self.do else "",
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
    account: str = ""  # what it looked at, in words; "no account" where it should have one, "" where it needs none

    @property
    def unknown(self) -> bool:
        """Nothing current is known: it was not carried out, or on knowledge that is too old."""
        return self.result != "off" and self.state in {"skipped", "stale"}

    @property
    def said(self) -> str:
        """What one row of a table says: why nothing is known, or what was found."""
        unclear = self.unknown or self.result in {"undecided", "off"}
        return (self.reason or self.summary) if unclear else (self.summary or self.reason)

    @property
    def data(self) -> str:
        """What data was judged by, as of when, where `producer` says more than secpipe's own version; "" elsewhere."""
        found = _DATA.fullmatch(self.producer) if self.result != "off" else None
        return found[1] if found else ""

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
    """A waiver and how often it was used; `refused` says why it does not count."""

    id: str
    owner: str
    reason: str
    expires: str
    used: int
    expired: bool
    refused: str = ""

    @property
    def state(self) -> str:
        """`EXPIRED`, `REFUSED`, or how often it was used."""
        return "EXPIRED" if self.expired else "REFUSED" if self.refused else f"used {plural(self.used, 'time')}"

    @property
    def matters(self) -> bool:
        """Whether a report lists it: what is waived, or was meant to be, is never silent."""
        return bool(self.used or self.expired or self.refused)


@dataclass(frozen=True, slots=True)
class Given:
    """Something that an agent is given, `kind:name`, and the capabilities it has."""

    client: str
    item: str
    reaches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    """What an output was made from: (name, role, grade) of each input, who signed the record, what is wrong with it."""

    output: str
    operation: str
    inputs: tuple[tuple[str, str, str], ...] = ()
    signed: str = ""
    problem: str = ""


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
    warn_until: str = ""
    self_judged: bool = False
    valid_until: str = ""
    left_out: tuple[Unseen, ...] = ()
    unused: tuple[str, ...] = ()  # waivers, approvals and exclusions that match nothing
    subject: str = ""
    policy: str = ""
    trust: str = ""
    reasons: tuple[Reason, ...] = ()
    waivers: tuple[Waived, ...] = ()
    accepted: tuple[str, ...] = ()  # what was not read and is accepted, one sentence an entry of the policy
    accepted_until: tuple[tuple[str, str], ...] = ()  # (what, last day) of the same
    policy_expires: str = ""
    explanation: Explanation | None = None
    given: tuple[Given, ...] = ()  # of a scan all that agents are given, of a verdict what is asked about
    derived: tuple[Derived, ...] = ()
    underived: int = 0  # records that the document does not tell

    @property
    def is_verdict(self) -> bool:
        return self.schema in VERDICTS

    @property
    def may(self) -> str:
        """`yes`, `no`, `undecided`, or `would-be-no` where rules only warn; "" where the document is about no release.

        A change that is compared is never a pass, nor is a scan: they say nothing of the release as a whole.
        """
        if not self.is_verdict or self.schema == CHANGE:
            return ""
        if self.decision == "warn" and self.of_effect("deny", "undecided"):
            return "would-be-no"
        return {"deny": "no", "undecided": "undecided"}.get(self.decision, "yes")

    @property
    def unlooked(self) -> int:
        """How many things nobody looked at: places, paths that were left out, entries that somebody accepts."""
        return len(self.skipped) + len(self.left_out) + len(self.accepted)

    def of_effect(self, *effects: str) -> tuple[Reason, ...]:
        """The reasons with one of the effects, in order."""
        return tuple(reason for reason in self.reasons if reason.effect in effects)

    @property
    def accounts(self) -> list[tuple[str, str]]:
        """(check, what it looked at) of every check that says so, then what is accepted or left out, and by whom."""
        told = [(check.check, check.account) for check in self.checks if check.account]
        told += [("accepted", "; ".join(self.accepted))] * bool(self.accepted)
        shown = [f"{one.path or 'the project'} ({one.reason})" for one in self.left_out[:LEFT_OUT]]
        more = len(self.left_out) - len(shown)
        return told + [("left out", ", ".join(shown) + (f" and {more:,} more" if more else ""))] * bool(shown)

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
        return (*bare, *self._doing(self.findings))

    def _doing(self, items: Iterable[Item]) -> Iterator[Item]:
        """The findings, each with what its reason says to do instead of what the scanner advises."""
        todo = {name: reason.do for reason in reversed(self.reasons) if reason.do for name in reason.findings}
        return (replace(item, fix=todo[item.id].text) if item.id in todo else item for item in items)

    def by_check(self) -> dict[str, list[Item]]:
        """The findings that are not waived under the check whose reasons name them, else under their wing of rules."""
        if not self.is_verdict:
            return {check.check: list(self.open) for check in self.checks}
        named = {identity: reason.check for reason in self.reasons for identity in reason.findings}
        groups: dict[str, list[Item]] = {}
        for item in self._doing(self.open):
            groups.setdefault(named.get(item.id, item.rule.partition("/")[0]), []).append(item)
        return groups

    @property
    def data(self) -> str:
        """What data the checks were judged by: feed, date and number of records, and which check if there are many."""
        named = [(f"{check.check}: " if self.is_verdict else "") + check.data for check in self.checks if check.data]
        return "; ".join(named)

    @property
    def counts(self) -> str:
        """`1 critical, 2 high, 1 waived`, counted here, not believed; "no findings"."""
        tally = Counter(item.severity for item in self.open)
        parts = [f"{tally[severity]:,} {severity}" for severity in SEVERITIES if tally[severity]]
        waived = len(self.findings) - len(self.open)
        return ", ".join(parts + [f"{waived:,} waived"] * bool(waived)) or "no findings"
