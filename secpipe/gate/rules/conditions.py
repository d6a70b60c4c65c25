"""The policy's own conditions: a CEL expression over one item at a time. What is not exactly false is never a no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secpipe.core.errors import MissingDependency
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Finding, Severity
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Effect, JudgedFinding, Reason
from secpipe.gate.conditions.expression import Expression, NotAllowed
from secpipe.gate.conditions.fields import SOURCES
from secpipe.gate.conditions.items import Item, bind, items
from secpipe.gate.conditions.prepare import prepare
from secpipe.gate.policies import waivers
from secpipe.gate.policies.policy import Condition
from secpipe.gate.ruling import Ruling, Situation, rule_on

CHECK, HOLDS, UNKNOWN = "conditions", "gate/condition", "gate/condition-unknown"


def conditions(situation: Situation, rulings: Sequence[Ruling], limits: Limits = DEFAULT) -> Ruling:
    """Nothing in the release meets a condition of the policy; `rulings` are those of the other rules."""
    wanted = situation.policy.condition
    own = Evidence(CHECK, State.OK)
    judged: list[JudgedFinding] = []
    extra: list[Reason] = []
    found = tuple(item for ruling in rulings for item in ruling.findings)
    work = _Work(limits.condition_work)
    try:
        for condition in wanted[: limits.conditions]:
            reasons, findings = _apply(situation, condition, found, work, limits)
            extra += reasons
            judged += findings
    except MissingDependency as error:
        own = skipped(CHECK, f"{plural(len(wanted), 'condition')} of the policy cannot be evaluated: {error.message}")
        judged, extra = [], []
    if len(wanted) > limits.conditions:
        extra.append(_unknown(situation, wanted[-1], f"a policy has at most {limits.conditions} conditions"))
    return rule_on(
        situation, own, "Conditions hold", required=True, findings=judged, extra=extra,
        summary=plural(len(wanted), "condition"),
    )  # fmt: skip


class _Work:
    """How much may still be done. A condition on an item costs its length times what it looks at (in 256 characters),
    times the entries of the lists it walks.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, expression: Expression, values: dict[str, Any]) -> bool:
        """Take what one evaluation costs; False where it is not left."""
        chars, entries = 0, 0
        for value in values.values():
            if isinstance(value, str):
                chars += len(value)
            elif isinstance(value, list):
                entries += len(value)
                chars += sum(map(len, value))
        self.left -= len(expression.text) * (1 + chars // 256) * (1 + (entries if expression.loops else entries // 256))
        return self.left >= 0


def _apply(
    situation: Situation, condition: Condition, judged: Sequence[JudgedFinding], work: _Work, limits: Limits
) -> tuple[list[Reason], list[JudgedFinding]]:
    """Return what one condition says: of what could not be looked at, and of each item."""
    try:
        prepared = prepare(condition, limits)
    except (NotAllowed, KeyError) as error:
        return [_unknown(situation, condition, f"its expression is not allowed: {error}")], []
    reasons = _not_seen(situation, condition)
    findings: list[JudgedFinding] = []
    index = waivers.Index(situation.policy, situation.environment, situation.now)
    everything = sorted(items(situation, condition.on, judged), key=lambda item: (item.key, item.label))
    for number, item in enumerate(everything):
        values, unknown = bind(item, condition.on, prepared.expression.fields, prepared.expression.asked, limits)
        if not work.spend(prepared.expression, values) or len(findings) >= limits.findings:
            left = plural(len(everything) - number, "item")
            reasons.append(_unknown(situation, condition, f"{left} were not looked at: there is too much to look at"))
            break
        held, why = prepared.program.evaluate(values)
        if held is not False:
            why = f"{', '.join(sorted(unknown))} is not known" if unknown else why
            one = _judge(index, condition, item, held, why)
            findings += [one] if one.finding.id not in situation.ended else []
    return reasons, findings


def _not_seen(situation: Situation, condition: Condition) -> list[Reason]:
    """Say where the check that the items come from did not look; findings come from checks that answer for that."""
    check = SOURCES.get(condition.on)
    if check is None:
        return []
    source = situation.of(check)
    if source.state in (State.SKIPPED, State.STALE):
        return [_unknown(situation, condition, source.reason)]
    soft = check == "audit" and not situation.policy.vulnerabilities.complete
    skips = [skip for skip in source.skips if not (skip.soft and soft)]
    if not skips:
        return []
    more = f" and {len(skips) - 1:,} more" if len(skips) > 1 else ""
    return [_unknown(situation, condition, f"{skips[0].path or 'the tree'} ({skips[0].reason}){more}")]


def _unknown(situation: Situation, condition: Condition, why: str) -> Reason:
    effect = Effect.WARN if condition.effect == "warn" else Effect.UNDECIDED
    what = f'condition "{printable(condition.id, 64)}" could not be decided: {why}'
    return Reason(UNKNOWN, effect, what, CHECK, situation.policy.owner, advice=condition.fix)


def _judge(index: waivers.Index, condition: Condition, item: Item, held: bool | None, why: str) -> JudgedFinding:
    """Return the finding for an item on which the condition is true, or anything but true and false."""
    blocks = condition.effect != "warn"
    says = condition.message or f'condition "{condition.id}" holds'
    if held is None:
        says = f'condition "{condition.id}" could not be decided'
    finding = Finding(
        rule=HOLDS if held else UNKNOWN,
        message=f"{says}: {item.label}" + (f" ({why})" if held is None else ""),
        severity=Severity.HIGH if blocks else Severity.MEDIUM,
        path=item.path,
        line=item.line,
        subject=f"{condition.id} {item.subject}",
        fix=condition.fix,
        details={
            "condition": condition.id,
            "on": condition.on,
            "item": item.key,
            "label": item.label,
            "says": says if held else f"{says} ({why})",
        },
    )
    effect = Effect.WARN if not blocks else Effect.DENY if held else Effect.UNDECIDED
    holds, _, _ = index.find(finding)
    return JudgedFinding(finding, Effect.WAIVED if holds else effect, holds.id if holds else "")
