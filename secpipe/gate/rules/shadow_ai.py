"""AI services: every use approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secpipe.core.text import plural
from secpipe.gate.facts import listing
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on
from secpipe.scan.shadow_ai.allow import ShadowAI
from secpipe.scan.shadow_ai.judge import judge
from secpipe.scan.shadow_ai.regions import LABELS


def shadow_ai(situation: Situation) -> Ruling:
    """Every AI service the code talks to has an approval that is not expired."""
    evidence = situation.of("shadow-ai")
    uses = _without_servers(situation)
    allow = situation.policy.shadow_ai
    findings = [*evidence.findings, *judge(uses, allow, env=situation.environment, now=situation.now)]
    judged = judge_findings(situation, findings, block="medium", warn="low")
    return rule_on(
        situation,
        evidence,
        "AI services are approved",
        required=True,
        findings=judged,
        summary=plural(len(uses), "use") + _left(uses, situation, allow),
    )


def _without_servers(situation: Situation) -> list[Any]:
    """Return the uses without servers of agents, whose own row asks for their approval."""
    uses = listing(situation.of("shadow-ai"), "uses")
    if "agents" not in situation.evidence or situation.policy.agents.default != "deny":
        return uses
    return [use for use in uses if (use.get("provider"), use.get("mechanism")) != ("mcp", "mcp")]


def _left(uses: Sequence[Mapping[str, Any]], situation: Situation, allow: ShadowAI) -> str:
    """Say how many uses nobody approved that stand where the policy judges none: tests, docs, what is vendored."""
    outside = [use for use in uses if use.get("region") in LABELS and use["region"] not in allow.regions]
    as_code = [{**use, "region": allow.regions[0]} for use in outside] if allow.regions else []
    found = judge(as_code, allow, env=situation.environment, now=situation.now)
    where = ", ".join(sorted({str(use["region"]) for use in outside}))
    return f"; {plural(len(found), 'unapproved destination')} in {where}: not judged" if found else ""


RULES = {50: shadow_ai}
