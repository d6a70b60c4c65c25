"""Break-glass: people's signed word that a release may go out although its verdict says no. Never made from a tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.shape import Fields
from secpipe.core.text import plural, printable
from secpipe.core.trust import Trust
from secpipe.gate.policies.policy import BreakGlass
from secpipe.gate.verdicts import signed
from secpipe.gate.verdicts.signed import Held
from secpipe.keys.wire import HEX256, NAME
from secpipe.sign.establish import Demand
from secpipe.sign.refusal import INVALID, WRONG_PURPOSE, Refused
from secpipe.sign.verdicts import verify_verdict
from secpipe.system import files

PURPOSE = "override"
LEAST = 2  # people, whatever a policy says
_PLACE = re.compile(r"override\.([a-z0-9][a-z0-9-]{0,62})\.att\.json")
_REASON = 1000
_LONGEST = 24 * 366  # hours, where a policy sets no bound
_UNDECIDED = 72  # hours for a verdict that nobody could give, as of advisory data that is too old
_MAX_HOLDERS = 100


@dataclass(frozen=True, slots=True)
class Grant:
    """What every holder signs alike. `verdict` is the hex SHA-256 of the FAILED verdict's signed payload."""

    environment: str
    verdict: str
    nonce: str
    not_before: datetime
    not_after: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Overridden:
    """Enough people agreed to one grant, which holds now."""

    grant: Grant
    holders: tuple[str, ...]


def grant(verdict: Held, reason: str, hours: int, nonce: str, now: datetime, longest: int) -> Grant:
    """Return a new grant from `now` on for `hours`. Raises ConfigError where it would never count."""
    if not reason.strip() or len(reason) > _REASON or printable(reason) != reason:
        raise ConfigError("an override needs a reason in plain words", hint='--reason "what is at stake, and why now"')
    if not 1 <= hours <= bound(longest):
        raise ConfigError(f"an override may hold for 1 to {bound(longest)} hours", hint=f"--hours {bound(longest)}")
    refuse_unfit(verdict)
    until = now + timedelta(hours=hours)
    return Grant(verdict.summary.environment, verdict.digest, nonce, now, until, reason)


def bound(longest: int) -> int:
    """Return the hours an override may hold at most under a policy's `max_hours` (0: it sets no bound)."""
    return min(longest or _LONGEST, _LONGEST)


def people(verdict: Held, rules: BreakGlass) -> int:
    """Return how many different people must sign an override of this verdict."""
    return max(LEAST, rules.holders, verdict.summary.holders)


def hours_of(verdict: Held, rules: BreakGlass) -> int:
    """Return how many hours an override of this verdict may hold; what nobody could decide is looked at in days."""
    open_ = _UNDECIDED if verdict.summary.decision == "undecided" else _LONGEST
    return min(bound(rules.max_hours), bound(verdict.summary.max_hours), open_)


def refuse_unfit(verdict: Held) -> None:
    """Raise ConfigError for a verdict that passed, InputError for one that nobody can override."""
    if verdict.summary.passed:
        raise ConfigError("this verdict passed: there is nothing to override")
    if verdict.summary.self_judged:
        raise InputError(
            "this verdict is self-judged: it is not known what it would override",
            hint="check it with a pinned policy and a pinned trust root",
        )
    if verdict.summary.exploited is None:
        raise InputError(
            "this verdict does not say whether a vulnerability in it is exploited", hint="check it again and sign that"
        )
    if verdict.summary.exploited:
        raise InputError(
            f"{plural(verdict.summary.exploited, 'finding')} of vulnerabilities that are known to be exploited:"
            " nobody overrides these", hint="secpipe audit PATH --fix-plan",
        )  # fmt: skip


def predicate(one: Grant, holder: str) -> dict[str, Any]:
    """Return what `holder` signs."""
    return {"grant": fields_of(one), "holder": holder}


