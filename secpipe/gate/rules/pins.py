"""Policy and trust: pinned from outside the tree, in force, not below the minimum."""

from __future__ import annotations

from collections.abc import Mapping

from secpipe.core import times
from secpipe.core.evidence import Evidence, State
from secpipe.core.trust import Freshness
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import listing
from secpipe.gate.rules.signatures import to_cover
from secpipe.gate.ruling import Ruling, Situation, rule_on


def trust(situation: Situation) -> Ruling:
    """Policy and trust root come pinned from outside the tree, are in force, and not below the pinned minimum."""
    policy, evidence = situation.policy, situation.of("trust")
    extra = []
    if situation.self_judged:
        extra.append(Reason("gate/self-judged", Effect.UNDECIDED, situation.self_judged, "trust", policy.owner))
    if (clock := situation.evidence.get("clock")) is not None and clock.state is not State.OK:
        mend = str(clock.facts.get("fix") or "set the clock")
        extra.append(Reason("gate/clock", Effect.UNDECIDED, clock.reason, "trust", policy.owner, advice=mend))
    if policy.expires and situation.now.date() > policy.expires:
        what = f'the policy "{policy.name}" expired on {policy.expires}'
        extra.append(Reason("gate/policy-expired", Effect.UNDECIDED, what, "trust", policy.owner))
    for word, minimum in (("root", policy.minimum.root), ("ring", policy.minimum.ring)):
        version = evidence.facts.get(f"{word}_version")
        if minimum and (not isinstance(version, int) or version < minimum):
            what = f"the trust {word} is version {version or 'unknown'}; the policy wants {minimum} or newer"
            extra.append(Reason("gate/trust-below-minimum", Effect.UNDECIDED, what, "trust", policy.owner))
    if days := policy.keys.max_ring_age_days:
        what = stated(evidence).stale(situation.now, days)
        if what:
            what = f"nothing shows that the key ring is the newest: {what}"
            extra.append(Reason("gate/trust-below-minimum", Effect.UNDECIDED, what, "trust", policy.owner))
    extra += _root_keys(situation, evidence)
    required = policy.signatures.required and bool(to_cover(situation))  # otherwise nothing rests on it
    return rule_on(situation, evidence, "Judged by pinned rules", required=required, findings=(), extra=extra)


def stated(evidence: Evidence) -> Freshness:
    """Return what was read of the statement that the ring is the newest."""
    facts = evidence.facts.get("ring_stated")
    if not isinstance(facts, Mapping):
        return Freshness()
    issued, expires = (times.maybe_instant(facts.get(name)) for name in ("issued", "expires"))
    return Freshness(issued, expires, str(facts.get("problem") or ""))


def _root_keys(situation: Situation, evidence: Evidence) -> list[Reason]:
    """Return why the keys that vouch for the ring are not those the policy accepts."""
    wanted, owner = situation.policy.keys.root_algorithms, situation.policy.owner
    if not wanted or evidence.state is State.FAILED:
        return []
    found = sorted(map(str, listing(evidence, "root_algorithms")))
    if not found:
        what = "which algorithms the trust root signs with is not known"
        return [Reason("gate/root-algorithm", Effect.UNDECIDED, what, "trust", owner)]
    refused = [name for name in found if name not in wanted]
    if not refused:
        return []
    what = f"the trust root rests on {', '.join(refused)}; the policy accepts {', '.join(wanted)}"
    return [Reason("gate/root-algorithm", Effect.DENY, what, "trust", owner)]


RULES = {10: trust}
