"""The document `secpipe.policy-cases/1` as frozen dataclasses: a case, the evidence it changes, what it expects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secpipe.core.sections import key
from secpipe.gate.policies.policy import SEVERITIES

SCHEMA = "secpipe.policy-cases/1"
ANY = "*"  # in a list of what is expected: not compared


@dataclass(frozen=True, slots=True)
class Found:
    """A finding that a check made (`[[case.finding]]`)."""

    check: str = key("")
    rule: str = key("")
    severity: str = key("high", choice=SEVERITIES[1:])
    confidence: str = key("high", choice=("low", "medium", "high"))
    message: str = key("something is wrong")
    path: str = key("")
    line: int = key(0)
    subject: str = key("")
    owner: str = key("")
    details: dict[str, Any] = key({})


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something a check did not look at."""

    path: str = key("")
    reason: str = key("cannot be read")
    soft: bool = key(False)


@dataclass(frozen=True, slots=True)
class Check:
    """What is different about one check (`[case.checks.NAME]`); each fact that is named replaces the one it had."""

    state: str = key("ok", choice=("ok", "failed", "skipped", "stale", "absent"))
    reason: str = key("")
    since: datetime | None = key(None)
    skips: tuple[Unseen, ...] = key(())
    facts: dict[str, Any] = key({})


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out. `rules` are of the reasons that deny or leave it undecided, `warnings` of the others."""

    decision: str = key("", choice=("pass", "warn", "deny", "undecided"))
    rules: tuple[str, ...] = key((ANY,))
    warnings: tuple[str, ...] = key((ANY,))
    waived: tuple[str, ...] = key((ANY,), doc="ids of the waivers that were used")


@dataclass(frozen=True, slots=True)
class Case:
    """One case: evidence, changes to it, where and when, what is expected."""

    name: str = key("")
    env: str = key("")
    at: datetime | None = key(None)
    evidence: str = key("", doc="a secpipe.evidence/1 file beside this one, instead of the clean release")
    paths: tuple[str, ...] = key((), doc="more files of the release")
    signed_by: str = key("", doc="as if a signature of this identity pinned the policy")
    self_judged: str = key("", doc="why the rules are not pinned")
    checks: dict[str, Check] = key({})
    finding: tuple[Found, ...] = key(())
    expect: Expected = key(Expected())


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The whole document; `at` and `env` are those of every case that names none."""

    policy: str = key("")
    at: datetime | None = key(None)
    env: str = key("prod")
    case: tuple[Case, ...] = key(())


@dataclass(frozen=True, slots=True)
class Start:
    """The evidence that cases start from."""

    paths: tuple[str, ...] = key(())
    checks: dict[str, Check] = key({})
