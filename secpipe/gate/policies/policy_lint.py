"""What in a policy surely is a mistake though every key and type is right. Pure: `now` and known names are given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from secpipe.core.text import did_you_mean, printable
from secpipe.gate.policies import waivers
from secpipe.gate.policies.overlay import walk
from secpipe.gate.policies.policy import INCOMPLETE, Policy
from secpipe.gate.policies.policy_diff import changes
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.policies.policy_places import Path

_SOON = timedelta(days=30)
_PRODUCTION = ("prod", "live", "release")


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark: `warning` for what surely is a mistake, `note` for what somebody should know; `path` is its key."""

    level: str
    path: Path
    text: str


def lint(loaded: Loaded, now: datetime, rules: Collection[str]) -> list[Remark]:
    """Return what is wrong with a policy at `now`; `rules` are the ids of all that there are.

    Raises ConfigError for an environment that loosens what it may not.
    """
    base = loaded.resolve("")
    policies = {name: loaded.resolve(name) for name in loaded.environments}
    found = [*_expiry(base, now), *_names(base), *_licenses(base), *_overridable(loaded)]
    found += _waivers((), base, loaded, now, rules)
    found += _acceptances(base, now)
    for name, policy in policies.items():
        found += _environment(name, policy, base)
        if policy.waiver != base.waiver:
            found += _waivers(("env", name), policy, loaded, now, rules)
    found += _promotion(base, policies)
    return list(dict.fromkeys(found))


def _expiry(policy: Policy, now: datetime) -> Iterator[Remark]:
    if policy.expires and policy.expires < now.date():
        yield Remark("warning", ("expires",), f"the policy expired on {policy.expires}: nothing passes any more")
    elif policy.expires and policy.expires <= (now + _SOON).date():
        yield Remark("warning", ("expires",), f"the policy expires on {policy.expires}: have its owner review it")
    for index, entry in enumerate(policy.shadow_ai.allow):
        if entry.until < now:
            text = f"this approval expired on {entry.until:%Y-%m-%d}: remove it"
            yield Remark("warning", ("shadow_ai", "allow", index), text)


def _names(policy: Policy) -> Iterator[Remark]:
    if policy.signatures.required and not policy.signatures.cover:
        yield Remark("warning", ("signatures", "cover"), "nothing is covered: no file needs a signature")
    if policy.vulnerabilities.grace_days and policy.vulnerabilities.grace_until is None:
        yield Remark("warning", ("vulnerabilities", "grace_days"), "a grace without grace_until never counts")
    types = [demand.type for demand in policy.attestations.require]
    if "" in types:
        text = 'a demand names no "type": it can never be met'
        yield Remark("warning", ("attestations", "require", types.index("")), text)
    ids = [waiver.id for waiver in policy.waiver]
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield Remark("warning", ("waiver", index), f'two waivers are called "{printable(name, 60)}"')


def _licenses(policy: Policy) -> Iterator[Remark]:
    for name in policy.licenses.allow:
        for other in policy.licenses.deny:
            if fnmatchcase(name.lower(), other.lower()):
                text = f'"{printable(name, 60)}" is allowed and denied ("{printable(other, 60)}"): it is denied'
                yield Remark("warning", ("licenses", "allow"), text)


def _overridable(loaded: Loaded) -> Iterator[Remark]:
    keys = {".".join(path) for path, _ in walk()}
    keys |= {".".join(path[:-1]) for path, _ in walk() if len(path) > 1}
    for name in loaded.overridable:
        if name == "*":
            yield Remark("warning", ("overridable",), "every environment may loosen everything")
        elif name not in keys:
            text = f'"{printable(name, 60)}" is no key that could be loosened{_near(name, keys)}'
            yield Remark("warning", ("overridable",), text)


def _waivers(prefix: Path, policy: Policy, loaded: Loaded, now: datetime, rules: Collection[str]) -> Iterator[Remark]:
    for index, waiver in enumerate(policy.waiver):
        path: Path = (*prefix, "waiver", index)
        name = printable(waiver.id, 60)
        against = waivers.refusal(waiver, policy.waivers, now, policy.persons)
        matching = [rule for rule in rules if fnmatchcase(rule, waiver.rule)] if waiver.rule else []
        if against and not (policy.waivers.signed and not waiver.signed_by and "signed" in against):
            yield Remark("warning", path, f"waiver {name} {against}")
        elif against:
            yield Remark("note", path, f"waiver {name} counts only while a signature pins the policy")
        if waiver.rule and not matching:
            text = f'waiver {name} never applies: no rule is "{printable(waiver.rule, 60)}"'
            yield Remark("warning", path, f"{text}{_near(waiver.rule, rules)}")
        elif waiver.rule and all(waivers.never(rule, policy.waivers) for rule in matching):
            yield Remark("warning", path, f"waiver {name} never applies: nothing waives {printable(waiver.rule, 60)}")
        if waiver.finding and not (len(waiver.finding) == 20 and set(waiver.finding) <= set("0123456789abcdef")):
            yield Remark("warning", path, f"waiver {name} never applies: a finding's id is 20 hex digits")
        for environment in waiver.env:
            near = _near(environment, loaded.environments) if environment not in loaded.environments else ""
            if near:
                text = f'waiver {name} is for "{printable(environment, 60)}", which the policy does not name{near}'
                yield Remark("warning", path, text)


def _acceptances(policy: Policy, now: datetime) -> Iterator[Remark]:
    for index, entry in enumerate(policy.ledger.accept):
        path: Path = ("ledger", "accept", index)
        if waivers.never(INCOMPLETE, policy.waivers):
            yield Remark("warning", path, f"this acceptance never counts: [waivers] never names {INCOMPLETE}")
        elif (why := waivers.refusal(entry, policy.waivers, now, policy.persons)) and "signed" not in why:
            yield Remark("warning", path, f"this acceptance {why}")


def _environment(name: str, policy: Policy, base: Policy) -> Iterator[Remark]:
    production = name.lower().startswith(_PRODUCTION)
    if production and policy.mode == "warn":
        yield Remark("warning", ("env", name), f"{printable(name, 60)} only warns: nothing is ever stopped there")
    for change in changes(base, policy, name):
        if change.risky:
            level = "warning" if production else "note"
            text = f"{printable(name, 60)} loosens {change.key}"
            yield Remark(level, ("env", name, *change.key.split(".")), text)


def _promotion(base: Policy, policies: Mapping[str, Policy]) -> Iterator[Remark]:
    after = {name: policy.promotion.after for name, policy in policies.items()}
    for name, wanted in after.items():
        path: Path = ("env", name, "promotion", "after")
        if name in wanted:
            yield Remark(
                "warning", path, f"{printable(name, 60)} must come after itself: nothing can be promoted to it"
            )
        for other in wanted:
            if other not in policies and other not in base.promotion.after:
                text = f'the policy names no environment "{printable(other, 60)}"{_near(other, policies)}'
                yield Remark("warning", path, text)
        if name not in wanted and name in _reached(name, after):
            yield Remark("warning", path, f"{printable(name, 60)} waits for itself, through other environments")
    for other in base.promotion.after:
        if other not in policies:
            text = f'the policy names no environment "{printable(other, 60)}"{_near(other, policies)}'
            yield Remark("warning", ("promotion", "after"), text)


def _reached(name: str, after: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(after.get(name, ()))
    while ahead:
        place = ahead.pop()
        if place not in found:
            found.add(place)
            ahead += after.get(place, ())
    return found


def _near(word: str, known: Collection[str]) -> str:
    near = did_you_mean(word, known)
    return f"; {near}" if near else ""
