"""Model files: no code, accepted formats."""

from __future__ import annotations

from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural
from secpipe.gate.rules.facts import mapping
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on


def models(situation: Situation) -> Ruling:
    """Model files hold no code, and are of an accepted format."""
    policy, evidence = situation.policy.models, situation.of("models")
    found = mapping(evidence, "files")
    findings = list(evidence.findings)
    for path, about in sorted(found.items()):
        kind = str(about.get("format", "unknown"))
        if policy.formats and kind not in policy.formats:
            message = f"{path} is {kind}; the policy accepts {', '.join(policy.formats)}"
            findings.append(Finding("gate/format-not-allowed", message, Severity.HIGH, path=path, subject=kind))
    bad = sum(about.get("outcome") == "malicious" for about in found.values())
    summary = plural(len(found), "model file") + (f", {bad} malicious" if bad else "")
    judged = judge_findings(situation, findings, block=policy.block, warn=policy.warn)
    return rule_on(
        situation, evidence, "Models hold no code", required=policy.required, findings=judged, summary=summary
    )
