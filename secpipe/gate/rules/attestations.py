"""Test results that must accompany every model: there, passed, fresh, by keys that count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from secpipe.core.evidence import Evidence, State
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import not_asked
from secpipe.gate.policies.policy import Demand
from secpipe.gate.rules.signed import About, Statement, models, objection, statements
from secpipe.gate.ruling import Ruling, Situation, rule_on

_SKEW = timedelta(minutes=5)  # a result made later than now is not fresh: it is of another story


def attestations(situation: Situation) -> Ruling:
    """Every test result the policy demands exists for each model, passed, and is fresh."""
    demands = situation.policy.attestations.require
    found = statements(situation)
    extra = [*models_unknown(situation, "attestations")] if demands else []
    for demand in demands:
        extra += _results(situation, demand, [one for one in found if one.kind == demand.type])
    wanted = {f"attestation:{demand.type}" for demand in demands}
    wanted |= {"attestation:provenance"} if situation.policy.provenance.required else set()
    for name, other in situation.evidence.items():
        if name.startswith("attestation:") and name not in wanted and other.state is not State.OK:
            what = f"{name.partition(':')[2] or 'attestations'}: {other.reason}"
            extra.append(Reason("gate/check-failed", Effect.WARN, what, "attestations", owner=situation.policy.owner))
    own = Evidence("attestations", State.OK) if demands else not_asked("attestations")
    return rule_on(
        situation, own, "Tests were passed", required=bool(demands), findings=(), extra=extra,
        summary=plural(len(demands), "result") if demands else "",
    )  # fmt: skip


def models_unknown(situation: Situation, check: str) -> Iterator[Reason]:
    """Say that what a demand on every model is about is not known, where the model scan did not look."""
    source = situation.of("models")
    if source.state in (State.SKIPPED, State.STALE):
        what = f"which models need it is not known: {source.reason}"
        yield Reason("gate/not-checked", Effect.UNDECIDED, what, check, owner=situation.policy.owner)


def without(situation: Situation, good: Sequence[Statement]) -> list[str]:
    """Return the models that none of `good` is about; a release without models needs one about anything in it."""
    paths = sorted(models(situation))
    if not paths:
        return [] if good else [""]
    known = About(good)
    return [path for path in paths if not known.of(path)]


def is_fresh(since: datetime | None, days: int, now: datetime) -> bool:
    """Whether a result made at `since` may be used at `now`; 0 days: one of any age, or of none, but none to come."""
    if since is None:
        return not days
    return since - now <= _SKEW and (not days or now - since <= timedelta(days=days))


def _results(situation: Situation, demand: Demand, found: Sequence[Statement]) -> Iterator[Reason]:
    owner, kind = situation.policy.owner, demand.type
    good: list[Statement] = []
    bad: list[Statement] = []
    for one in found:
        refused = one.reason if one.state is State.FAILED else ""
        if refused and one.path not in refused:  # five models' failures are five things, each with its name
            refused = f"{one.path}: {refused}"
        if one.state is State.OK and one.purpose != "test-result":
            refused = f'"{kind}" is no test result'
        problem = objection(one.facts, situation.policy, situation.now) if one.state is State.OK else None
        bad += [one] if refused or problem else []
        if refused:
            yield Reason("gate/test-failed", Effect.DENY, refused, "attestations", owner, one.path)
        elif problem is not None:
            what = f'the "{kind}" result about {problem.message}'
            yield Reason(problem.rule, Effect.DENY, what, "attestations", owner, one.path)
        elif one.state is State.OK:
            good.append(one)
        if one.state is State.OK and one.facts.get("result") == "WARNED":
            what = f'the "{kind}" result about {one.path} was passed with warnings'
            yield Reason("gate/test-failed", Effect.WARN, what, "attestations", owner, one.path)
    missing = without(situation, [*good, *bad])
    if missing:
        why = next((one.reason for one in found if one.state not in (State.OK, State.FAILED)), "nobody attested one")
        about = f" about {missing[0]}" if missing[0] else ""
        more = f" (and {plural(len(missing) - 1, 'more model')})" if len(missing) > 1 else ""
        what = f'no "{kind}" result{about}{more}: {why}'
        yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", owner, missing[0])
    fresh = [one for one in good if is_fresh(one.since, demand.max_age_days, situation.now)]
    old = sorted(set(without(situation, [*fresh, *bad])) - set(missing))
    if old:
        why = f"is older than {plural(demand.max_age_days, 'day')} or has no trusted time"
        if any(one.since and one.since - situation.now > _SKEW for one in good):
            why = "says that it was made in the future"
        what = f'the "{kind}" result{f" about {old[0]}" if old[0] else ""} {why}'
        yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", owner, old[0])


RULES = {100: attestations}
