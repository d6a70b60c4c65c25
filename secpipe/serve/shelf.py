"""What the server answers from: verified verdicts by digest, as they were at one load. Pure, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from secpipe.core import times
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED, TrustError
from secpipe.core.trust import SKEW, KeyVersion, Trust
from secpipe.gate.after.signals import Signals, against
from secpipe.gate.deploying import Pinned
from secpipe.gate.verdicts import override
from secpipe.gate.verdicts.acceptance import Answer, Wanted, accept
from secpipe.gate.verdicts.override import Grant, Overridden
from secpipe.gate.verdicts.signed import About, Broken, Held

IMAGE, FOLDER = "sha256", "dirHash"
_TRIED = 100  # older releases that are looked at for one to roll back to
Key = tuple[str, str]  # algorithm, hex


@dataclass(frozen=True, slots=True)
class Shelved:
    """One signed verdict: verified, or why it does not hold; `until` is when that may change by itself.

    `stamp` is how its files were stamped when they were read, `overrides` who signed what against it.
    """

    found: Held | Broken
    keys: tuple[Key, ...]
    stamp: bytes
    until: datetime | None = None
    overrides: tuple[tuple[Grant, str], ...] = ()

    def holds(self, now: datetime) -> bool:
        """Whether it was verified, and time has changed nothing of that."""
        return isinstance(self.found, Held) and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Shelf:
    """All signed verdicts for one environment, by every digest that they name, under one state of trust and policy.

    `doubt` says why nothing may rest on it; `fresh_for` is how long it counts without being loaded again.
    """

    environment: str
    rules: Pinned
    loaded: datetime
    fresh_for: timedelta
    kept: Mapping[str, Shelved] = field(default_factory=dict)  # by the place in the store
    by_digest: Mapping[Key, tuple[Shelved, ...]] = field(default_factory=dict)
    by_name: Mapping[tuple[str, str], tuple[Key, ...]] = field(default_factory=dict)  # newest first
    signals: Signals = field(default_factory=Signals)
    max_age: timedelta | None = None
    doubt: str = ""

    def stale(self, now: datetime) -> str:
        """Return why nothing may be concluded from this shelf at `now`, or ""."""
        trust = self.rules.trust
        if self.doubt:
            return self.doubt
        if now < self.loaded - SKEW:
            return "the clock of the server was set back"
        if now - self.loaded > self.fresh_for:
            return f"the verdicts were last looked at on {times.rfc3339(self.loaded)}"
        if self.rules.policy.expires and now.date() > self.rules.policy.expires:
            return f"the policy ended on {self.rules.policy.expires}"
        if now >= min(trust.root_expires, trust.ring_expires):
            return "the trust root or the keyring has ended"
        return self.rules.doubt


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer on one digest, and the release to go back to where it is a no."""

    key: Key
    answer: Answer
    back: Key | None = None

    @property
    def allowed(self) -> bool:
        """Whether it may run."""
        return self.answer.exit_code == EXIT_PASS


def shelved(base: Shelf, kept: Mapping[str, Shelved]) -> Shelf:
    """Return the shelf with these verdicts, each under its digests."""
    by_digest: dict[Key, list[Shelved]] = {}
    names: dict[tuple[str, str], dict[Key, datetime]] = {}
    for one in kept.values():
        for key in one.keys:
            by_digest.setdefault(key, []).append(one)
            if isinstance(one.found, Held):
                dated = names.setdefault((key[0], one.found.name), {})
                dated[key] = max(one.found.summary.at, dated.get(key, one.found.summary.at))
    ordered = {name: tuple(sorted(dated, key=dated.__getitem__, reverse=True)) for name, dated in names.items()}
    return replace(
        base, kept=kept, by_digest={key: tuple(several) for key, several in by_digest.items()}, by_name=ordered
    )


