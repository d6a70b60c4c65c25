"""What a check established: four states, and only `ok` is green (design law 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from secpipe.core.artifact import Skip
from secpipe.core.finding import Finding
from secpipe.core.ledger import Account


class State(StrEnum):
    """The four states of evidence.

    ok       the check was carried out; its findings, if any, are for the policy to judge
    failed   the check was carried out and the subject does not hold, whatever the policy's thresholds
    skipped  it was not carried out (engine missing, crash, unreadable input): nothing is known
    stale    it was carried out on knowledge older than allowed
    """

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The outcome of one check.

    `check` names it (`signatures`, `sbom`, `models`, `shadow-ai`, `audit`, `attestation:<type>`). `reason` is one plain
    sentence, mandatory unless the state is ok. `skips` lists what the check did not look at: evidence with skips is
    incomplete and never green by itself; `accepted` are those that a policy accepts. `account` says how everything
    ended that the check is answerable for (`docs/spec/ledger.md`); None in evidence stored before there were accounts.
    `facts` are JSON-ready values for the policy and the report, documented beside the room that makes them.
    `producer` names the engines that looked, with versions.
    """

    check: str
    state: State
    reason: str = ""
    since: datetime | None = None
    findings: tuple[Finding, ...] = ()
    skips: tuple[Skip, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    producer: str = ""
    account: Account | None = None
    accepted: tuple[Skip, ...] = ()

    def __post_init__(self) -> None:
        if self.state is not State.OK and not self.reason:
            raise ValueError(f"evidence {self.check} is {self.state} without a reason")
        if self.account is not None and self.account.not_read and not (self.skips or self.accepted):
            raise ValueError(f"evidence {self.check} does not name what its account says was not read")


def skipped(check: str, reason: str, **rest: Any) -> Evidence:
    """Return evidence that nothing is known about `check`, and why."""
    return Evidence(check, State.SKIPPED, reason, **rest)
