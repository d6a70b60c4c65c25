"""AI services: every use approved."""

from __future__ import annotations

from secpipe.core.text import plural
from secpipe.gate.facts import listing
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on
from secpipe.scan.shadow_ai.judge import judge, parse_allow


def shadow_ai(situation: Situation) -> Ruling:
    """Every AI service the code talks to has an approval that is not expired."""
    evidence = situation.of("shadow-ai")
    uses = listing(evidence, "uses")
    allow = parse_allow(situation.policy.shadow_ai)
    findings = [*evidence.findings, *judge(uses, allow, env=situation.environment, now=situation.now)]
    judged = judge_findings(situation, findings, block="medium", warn="low")
    return rule_on(
        situation,
        evidence,
        "AI services are approved",
        required=True,
        findings=judged,
        summary=plural(len(uses), "use"),
    )