def retrusted(shelf: Shelf, rules: Pinned, loaded: datetime) -> Shelf:
    """Return the shelf under a new state of trust: what rests on a key that changed holds no more, and at once.

    Nothing is verified here, so that a revocation takes effect before anything is verified again.
    """
    before, after = who(shelf.rules.trust), who(rules.trust)
    same_rules = set(shelf.rules.trust.pins) <= set(rules.trust.pins) and shelf.rules.policy.log == rules.policy.log
    kept = {}
    for place, one in shelf.kept.items():
        by = (one.found.identity.name, one.found.key_version) if isinstance(one.found, Held) else None
        if by is not None and not (same_rules and before.get(by) == after.get(by)):
            kept[place] = replace(one, found=Broken(_at(one), _CHANGED), stamp=b"", overrides=())
        elif one.overrides:
            kept[place] = replace(one, stamp=b"", overrides=())
        else:
            kept[place] = one
    return shelved(replace(shelf, rules=rules, loaded=loaded, doubt=""), kept)


_CHANGED = TrustError("the key that signed it has changed since it was verified")


def who(trust: Trust) -> dict[tuple[str, int], object]:
    """Return all that the ring says of each key version, by identity and number."""
    return {
        (one.name, version.version): (one.authority, one.holder, version)
        for one in trust.identities
        for version in one.versions
    }


def ends(version: KeyVersion, now: datetime) -> datetime | None:
    """Return the first moment after `now` at which a key version may count otherwise, by its dates."""
    dates = (
        version.not_before, version.sign_until, version.verify_until, version.compromised_since,
        version.suspended_since, version.destroyed_since,
    )  # fmt: skip
    return min((date for date in dates if date is not None and date > now), default=None)


def ask(shelf: Shelf, key: Key, now: datetime) -> Reply:
    """Return whether what bears this digest may run now; nothing is read, hashed or verified."""
    answer = _answer(shelf, key, now)
    if answer.exit_code == EXIT_PASS or answer.verdict is None:
        return Reply(key, answer)
    return Reply(key, answer, _back(shelf, key, answer.verdict.name, now))


def _answer(shelf: Shelf, key: Key, now: datetime) -> Answer:
    if why := shelf.stale(now):
        return Answer(EXIT_UNDECIDED, why, shelf.environment)
    several = shelf.by_digest.get(key, ())
    if not several:
        return Answer(EXIT_UNDECIDED, f"there is no signed verdict on {':'.join(key)}", shelf.environment)
    over = {id(one.found): one.overrides for one in several}
    found = [Broken(_at(one), _CHANGED) if one.until is not None and now >= one.until else one.found for one in several]
    about = About(key[1] if key[0] == FOLDER else "", None, shelf.environment, image=key[1] if key[0] == IMAGE else "")
    policy = shelf.rules.policy

    def let(one: Held, asked: Wanted, trust: Trust, moment: datetime) -> Overridden | None:
        return override.counted(one, over.get(id(one), ()), asked.policy.break_glass, moment)

    asked = Wanted(about, policy, shelf.rules.wanted, shelf.max_age)
    answer = accept(found, asked, shelf.rules.trust, now, let)
    if answer.verdict is not None and shelf.signals.held:
        told = answer.verdict
        mine = {told.release, told.summary.image, *(digest for _, _, digest in told.summary.artifacts)} - {""}
        for reason, since in against(shelf.signals, mine, policy):
            return replace(answer, exit_code=EXIT_DENY, why=f"{reason.what} (since {since})", overridden=None)
    return answer


def _back(shelf: Shelf, key: Key, name: str, now: datetime) -> Key | None:
    """Return the newest release of that name, before this one, that may run now."""
    order = shelf.by_name.get((key[0], name), ())
    start = order.index(key) + 1 if key in order else 0
    for other in order[start : start + _TRIED]:
        if other != key and _answer(shelf, other, now).exit_code == EXIT_PASS:
            return other
    return None


def _at(one: Shelved) -> str:
    return one.found.stamp if isinstance(one.found, Broken) else times.rfc3339(one.found.summary.at)
