"""Who signed what, as the rules see it: artifacts, attestations, and whether their keys count under the policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from secpipe.core import times
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural, printable
from secpipe.core.trust import FLOORS
from secpipe.gate.facts import each, listing, mapping
from secpipe.gate.policies.policy import Policy
from secpipe.gate.ruling import Situation
from secpipe.sign.sidecars import ATTESTATION, PQ_ATTESTATION

#: formats of the model scan that are no models: archives, configurations, templates
_NO_MODELS = {
    "gzip", "zip", "tar", "bzip2", "bz2", "xz", "lzma", "zlib", "lz4", "zstd", "7z",
    "config", "chat-template", "modelfile", "xml", "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """One attestation in the tree: `kind` it calls itself, `path` (a file or folder) it is about, how it came out."""

    kind: str
    path: str
    state: State
    reason: str
    since: datetime | None
    facts: Mapping[str, Any]

    @property
    def purpose(self) -> str:
        return str(self.facts.get("purpose", ""))

    @property
    def holder(self) -> str:
        return str(self.facts.get("holder", ""))


def statements(situation: Situation) -> list[Statement]:
    """Return every attestation of the evidence; one that does not say what it is about covers nothing.

    None is better than the evidence it stands in: where that does not hold and no single one says why, none holds.
    """
    found = []
    for name, evidence in situation.evidence.items():
        if name.startswith("attestation:"):
            own = _statements(name.partition(":")[2], evidence)
            if evidence.state is not State.OK and all(one.state is State.OK for one in own):
                own = [replace(one, state=evidence.state, reason=evidence.reason) for one in own]
            if evidence.skips:  # incomplete: none of them is known to hold
                why = f"{evidence.skips[0].path} was not looked at ({evidence.skips[0].reason})"
                own = [replace(one, state=State.SKIPPED, reason=why) if one.state is State.OK else one for one in own]
            found += own
    return sorted(found, key=lambda one: (one.kind, one.path))


def _statements(kind: str, evidence: Evidence) -> list[Statement]:
    """Return each attestation of one kind; where the evidence tells of none apart, itself as one."""
    found = []
    for facts in each(evidence):
        since, reason = times.maybe_instant(facts.get("since")), str(facts.get("reason", ""))
        found.append(Statement(kind, str(facts.get("path", "")), _state(facts), reason, since, facts))
    if found or ("each" in evidence.facts and evidence.state is State.OK):
        return found
    path = str(evidence.facts.get("path", ""))
    return [Statement(kind, path, evidence.state, evidence.reason, evidence.since, evidence.facts)]


def _state(facts: Mapping[str, Any]) -> State:
    state = facts.get("state")
    return State(state) if state in {str(one) for one in State} else State.SKIPPED


def bundles(situation: Situation) -> set[str]:
    """Return the paths of the files that hold verified attestations: they bear signatures and need none."""
    found = [f"{one.path}.{one.kind}" for one in statements(situation) if one.purpose]
    return {f"{name}{suffix}" for name in found for suffix in (ATTESTATION, PQ_ATTESTATION)}


class About:
    """Attestations, looked up by the files that they are about. One that names no path is about nothing."""

    def __init__(self, things: Iterable[Statement]) -> None:
        self._by_path: dict[str, list[Statement]] = {}
        for one in things:
            self._by_path.setdefault(one.path, []).append(one)

    def of(self, path: str) -> list[Statement]:
        """Return those about the file at `path`, or about a folder that it lies in, the nearest first."""
        found: list[Statement] = []
        here = path
        while here:
            found += self._by_path.get(here, ())
            here = here.rpartition("/")[0]
        return found


def models(situation: Situation) -> set[str]:
    """Return the paths of all model files that the model scan met."""
    files = mapping(situation.of("models"), "files")
    return {path for path, about in files.items() if not is_no_model(about)}


def is_no_model(about: Any) -> bool:
    """Archives without a model in them, configurations and templates need no signature of their own."""
    if not isinstance(about, Mapping):
        return False
    return _wraps_nothing(str(about.get("format", "")), tuple(map(str, about.get("holds") or ())))


@lru_cache(maxsize=1024)
def _wraps_nothing(form: str, holds: tuple[str, ...]) -> bool:
    return {*form.split("+"), *holds} <= _NO_MODELS


class Signatures:
    """The verified signatures of the tree, looked up by the files they cover."""

    def __init__(self, situation: Situation) -> None:
        self._by_path: dict[str, list[Mapping[str, Any]]] = {}
        for fact in listing(situation.of("signatures"), "artifacts"):
            if isinstance(fact, Mapping) and fact.get("verified") is True:
                self._by_path.setdefault(str(fact.get("path")), []).append(fact)

    def of(self, path: str) -> list[Mapping[str, Any]]:
        """Return the facts of every signature over the file at `path`, the nearest first.

        Facts name paths as they are printed; for a file whose printed name could be that of another there are none.
        """
        if printable(path) != path or "\\" in path:
            return []
        found, here = list(self._by_path.get(path, ())), path
        while here:
            here = here.rpartition("/")[0]
            found += [fact for fact in self._by_path.get(here, ()) if fact.get("kind") == "model"]
        return found


def objection(fact: Mapping[str, Any], policy: Policy, now: datetime) -> Finding | None:
    """Return why a signature with these facts does not count under `[keys]` and the required halves, or None.

    A half of an algorithm that is not accepted does not count; those that do must meet what is required. A key version
    is as old as it was at the trusted time of signing; without one, as it is now.
    """
    halves, classes = listing_of(fact, "halves"), listing_of(fact, "classes")
    accepted, require = policy.keys.algorithms, policy.signatures.require
    counted = {kind for name, kind in zip(halves, classes, strict=False) if not accepted or name in accepted}
    if (accepted or classes) and FLOORS[require] - counted:
        wanted = f"the policy wants {require}" + (f" of {', '.join(accepted)}" if accepted else "")
        words = f"is signed with {' + '.join(halves) or 'an unknown algorithm'}; {wanted}"
        return _objection("gate/key-algorithm", words, fact)
    if policy.keys.max_age_days:
        made = times.maybe_instant(fact.get("not_before"))
        signed = min(times.maybe_instant(fact.get("trusted_time")) or now, now)
        if made is None or signed - made > timedelta(days=policy.keys.max_age_days):
            age = "whose age is not known" if made is None else f"of {made:%Y-%m-%d}"
            words = f"is signed with a key {age}; the policy allows {plural(policy.keys.max_age_days, 'day')}"
            return _objection("gate/key-too-old", words, fact)
    if stamps_asked(policy, now) and (words := unstamped(fact, now)):
        return _objection("gate/key-too-old", words, fact)
    return None


def stamps_asked(policy: Policy, now: datetime) -> bool:
    """Return whether a key past its `sign_until` counts only with a time stamp by now; before, that is a warning."""
    since = policy.keys.stamped_from
    return since is not None and now.date() >= since


def unstamped(fact: Mapping[str, Any], now: datetime) -> str:
    """Return how a signature was made by a key that no longer signs, without proof that it was made in time, or ""."""
    ends = times.maybe_instant(fact.get("sign_until"))
    if fact.get("trusted_time") or fact.get("grandfathered") is True or (ends is not None and now <= ends):
        return ""
    stopped = f"stopped signing on {ends:%Y-%m-%d}" if ends else "signs until an unknown day"
    return f"is signed with a key that {stopped}, and no time stamp proves an earlier signature"


def _objection(rule: str, words: str, fact: Mapping[str, Any]) -> Finding:
    path = str(fact.get("path", ""))
    who = f"{fact.get('identity', 'nobody')} {fact.get('kind', '')}".strip()
    return Finding(rule, f"{path or 'the release'} {words}", Severity.HIGH, path=path, subject=who)


def listing_of(fact: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts under `name`, or none."""
    value = fact.get(name)
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def lacking(situation: Situation, found: list[Statement], signers: set[str], count: int) -> str:
    """Return why the attestations of a role are not enough, or "". One person counts once, the signer never."""
    refused = next((one for one in found if one.state is State.FAILED), None)
    if refused is not None:
        return f"one of them does not hold ({refused.reason})"
    counted = [
        one for one in found
        if one.state is State.OK and objection(one.facts, situation.policy, situation.now) is None
    ]  # fmt: skip
    others = {one.holder for one in counted if one.holder} - signers
    if len(others) >= count:
        return ""
    own = {one.holder for one in counted} & signers
    return f"there {'is' if len(others) == 1 else 'are'} {len(others)}" + (
        f", and what {', '.join(sorted(own))} says of their own work does not count" if own else ""
    )