def fields_of(one: Grant) -> dict[str, Any]:
    """Return the grant as JSON; equal grants are equal here."""
    return {
        "environment": one.environment,
        "verdict": {"sha256": one.verdict},
        "nonce": one.nonce,
        "notBefore": times.rfc3339(one.not_before),
        "notAfter": times.rfc3339(one.not_after),
        "reason": one.reason,
    }


def read(value: Mapping[str, Any], what: str) -> tuple[Grant, str]:
    """Return grant and holder of a predicate, strictly; raises InputError."""
    top = Fields(dict(value), what)
    own = top.fields("grant")
    verdict = own.fields("verdict")
    made = Grant(
        own.text("environment", limit=256),
        verdict.text("sha256", HEX256),
        own.text("nonce", HEX256),
        own.time("notBefore"),
        own.time("notAfter"),
        own.text("reason", limit=_REASON),
    )
    holder = top.text("holder", NAME)
    for each in (top, own, verdict):
        each.close()
    return made, holder


def holders_of(verdict: Held, digest: str, trust: Trust, now: datetime) -> Iterator[tuple[Grant, str]]:
    """Yield (grant, holder) of every override beside the verdict whose signatures hold; one that does not counts less.

    The holder is the one that the ring names; each has one place, so nobody is met twice.
    """
    for name in sorted(files.names(verdict.folder))[: 4 * _MAX_HOLDERS]:
        match = _PLACE.fullmatch(name)
        found = _attempt(verdict, digest, match[1], trust, now) if match else None
        if found is not None:
            yield found


def overridden(verdict: Held, digest: str, trust: Trust, rules: BreakGlass, now: datetime) -> Overridden | None:
    """Return the grant by which enough people overrule the verdict at `now`, or None; reads and verifies each."""
    if not _can_be(verdict):
        return None
    return counted(verdict, holders_of(verdict, digest, trust, now), rules, now)


def counted(
    verdict: Held, signed_by: Iterable[tuple[Grant, str]], rules: BreakGlass, now: datetime
) -> Overridden | None:
    """Return the grant that enough of these people signed and that holds at `now`, or None. Pure.

    What the verdict was signed with and what `rules` say hold both: the more people, the fewer hours.
    """
    if not _can_be(verdict):
        return None
    agreed: dict[Grant, set[str]] = {}
    for one, holder in signed_by:
        span = one.not_after - one.not_before
        if one.not_before <= now < one.not_after and span <= timedelta(hours=hours_of(verdict, rules)):
            agreed.setdefault(one, set()).add(holder)
    enough = people(verdict, rules)
    good = [Overridden(one, tuple(sorted(who))) for one, who in agreed.items() if len(who) >= enough]
    return max(good, key=lambda each: each.grant.not_after, default=None)


def _can_be(verdict: Held) -> bool:
    return not verdict.summary.passed and not verdict.summary.self_judged and verdict.summary.exploited == 0


def _attempt(verdict: Held, digest: str, place: str, trust: Trust, now: datetime) -> tuple[Grant, str] | None:
    try:
        return _verified(verdict, digest, place, trust, now)
    except Exception:  # a verification that raises anything is no verification
        return None


def _verified(verdict: Held, digest: str, place: str, trust: Trust, now: datetime) -> tuple[Grant, str]:
    """Return grant and holder of the override at `place`; raises Refused where it is not about this verdict."""
    environment = verdict.summary.environment
    found = signed.bundles(verdict.folder, f"{PURPOSE}.{place}")
    done = verify_verdict(found, trust, Demand(environment=environment, purpose=PURPOSE), now)
    identity, statement = done.signed.identity, done.signed.statement
    one, holder = read(statement.predicate, "the override")
    if statement.digests["dirHash"] != digest or one.verdict != verdict.digest or one.environment != environment:
        raise Refused(INVALID, "the override is about another verdict")
    if holder != identity.holder or holder != place:  # a holder without a name cannot be read
        raise Refused(WRONG_PURPOSE, "the override is not by the holder that it names")
    return one, holder
