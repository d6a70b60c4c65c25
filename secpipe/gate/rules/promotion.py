"""The same digests have passed where they had to pass before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.evidence import State, skipped
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import listing, not_asked
from secpipe.gate.ruling import Ruling, Situation, rule_on


def promotion(situation: Situation) -> Ruling:
    """The same digests have a signed PASSED verdict for every environment that comes first."""
    after = situation.policy.promotion.after
    nowhere = skipped("promotion", "no verdict store was named to look into")
    evidence = situation.evidence.get("promotion", nowhere)
    if not after and evidence.state is not State.FAILED:
        evidence = not_asked("promotion")
    extra = []
    if evidence.state is State.OK:
        extra = [reason for name in after if (reason := missing(situation, name)) is not None]
    return rule_on(
        situation, evidence, "Passed earlier stages", required=bool(after), findings=(), extra=extra,
        summary=f"passed in {', '.join(map(printable, after))}" if not extra else "",
    )  # fmt: skip


def newest(situation: Situation, environment: str) -> Mapping[str, Any] | None:
    """Return the newest verdict for `environment` by an accepted verifier; of two at one time, the one that says no."""
    accepted = situation.policy.verdicts.verifiers
    found = [
        fact for fact in listing(situation.of("promotion"), "verdicts")
        if isinstance(fact, Mapping) and fact.get("environment") == environment and isinstance(fact.get("at"), str)
        and (not accepted or not fact.get("verifier") or fact.get("verifier") in accepted)
    ]  # fmt: skip
    return max(found, key=lambda fact: (fact["at"], fact.get("result") != "PASSED"), default=None)


def missing(situation: Situation, environment: str) -> Reason | None:
    """Return why the release may not be promoted from `environment`, or None."""
    found, where = newest(situation, environment), printable(environment)
    if found is None:
        what = f"this release has not passed in {where}: there is no signed verdict on these digests"
    elif found.get("result") != "PASSED":
        told = printable(str(found.get("reason") or ""), 300)
        what = f"the newest verdict on this release in {where} is no pass" + (f": {told}" if told else "")
    elif _too_old(situation, str(found["at"])):
        days = plural(situation.policy.promotion.max_age_days, "day")
        what = f"this release passed in {where} on {printable(str(found['at'])[:10])}, more than {days} ago"
    else:
        return None
    return Reason("gate/not-promoted", Effect.DENY, what, "promotion", situation.policy.owner)


def _too_old(situation: Situation, at: str) -> bool:
    days = situation.policy.promotion.max_age_days
    when = times.maybe_instant(at)
    if when is None:
        return True
    return bool(days) and situation.now - when > timedelta(days=min(days, 10**6))


RULES = {110: promotion}
