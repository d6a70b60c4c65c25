"""The answer: decision, reasons, results check by check, and the document every report is rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from secpipe.core.artifact import Skip
from secpipe.core.do import Do, person
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.evidence import State
from secpipe.core.finding import Finding, Severity
from secpipe.core.ledger import Account
from secpipe.core.text import printable

SCHEMA = "secpipe.verdict/2"
#: What is read: the first version had no accounts.
READ = ("secpipe.verdict/1", SCHEMA)
#: What one change adds to an older verdict: never a pass (docs/spec/change.md).
CHANGE = "secpipe.change/1"
#: The verdicts of a repository of several projects, one after the other.
PROJECTS = "secpipe.projects/1"


class Effect(StrEnum):
    """What a reason or a finding does to the verdict; `WAIVED` and `INFO` do nothing but are always listed."""

    DENY = "deny"
    UNDECIDED = "undecided"
    WARN = "warn"
    WAIVED = "waived"
    INFO = "info"


class Decision(StrEnum):
    """The verdict itself, worst first."""

    DENY = "deny"
    UNDECIDED = "undecided"
    WARN = "warn"
    PASS = "pass"  # noqa: S105  # the field's word, not a password

    @property
    def exit_code(self) -> int:
        """0 for pass and warn, 1 for deny, 3 for undecided."""
        return {Decision.DENY: EXIT_DENY, Decision.UNDECIDED: EXIT_UNDECIDED}.get(self, EXIT_PASS)


class Result(StrEnum):
    """How one check came out under the policy."""

    PASS = "pass"  # noqa: S105  # the field's word, not a password
    DENY = "deny"
    UNDECIDED = "undecided"
    WARN = "warn"
    OFF = "off"  # the policy does not ask for it, and it was not carried out


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands against a pass: what it is, who acts, and what to do.

    `advice` is what the scanner, or the policy's author, says about it in prose; `do` is what `decide` made of it.
    """

    rule: str
    effect: Effect
    what: str
    check: str
    owner: str = ""
    path: str = ""
    findings: tuple[str, ...] = ()
    advice: str = ""
    do: Do | None = None
    unread: tuple[Skip, ...] = ()  # what was not read, where it is about that

    def told(self, do: Do) -> Reason:
        """Return the same reason with what to do about it (`dataclasses.replace` is slow for thousands of them)."""
        return Reason(
            self.rule, self.effect, self.what, self.check, self.owner, self.path, self.findings, self.advice, do
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "effect": str(self.effect),
            "what": printable(self.what),
            "owner": printable(self.owner),
            "fix": self.do.text if self.do else printable(self.advice),
            "do": (self.do or person(self.advice or "mend this, and check again")).to_dict(),
            "check": self.check,
            "findings": list(self.findings),
            "path": printable(self.path),
        }


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One row of the table: a check, its evidence, and how it came out."""

    check: str
    title: str
    required: bool
    state: State
    result: Result
    summary: str = ""
    reason: str = ""
    producer: str = ""
    findings: int = 0
    skipped: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    account: Account | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "title": self.title,
            "required": self.required,
            "state": str(self.state),
            "result": str(self.result),
            "summary": printable(self.summary),
            "reason": printable(self.reason),
            "producer": printable(self.producer),
            "findings": self.findings,
            "skipped": self.skipped,
            "facts": dict(self.facts),
            "account": self.account.to_dict() if self.account else None,
        }


@dataclass(frozen=True, slots=True)
class JudgedFinding:
    """A finding and what it does; `waiver` names the waiver that took its sting."""

    finding: Finding
    effect: Effect
    waiver: str = ""

    def to_dict(self) -> dict[str, Any]:
        return self.finding.to_dict() | {"effect": str(self.effect), "waiver": self.waiver}


@dataclass(frozen=True, slots=True)
class UsedWaiver:
    """A waiver and how often it was used. `refused` says why it does not count; `source` is its file, "" the policy."""

    id: str
    owner: str
    reason: str
    expires: str
    used: int
    expired: bool
    approved_by: str = ""
    source: str = ""
    signed_by: str = ""
    refused: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": printable(self.id),
            "owner": printable(self.owner),
            "reason": printable(self.reason),
            "expires": self.expires,
            "used": self.used,
            "expired": self.expired,
            "approved_by": printable(self.approved_by),
            "source": printable(self.source),
            "signed_by": printable(self.signed_by),
            "refused": printable(self.refused),
        }


@dataclass(frozen=True, slots=True)
class Accepted:
    """An acceptance of what is not read: what it settled, and why it counts no more if so. `age` is in days."""

    number: int  # its place in the policy, from 1
    checks: tuple[str, ...]
    kind: str
    owner: str
    reason: str
    since: str
    expires: str
    age: int
    paths: tuple[str, ...] = ()  # what it settled
    approved_by: str = ""
    refused: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "checks": list(self.checks),
            "kind": printable(self.kind),
            "owner": printable(self.owner),
            "approved_by": printable(self.approved_by),
            "reason": printable(self.reason),
            "since": self.since,
            "expires": self.expires,
            "age_days": self.age,
            "things": len(self.paths),
            "paths": [printable(path) for path in self.paths],
            "refused": printable(self.refused),
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """What `decide` returns: everything the policy says about the evidence, and nothing about how it was gathered.

    `decision` is what is enforced; `would_be` is what it would be in enforce mode.
    """

    decision: Decision
    would_be: Decision
    reasons: tuple[Reason, ...]
    checks: tuple[CheckResult, ...]
    findings: tuple[JudgedFinding, ...]
    skipped: tuple[tuple[str, Skip], ...]  # (check, skip)
    waivers: tuple[UsedWaiver, ...] = ()
    accepted: tuple[Accepted, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return findings by severity, then how many are waived, then how many things were not looked at."""
        live = [item.finding for item in self.findings if item.effect is not Effect.WAIVED]
        counted = {str(level): sum(f.severity is level for f in live) for level in sorted(Severity, reverse=True)}
        return counted | {"waived": len(self.findings) - len(live), "skipped": len(self.skipped)}
