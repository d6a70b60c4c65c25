"""Test results that must accompany every model: there, passed, fresh, by keys that count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from secpipe.core import shape
from secpipe.core.evidence import Evidence, State
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import mapping, not_asked
from secpipe.gate.policies.limits import broken
from secpipe.gate.policies.policy import Demand
from secpipe.gate.rules.signed import About, Statement, bundles, listing_of, models, objection, statements
from secpipe.gate.ruling import Ruling, Situation, rule_on

_NAMED = ("prompts", "datasets")  # words of `names` that mean a kind of thing, not a path
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
    short: list[str] = []
    wanted = to_name(situation, demand)
    for one in found:
        refused = one.reason if one.state is State.FAILED else ""
        if refused and one.path not in refused:  # five models' failures are five things, each with its name
            refused = f"{one.path}: {refused}"
        if one.state is State.OK and one.purpose != "test-result":
            refused = f'"{kind}" is no test result'
        beyond, lacks = (
            broken(demand.limits, shape.mapping(one.facts.get("metrics"))) if one.state is State.OK else ([], [])
        )
        if beyond and not refused:
            refused = f'the "{kind}" result about {one.path or "the release"}: {"; ".join(beyond)}'
        problem = objection(one.facts, situation.policy, situation.now) if one.state is State.OK else None
        bad += [one] if refused or problem else []
        if refused:
            yield Reason("gate/test-failed", Effect.DENY, refused, "attestations", owner, one.path)
        elif problem is not None:
            what = f'the "{kind}" result about {problem.message}'
            yield Reason(problem.rule, Effect.DENY, what, "attestations", owner, one.path)
        elif one.state is State.OK and (why := _says_too_little(one, lacks, wanted)):
            short.append(f"{one.path or 'the release'}: {why}")
        elif one.state is State.OK:
            good.append(one)
        if one.state is State.OK and one.facts.get("result") == "WARNED":
            what = f'the "{kind}" result about {one.path} was passed with warnings'
            yield Reason("gate/test-failed", Effect.WARN, what, "attestations", owner, one.path)
    missing = without(situation, [*good, *bad])
    if missing:
        why = next((one.reason for one in found if one.state not in (State.OK, State.FAILED)), "nobody attested one")
        why = short[0] if short else why
        about = f" about {missing[0]}" if missing[0] else ""
        more = f" (and {plural(len(missing) - 1, 'more model')})" if len(missing) > 1 else ""
        what = f'no "{kind}" result{about}{more}: {why}'
        yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", owner, missing[0])
    fresh = [one for one in good if is_fresh(one.since, demand.max_age_days, situation.now)]
    yield from _aged(situation, demand, good, set(without(situation, [*fresh, *bad])) - set(missing))
    yield from _unnamed(situation, demand, wanted, fresh)


def _aged(situation: Situation, demand: Demand, good: Sequence[Statement], about: set[str]) -> Iterator[Reason]:
    """Say which models have a result that counts, and none that is fresh."""
    old = sorted(about)
    if old:
        why = f"is older than {plural(demand.max_age_days, 'day')} or has no trusted time"
        if any(one.since and one.since - situation.now > _SKEW for one in good):
            why = "says that it was made in the future"
        what = f'the "{demand.type}" result{f" about {old[0]}" if old[0] else ""} {why}'
        yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", situation.policy.owner, old[0])


def to_name(situation: Situation, demand: Demand) -> set[str]:
    """Return the paths that results of a demand must name by digest: by kind, as the AI-BOM found them, or by glob."""
    found: set[str] = set()
    for item in demand.names:
        if item in _NAMED:
            found |= {str(path) for path in mapping(situation.of("sbom"), item)}
        else:
            found |= {path for path in situation.paths if fnmatchcase(path, item)}
    return found - bundles(situation)


def _says_too_little(one: Statement, lacks: Sequence[str], wanted: set[str]) -> str:
    """Return why a result that holds does not count: it may be about other prompts than those of today."""
    if lacks:
        return f"it gives no figure {lacks[0]}"
    if wanted and not wanted & set(listing_of(one.facts, "tested")):
        return "it names none of the files that it must name by digest, as they are now"
    return ""


def _unnamed(situation: Situation, demand: Demand, wanted: set[str], good: Sequence[Statement]) -> Iterator[Reason]:
    """Say what a demand wants named and no result that counts names; a demand that meets nothing is not met."""
    owner, kind = situation.policy.owner, demand.type
    for item in demand.names:
        source = situation.of("sbom")
        if item in _NAMED and source.state in (State.SKIPPED, State.STALE):
            what = f"which {item} a {kind} result must name is not known: {source.reason}"
            yield Reason("gate/not-checked", Effect.UNDECIDED, what, "attestations", owner)
        elif item not in _NAMED and not any(fnmatchcase(path, item) for path in situation.paths):
            what = f'the policy wants a "{kind}" result to name {printable(item, 200)}, and it is not there'
            yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", owner)
    left = sorted(wanted - {path for one in good for path in listing_of(one.facts, "tested")})
    if left and good:
        more = f" (and {plural(len(left) - 1, 'more file')})" if len(left) > 1 else ""
        what = f'no "{kind}" result names {printable(left[0], 200)}{more} as it is now'
        yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", owner, left[0])


RULES = {100: attestations}
