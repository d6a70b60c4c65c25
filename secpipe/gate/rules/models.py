"""Model files: no code, accepted formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, JudgedFinding
from secpipe.gate.facts import mapping
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on

#: formats of the model scan that come with a model of any format
_DESCRIPTIONS = {"config", "chat-template", "modelfile", "text"}
#: Rules of what the scan could not read, or not to its end; the same is told as not read. A broken archive or header
#: and a name that promises another format are faults of the file itself: those deny.
_NOT_READ = ("models/unreadable", "models/resource-limit")


def models(situation: Situation) -> Ruling:
    """Model files hold no code, and are of an accepted format."""
    policy, evidence = situation.policy.models, situation.of("models")
    found = mapping(evidence, "files")
    findings = list(evidence.findings)
    for path, about in sorted(found.items()):
        kind = str(about.get("format", "unknown"))
        if policy.formats and kind not in policy.formats and not _describes(about):
            message = f"{path} is {kind}; the policy accepts {', '.join(policy.formats)}"
            findings.append(Finding("gate/format-not-allowed", message, Severity.HIGH, path=path, subject=kind))
    bad = sum(about.get("outcome") == "malicious" for about in found.values())
    summary = plural(len(found), "model file") + (f", {bad} malicious" if bad else "")
    judged = judge_findings(situation, findings, block=policy.block, warn=policy.warn)
    if policy.required:
        judged = tuple(map(_told, judged))
    return rule_on(
        situation, evidence, "Models hold no code", required=policy.required, findings=judged, summary=summary
    )


def _told(judged: JudgedFinding) -> JudgedFinding:
    """A file that nobody could look into is undecided, by what the account says of it: nothing bad was found in it."""
    known = judged.finding.rule not in _NOT_READ or judged.effect is Effect.WAIVED
    return judged if known else replace(judged, effect=Effect.INFO)


def _describes(about: Mapping[str, Any]) -> bool:
    """Whether a file only says how a model is to be used; what it says is judged, and it holds no weights."""
    return {*str(about.get("format", "")).split("+"), *map(str, about.get("holds") or ())} <= _DESCRIPTIONS


RULES = {40: models}
