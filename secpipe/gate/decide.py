"""The pure decision: policy and evidence in, judgement out. No clock, no disk, no network (design law 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from secpipe.core.artifact import Skip
from secpipe.core.evidence import State
from secpipe.core.finding import Finding
from secpipe.core.verdict import CheckResult, Decision, Effect, JudgedFinding, Judgement, Reason, Result
from secpipe.gate.accepted import settle
from secpipe.gate.doing.todo import told
from secpipe.gate.policies import waivers
from secpipe.gate.policies.phases import in_force
from secpipe.gate.policies.policy import Policy
from secpipe.gate.rules import RULES
from secpipe.gate.rules.conditions import conditions
from secpipe.gate.ruling import Ruling, Situation

#: How the reasons of a policy in the tree begin.
TREE_SAYS = "the project's own policy: "
_BITES = (Effect.DENY, Effect.UNDECIDED, Effect.WARN)
_ORDER = {Effect.DENY: 0, Effect.UNDECIDED: 1, Effect.WARN: 2, Effect.WAIVED: 3, Effect.INFO: 4}


def decide(situation: Situation, tree_policy: Judgement | None = None) -> Judgement:
    """Return the judgement of the policy over the evidence; total: whatever it is given, it never raises.

    A deny beats an undecided, an undecided beats a pass. `tree_policy` is the judgement of a policy found in the tree
    under test: it can only tighten.
    """
    policy = in_force(situation.policy, situation.now)
    evidence, accepted = settle(situation.evidence, policy, situation.environment, situation.now)
    situation = replace(situation, policy=policy, evidence=evidence)
    rulings = [_apply(rule, situation) for rule in RULES]
    if situation.policy.condition:
        rulings.append(_apply(partial(conditions, rulings=tuple(rulings)), situation))
    reasons = [reason for ruling in rulings for reason in ruling.reasons]
    if tree_policy is not None:
        reasons += _tightening(tree_policy, situation.policy.owner)
    reasons += _refused_waivers(situation, rulings)
    reasons = list({_same(reason): reason for reason in reversed(reasons)}.values())[::-1]
    findings = _worst_first(item for ruling in rulings for item in ruling.findings)
    known = {item.finding.id: item.finding for item in findings}
    reasons.sort(key=lambda each: _rank(each, known))
    would_be = _worst(reasons)
    lenient = situation.policy.mode == "warn" and would_be in (Decision.DENY, Decision.UNDECIDED)
    used = [item.waiver for item in findings if item.waiver]
    return Judgement(
        decision=Decision.WARN if lenient else would_be,
        would_be=would_be,
        reasons=tuple(told(reasons, known, situation)),
        checks=tuple(ruling.result for ruling in rulings),
        findings=findings,
        skipped=_skipped(situation),
        waivers=waivers.summary(situation.policy, used, situation.now),
        accepted=accepted,
    )


def tightened(situation: Situation, tree: Policy | None) -> Judgement:
    """Return the judgement by the situation's policy, tightened by the policy found in the tree, if there is one."""
    return decide(situation, decide(by_tree(situation, tree)) if tree else None)


def by_tree(situation: Situation, tree: Policy) -> Situation:
    """Return the situation as the policy found in the tree judges it: where it came from is not its question."""
    return replace(situation, policy=tree, self_judged="", call=situation.call.by_tree())


def _apply(rule: Callable[[Situation], Ruling], situation: Situation) -> Ruling:
    """Apply a rule; one that breaks on its evidence leaves its check undecided."""
    try:
        return rule(situation)
    except Exception as error:  # fail closed: evidence is made from hostile input
        what = f"the rule could not read its evidence ({type(error).__name__})"
        name = getattr(rule, "__name__", conditions.__name__)
        row = CheckResult(name, name, True, State.SKIPPED, Result.UNDECIDED, reason=what)
        return Ruling(row, (Reason("gate/not-checked", Effect.UNDECIDED, what, name),))


def _worst_first(findings: Iterable[JudgedFinding]) -> tuple[JudgedFinding, ...]:
    """Return the findings by effect, those of one effect by severity; compares effects by identity, which is cheap."""
    ordered = sorted(findings, key=lambda item: item.finding.severity, reverse=True)
    return tuple(item for effect in _ORDER for item in ordered if item.effect is effect)


def _same(reason: Reason) -> tuple[Effect, str, str, str]:
    """Return what is told once, whoever says it; that a check failed is told of each."""
    return reason.effect, reason.what, reason.path, reason.check if reason.rule == "gate/check-failed" else ""


def _rank(reason: Reason, known: Mapping[str, Finding]) -> tuple[int, bool, int]:
    """Worst effect first; what is wrong with the trust root before what comes of it; its first finding is its worst."""
    worst = known.get(reason.findings[0]) if reason.findings else None
    return _ORDER[reason.effect], reason.check != "trust", -worst.severity if worst else 0


def _skipped(situation: Situation) -> tuple[tuple[str, Skip], ...]:
    """Return what was not looked at, with the first check that says so."""
    told: dict[Skip, str] = {}
    for name, evidence in situation.evidence.items():
        for skip in evidence.skips:
            told.setdefault(skip, name)
    return tuple((name, skip) for skip, name in told.items())


def _worst(reasons: Iterable[Reason]) -> Decision:
    effects = {reason.effect for reason in reasons}
    for effect, decision in ((Effect.DENY, Decision.DENY), (Effect.UNDECIDED, Decision.UNDECIDED)):
        if effect in effects:
            return decision
    return Decision.WARN if Effect.WARN in effects else Decision.PASS


def _tightening(tree: Judgement, owner: str) -> list[Reason]:
    """Return the tree policy's own reasons against a pass, marked as such."""
    if tree.decision not in (Decision.DENY, Decision.UNDECIDED):
        return []
    effect = Effect(tree.decision.value)
    theirs = [reason for reason in tree.reasons if reason.effect is effect and reason.rule != "gate/self-judged"]
    return [
        Reason("gate/tree-policy-denies", effect, f"{TREE_SAYS}{reason.what}", reason.check,
               reason.owner or owner, reason.path, reason.findings, reason.advice, reason.do)
        for reason in theirs
    ]  # fmt: skip


def _refused_waivers(situation: Situation, rulings: Iterable[Ruling]) -> list[Reason]:
    """Say of each waiver that does not count, and whose finding therefore stands, why it does not."""
    reasons = []
    told: set[tuple[str, str]] = set()
    index = waivers.Index(situation.policy, situation.environment, situation.now)
    bites = [item for ruling in rulings for item in ruling.findings if item.effect in _BITES]
    wary = {rule for rule in {item.finding.rule for item in bites} if index.may_refuse(rule)}
    for item in bites if wary else ():
        if item.finding.rule not in wary:
            continue
        _, waiver, why = index.find(item.finding)
        if waiver is None or (waiver.id, why) in told:
            continue
        told.add((waiver.id, why))
        rule = "gate/waiver-expired" if waivers.is_expired(waiver, situation.now) else "gate/waiver-refused"
        what = f"waiver {waiver.id} ({waiver.owner}) {why}: {item.finding.message}"
        reasons.append(Reason(rule, item.effect, what, "waivers", waiver.owner))
    return reasons
