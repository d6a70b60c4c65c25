"""Where models come from: signed provenance for each of them, held against the policy's lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core import shape
from secpipe.core.evidence import Evidence, State
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import not_asked
from secpipe.gate.policies.policy import Provenance
from secpipe.gate.rules.attestations import models_unknown, without
from secpipe.gate.rules.signed import Statement, listing_of, objection, statements
from secpipe.gate.ruling import Ruling, Situation, rule_on
from secpipe.gate.uris import accepts

_CHECK = "provenance"
#: role of a material -> (key of `[provenance]`, its name in a sentence, the rule that it breaks)
ROLES = {
    "source": ("sources", "source", "gate/source-not-allowed"),
    "base-model": ("base_models", "base model", "gate/base-model-not-allowed"),
    "dataset": ("datasets", "training data", "gate/dataset-not-allowed"),
}


def provenance(situation: Situation) -> Ruling:
    """Every model comes with signed provenance: by an accepted builder, from accepted sources, models and data."""
    policy = situation.policy.provenance
    asked = policy.required or policy.named_builders
    if not asked:
        return rule_on(situation, not_asked(_CHECK), "Origin is known", required=False, findings=())
    extra = [*models_unknown(situation, _CHECK)]
    if policy.named_builders and not policy.builders:
        what = "the policy asks for named builders and names none"
        extra.append(Reason("gate/builders-not-named", Effect.UNDECIDED, what, _CHECK, situation.policy.owner))
    found = [one for one in statements(situation) if "provenance" in (one.purpose, one.kind)]
    good = []
    for one in found:
        reasons = list(_judged(situation, one))
        extra += reasons
        good += [one] if one.state is State.OK and one.purpose == "provenance" else []
    missing = without(situation, good)
    if missing and not any(reason.effect is Effect.DENY for reason in extra):
        about = f"of {missing[0]} " if missing[0] else ""
        more = f" (nor of {plural(len(missing) - 1, 'more model')})" if len(missing) > 1 else ""
        why = next((one.reason for one in found if one.state not in (State.OK, State.FAILED)), "nobody attested it")
        what = f"the origin {about}is not known{more}: {why}"
        extra.append(
            Reason("gate/missing-evidence", Effect.UNDECIDED, what, _CHECK, situation.policy.owner, missing[0])
        )
    own = Evidence(_CHECK, State.OK, facts={"attested": len(good)})
    summary = plural(len(good), "provenance", "provenances")
    return rule_on(situation, own, "Origin is known", required=True, findings=(), extra=extra, summary=summary)


def _judged(situation: Situation, one: Statement) -> Iterator[Reason]:
    """Say what stands against one provenance; each is judged, also one about a file that is no model."""
    owner, about = situation.policy.owner, one.path or "the release"
    if one.state is State.FAILED:
        yield Reason("gate/check-failed", Effect.DENY, one.reason, _CHECK, owner, one.path)
    if one.state is not State.OK:
        return
    if one.purpose != "provenance":
        what = "what is called provenance is a statement of another type"
        yield Reason("gate/check-failed", Effect.DENY, what, _CHECK, owner, one.path)
        return
    if (problem := objection(one.facts, situation.policy, situation.now)) is not None:
        what = f"the provenance of {problem.message}"
        yield Reason(problem.rule, Effect.DENY, what, _CHECK, owner, one.path)
    policy, builder = situation.policy.provenance, str(one.facts.get("builder", ""))
    if policy.builders and not accepts(policy.builders, builder):
        what = f'{about} was built by "{builder or "nobody named"}", which the policy does not accept'
        yield Reason("gate/builder-not-allowed", Effect.DENY, what, _CHECK, owner, one.path)
    yield from _materials(situation, one, about)
    lacking = [name for name in policy.inputs if name not in listing_of(one.facts, "inputs")]
    if lacking:
        what = f"the provenance of {about} does not name {', '.join(lacking)}"
        yield Reason("gate/input-missing", Effect.UNDECIDED, what, _CHECK, owner, one.path)


def refused(policy: Provenance, facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each material that no list of the policy accepts, with the rule that it breaks."""
    lists = _lists(policy)
    for material in shape.tables(facts.get("materials")):
        uri, roles = str(material.get("uri", "")), listing_of(material, "roles")
        if "package" in roles:
            continue  # a library: the AI-BOM and the audit judge it
        # What nobody gave a role may be anything: some list must know it.
        held = [role for role in roles if role in lists] or (list(lists) if "other" in roles else [])
        if held and not any(accepts(lists[name], uri) for name in held):
            yield ROLES[roles[0] if roles[0] in lists else held[0]][2], material


def _lists(policy: Provenance) -> dict[str, tuple[str, ...]]:
    return {role: getattr(policy, key) for role, (key, _, _) in ROLES.items() if getattr(policy, key)}


def _materials(situation: Situation, one: Statement, about: str) -> Iterator[Reason]:
    policy, owner = situation.policy.provenance, situation.policy.owner
    words = {rule: word for _, word, rule in ROLES.values()}
    told = set()
    for rule, material in refused(policy, one.facts):
        if rule not in told:
            told.add(rule)
            uri = str(material.get("uri", "")) or "nameless"
            what = f'{about} was made with the {words[rule]} "{uri}", which the policy does not accept'
            yield Reason(rule, Effect.DENY, what, _CHECK, owner, one.path)
    lists = _lists(policy)
    for role in lists:
        if role not in listing_of(one.facts, "declared"):
            key, word, _ = ROLES[role]
            what = f"the provenance of {about} names no {word}, and does not say that there is none ({key} = [])"
            yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, _CHECK, owner, one.path)


RULES = {90: provenance}
