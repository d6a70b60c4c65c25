"""The days of grace after a vulnerability was published: dated, told, and never for what is exploited."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.verdict import Effect
from secpipe.gate.policies.policy import Policy, Vulnerabilities
from secpipe.gate.rules.vulnerabilities import vulnerabilities
from secpipe.gate.ruling import Ruling, Situation

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TODAY = NOW.date()


def ruling(
    rule: str = "audit/known-vulnerability", days: int = 7, until: date | None = TODAY, **details: Any
) -> Ruling:
    found = Finding(
        rule, "x has a vulnerability", Severity.HIGH, path="a.lock", subject="x",
        details={"package": "x", "kev": "", "published": "2026-11-27T00:00:00Z"} | details,
    )  # fmt: skip
    facts = {"advisories": {"date": "2026-11-29T00:00:00Z"}, "packages": 1}
    evidence = {"audit": Evidence("audit", State.OK, findings=(found,), facts=facts)}
    rules = Vulnerabilities(grace_days=days, grace_until=until)
    return vulnerabilities(Situation(replace(Policy(), vulnerabilities=rules), "prod", NOW, evidence))


def test_what_was_published_lately_warns_and_the_verdict_says_so() -> None:
    found = ruling()
    assert [item.effect for item in found.findings] == [Effect.WARN]
    assert any(reason.rule == "gate/grace" and "until 2026-11-29" in reason.what for reason in found.reasons)


@pytest.mark.parametrize(
    "case",
    [
        {"published": "2026-11-22T11:59:59Z"},  # older than the grace
        {"published": "2026-11-29T12:00:01Z"},  # a date of the future could last for ever
        {"published": ""},
        {"published": None},
        {"published": "soon"},
        {"kev": "2026-11-28"},  # exploited
        {"until": date(2026, 11, 28)},  # over
        {"until": None},
        {"days": 0},
        {"rule": "audit/malicious-package"},
    ],
)
def test_nothing_else_has_grace(case: dict[str, Any]) -> None:
    found = ruling(**case)
    assert [item.effect for item in found.findings] == [Effect.DENY]
    assert not any(reason.rule == "gate/grace" for reason in found.reasons)
