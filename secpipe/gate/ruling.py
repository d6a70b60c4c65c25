"""What one check's rule returns, and the steps all rules share: states, incompleteness, thresholds, waivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Finding, Severity, sort_key
from secpipe.core.inventory import Component
from secpipe.core.text import plural
from secpipe.core.verdict import CheckResult, Effect, JudgedFinding, Reason, Result
from secpipe.gate import grouping
from secpipe.gate.accepted import kind_of
from secpipe.gate.accounts import none_judged
from secpipe.gate.doing.call import Call
from secpipe.gate.policies import waivers
from secpipe.gate.policies.policy import INCOMPLETE, Policy


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything `decide` may look at: nothing else exists for a rule."""

    policy: Policy
    environment: str
    now: datetime
    evidence: Mapping[str, Evidence]
    paths: tuple[str, ...] = ()  # every file of the tree
    self_judged: str = ""  # why the policy or the trust root is not pinned; "" when both are
    components: tuple[Component, ...] = ()  # of the release, as the AI-BOM lists them
    call: Call = field(default_factory=Call)  # how it was asked: for what is told to run, never for the decision
    ended: frozenset[str] = frozenset()  # findings supposed to be gone: only `explaining` supposes so

    def of(self, check: str) -> Evidence:
        """Return the evidence for `check`; without any, evidence that nothing is known."""
        return self.evidence.get(check) or skipped(check, "there is no evidence of it")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule says about its check."""

    result: CheckResult
    reasons: tuple[Reason, ...] = ()
    findings: tuple[JudgedFinding, ...] = ()


_KINDS = 8
_WORST = (Effect.DENY, Effect.UNDECIDED, Effect.WARN)


def rule_on(
    situation: Situation,
    evidence: Evidence,
    title: str,
    *,
    required: bool,
    findings: Iterable[JudgedFinding],
    extra: Iterable[Reason] = (),
    summary: str = "",
    complete: bool = True,
    fails_by_findings: bool = False,
) -> Ruling:
    """Return the ruling on `evidence`: its state, what it did not look at, its judged findings and `extra` reasons.

    A required check that is skipped, stale or incomplete is undecided; a failed one denies. `complete=False` lets soft
    skips pass with a warning. `fails_by_findings`: the check fails because of its findings and nothing else, so that
    waivers for all of them are waivers for the failure.
    """
    judged = tuple(sorted(findings, key=lambda item: sort_key(item.finding)))
    effects = {item.effect for item in judged}
    waived = fails_by_findings and bool(evidence.findings) and effects == {Effect.WAIVED}
    gone = bool(situation.ended) and any(finding.id in situation.ended for finding in evidence.findings)
    explained = Effect.DENY in effects or waived or gone  # the findings say why it failed
    reasons = [*_state_reasons(situation, evidence, required, explained), *extra]
    reasons += _skip_reasons(situation, evidence, required, complete)
    reasons += grouping.reasons(evidence.check, judged, situation.policy.owner)
    worst = next((effect for effect in _WORST if any(reason.effect is effect for reason in reasons)), None)
    result = Result(worst.value) if worst else Result.PASS
    if worst is None and evidence.state is State.SKIPPED:
        result = Result.OFF
    row = CheckResult(
        check=evidence.check,
        title=title,
        required=required,
        state=evidence.state,
        result=result,
        summary="" if evidence.state is State.SKIPPED else summary,
        reason=evidence.reason or next((reason.what for reason in reasons if reason.effect is worst), ""),
        producer=evidence.producer,
        findings=sum(item.effect is not Effect.WAIVED for item in judged),
        skipped=len(evidence.skips),
        facts=evidence.facts,
        account=evidence.account,
    )
    return Ruling(row, tuple(reasons), judged)


def _state_reasons(situation: Situation, evidence: Evidence, required: bool, explained: bool) -> Iterable[Reason]:
    owner, check = situation.policy.owner, evidence.check
    if evidence.state is State.FAILED:
        if not explained:
            yield Reason("gate/check-failed", Effect.DENY, evidence.reason, check, owner)
    elif evidence.state is State.STALE:
        effect = Effect.UNDECIDED if required else Effect.WARN
        yield Reason("gate/stale-advisories", effect, evidence.reason, check, owner)
    elif evidence.state is State.SKIPPED and required:
        yield Reason("gate/not-checked", Effect.UNDECIDED, evidence.reason, check, owner)


def _skip_reasons(situation: Situation, evidence: Evidence, required: bool, complete: bool) -> Iterable[Reason]:
    """Say what was not looked at: one reason for each kind that counts, one for what the policy lets pass.

    Where not one thing of a kind was judged, nothing of it may pass.
    """
    complete = complete or bool(none_judged(evidence.account))
    for soft in (False, True):
        skips = [skip for skip in evidence.skips if (skip.soft and not complete) is soft]
        effect = Effect.UNDECIDED if required and not soft else Effect.WARN
        for few in _by_kind(skips) if effect is Effect.UNDECIDED else filter(None, [skips]):
            more = f" and {plural(len(few) - 1, 'more', 'more')}" if len(few) > 1 else ""
            what = f"{'not judged' if soft else 'not looked at'}: {few[0].path or 'the tree'} ({few[0].reason}){more}"
            yield Reason(
                INCOMPLETE, effect, what, evidence.check, situation.policy.owner, path=few[0].path, unread=tuple(few)
            )


def _by_kind(skips: Iterable[Skip]) -> Iterable[list[Skip]]:
    """Put together what one decision settles; of very many kinds the rest is one."""
    kinds: dict[str, list[Skip]] = {}
    for skip in skips:
        kind = kind_of(skip)
        kinds.setdefault(kind if kind in kinds or len(kinds) < _KINDS else "", []).append(skip)
    return kinds.values()


def judge_findings(
    situation: Situation, findings: Iterable[Finding], *, block: str, warn: str
) -> tuple[JudgedFinding, ...]:
    """Return findings with their effect: `block` and worse denies, `warn` and worse warns; waivers apply."""
    judged = []
    effects = [_effect(severity, block, warn) for severity in Severity]  # by number: least severe first
    index = waivers.Index(situation.policy, situation.environment, situation.now)
    for finding in findings:
        if situation.ended and finding.id in situation.ended:
            continue
        effect = effects[finding.severity]
        holds, _, _ = index.find(finding)
        judged.append(JudgedFinding(finding, Effect.WAIVED if holds else effect, holds.id if holds else ""))
    return tuple(judged)


def _effect(severity: Severity, block: str, warn: str) -> Effect:
    if block != "never" and severity >= Severity.parse(block):
        return Effect.DENY
    if warn != "never" and severity >= Severity.parse(warn):
        return Effect.WARN
    return Effect.INFO
