"""Running cases: what each policy decides over a case's evidence, beside what was expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from secpipe.core.verdict import Effect, Judgement
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.policy_cases.case_nouns import ANY, Case
from secpipe.gate.policy_cases.cases import Suite


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case that was run; `differences` are sentences in the order to read them, none where it passed."""

    source: str
    name: str
    environment: str
    decision: str
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "name": self.name,
            "environment": self.environment,
            "decision": self.decision,
            "passed": self.passed,
            "differences": list(self.differences),
        }


def run(suite: Suite, loaded: Loaded) -> list[CaseResult]:
    """Return the outcome of every case of a suite under its policy; raises ConfigError for a broken overlay."""
    outcomes = []
    for case, record in suite.cases:
        judgement = decide(record.situation(loaded.resolve(record.environment)))
        differences = tuple(_differences(case, judgement))
        outcomes.append(CaseResult(suite.source, case.name, record.environment, str(judgement.decision), differences))
    return outcomes


def _differences(case: Case, judgement: Judgement) -> Iterable[str]:
    expected = case.expect
    if judgement.decision != expected.decision:
        yield f"decision: expected {expected.decision}, got {judgement.decision}"
    for what, wanted, effects in (
        ("rule", expected.rules, (Effect.DENY, Effect.UNDECIDED)),
        ("warning", expected.warnings, (Effect.WARN,)),
    ):
        said: dict[str, str] = {}
        for reason in judgement.reasons:
            if reason.effect in effects:
                said.setdefault(reason.rule, f"{reason.effect}: {reason.what}")
        if ANY not in wanted:
            yield from (f"{what} {name}: expected, and it does not stand" for name in wanted if name not in said)
            yield from (f"{what} {name}: not expected ({why})" for name, why in said.items() if name not in wanted)
        elif judgement.decision != expected.decision:
            yield from (f"{what} {name} ({why})" for name, why in said.items())
    used = [waiver.id for waiver in judgement.waivers if waiver.used]
    if ANY not in expected.waived:
        yield from (f"waiver {name}: expected, and it was not used" for name in expected.waived if name not in used)
        yield from (f"waiver {name}: used, and not expected" for name in used if name not in expected.waived)
