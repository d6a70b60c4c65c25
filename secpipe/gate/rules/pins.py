"""Policy and trust: pinned from outside the tree, in force, not below the minimum."""

from __future__ import annotations

from secpipe.core.evidence import State
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.rules.signatures import to_cover
from secpipe.gate.ruling import Ruling, Situation, rule_on


def trust(situation: Situation) -> Ruling:
    """Policy and trust root come pinned from outside the tree, are in force, and not below the pinned minimum."""
    policy, evidence = situation.policy, situation.of("trust")
    extra = []
    if situation.self_judged:
        fix = "secpipe check --policy FILE --policy-ref sha256:... --trust DIR --trust-pin sha256:..."
        extra.append(Reason("gate/self-judged", Effect.UNDECIDED, situation.self_judged, "trust", fix, policy.owner))
    if (clock := situation.evidence.get("clock")) is not None and clock.state is not State.OK:
        fix = str(clock.facts.get("fix") or "set the clock")
        extra.append(Reason("gate/clock", Effect.UNDECIDED, clock.reason, "trust", fix, policy.owner))
    if policy.expires and situation.now.date() > policy.expires:
        what = f'the policy "{policy.name}" expired on {policy.expires}'
        extra.append(Reason("gate/policy-expired", Effect.UNDECIDED, what, "trust", "renew the policy", policy.owner))
    for word, minimum in (("root", policy.minimum.root), ("ring", policy.minimum.ring)):
        version = evidence.facts.get(f"{word}_version")
        if minimum and (not isinstance(version, int) or version < minimum):
            what = f"the trust {word} is version {version or 'unknown'}; the policy wants {minimum} or newer"
            extra.append(
                Reason(
                    "gate/trust-below-minimum", Effect.UNDECIDED, what, "trust", "secpipe trust update", policy.owner
                )
            )
    required = policy.signatures.required and bool(to_cover(situation))  # otherwise nothing rests on it
    return rule_on(situation, evidence, "Judged by pinned rules", required=required, findings=(), extra=extra)
