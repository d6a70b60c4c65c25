"""Repairs of checks that were not carried out, of what the release is judged by, and of the stages before this one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from secpipe.core.evidence import State
from secpipe.gate.explaining.repair import Case, Change, change, named
from secpipe.gate.explaining.worlds import carried_out, fresh_advisories, passed_before, with_evidence, with_facts
from secpipe.gate.facts import listing
from secpipe.gate.ruling import Situation

#: check -> what must come about; the reason why it is not so follows in brackets.
CARRY_OUT: dict[str, str] = {
    "trust": "judge by a trust root that holds",
    "files": "bring a release whose files can be read",
    "signatures": "let the signatures be verified, and they hold",
    "models": "let the model files be scanned, and nothing is found in them",
    "shadow-ai": "let the code be searched for AI services, and none is found",
    "audit": "let the dependencies be looked up, and nothing is known against them",
    "sbom": "let the AI-BOM be made, and it is valid",
    "promotion": "name the store that holds the verdicts of the earlier stages",
}
#: check of the report -> the evidence that it rests on, where that has another name or there is more of it.
RESTS_ON: dict[str, tuple[str, ...]] = {
    "signatures": ("signatures", "models", "sbom"),
    "licenses": ("sbom",),
    "provenance": ("models",),
    "attestations": ("models",),
}
_UNKNOWN = (State.SKIPPED, State.STALE)


def pin(case: Case) -> Iterator[Change]:
    """Rules that come from elsewhere than the project that they judge."""
    what = "pin the policy and the trust root"
    yield change(case, ("pin",), what, lambda now: replace(now, self_judged=""))


def carry_out(case: Case) -> Iterator[Change]:
    """The check itself, or those that say what it must look at."""
    for name in RESTS_ON.get(case.reason.check, (case.reason.check,)):
        if name in CARRY_OUT and case.situation.of(name).state in _UNKNOWN:
            yield _done(case, name)


def mend(case: Case) -> Iterator[Change]:
    """What was checked and does not hold."""
    for name in RESTS_ON.get(case.reason.check, (case.reason.check,))[:1]:
        if name in CARRY_OUT:
            yield _done(case, name)


def _done(case: Case, name: str) -> Change:
    what = CARRY_OUT[name]
    why = case.situation.of(name).reason if name in case.situation.evidence else ""
    told = f"{what} ({why})" if why else what
    if case.situation.of(name).state is State.FAILED:
        told = f"mend what does not hold: {why}"
    return change(case, ("check", name), told, lambda now: carried_out(now, name))


def look_at_all(case: Case) -> Iterator[Change]:
    """Whatever of the release could not be looked at."""
    check = case.reason.check
    skips = case.situation.of(check).skips
    places = named((skip.path for skip in skips), "the tree")
    what = f"bring or repair what {check} could not look at, and it finds nothing there: {places}"
    yield change(case, ("complete", check), what, lambda now: with_evidence(now, replace(now.of(check), skips=())))


def refresh(case: Case) -> Iterator[Change]:
    """Knowledge that is too old, or of the future."""
    if case.reason.check != "audit":
        yield from mend(case)
        return
    what = "update the advisory data, and it knows of nothing new"
    yield change(case, ("advisories",), what, fresh_advisories)


def clock(case: Case) -> Iterator[Change]:
    """A clock that is behind what the machine, or the advisory data, has seen."""
    if case.reason.check == "audit":
        what = "set the clock right, or bring advisory data that is not of the future"
        yield change(case, ("advisories",), what, fresh_advisories)
        return
    what = f"set the clock right ({case.reason.what})"
    yield change(case, ("clock",), what, lambda now: carried_out(now, "clock"))


def update_trust(case: Case) -> Iterator[Change]:
    """A trust root and a ring that are not older than the pinned minimum."""
    least = case.policy.minimum

    def apply(now: Situation) -> Situation:
        facts = now.of("trust").facts
        versions = {"root_version": least.root, "ring_version": least.ring}
        return with_facts(
            now, "trust", **{name: max(wanted, _number(facts.get(name))) for name, wanted in versions.items()}
        )

    asked = [f"{word} {wanted}" for word, wanted in (("root", least.root), ("ring", least.ring)) if wanted]
    what = f"bring {' and '.join(asked)} of the trust root, or newer"
    yield change(case, ("trust", str(least.root), str(least.ring)), what, apply)


def _number(value: Any) -> int:
    return value if type(value) is int else 0


def other_root(case: Case) -> Iterator[Change]:
    """A trust root whose keys are of accepted algorithms."""
    wanted = case.policy.keys.root_algorithms

    def apply(now: Situation) -> Situation:
        kept = [one for one in map(str, listing(now.of("trust"), "root_algorithms")) if one in wanted]
        return with_facts(now, "trust", root_algorithms=kept or list(wanted))

    what = f"judge by a trust root whose keys are of {', '.join(wanted)} only"
    yield change(case, ("root keys", *sorted(wanted)), what, apply)


def promote(case: Case) -> Iterator[Change]:
    """A pass of the same digests, signed, in each environment that comes first and has none."""
    from secpipe.gate.rules.promotion import missing

    for name in case.policy.promotion.after:
        if missing(replace(case.situation, policy=case.policy), name) is None:
            continue
        what = f"let this very release pass in {name}, and keep its signed verdict"
        yield change(case, ("promote", name), what, lambda now, name=name: passed_before(now, name))  # type: ignore[misc]
