"""Whether a release may go out by its signed verdict: the newest one, within its time, or overruled by people. Pure
but for the verification of overrides that stand beside a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from secpipe.core import times
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.text import printable
from secpipe.core.trust import Trust
from secpipe.gate.policies.policy import Policy
from secpipe.gate.verdicts import override
from secpipe.gate.verdicts.signed import About, Broken, Held, newest

_HEADS = {EXIT_PASS: "PASSED", EXIT_DENY: "BLOCKED", EXIT_UNDECIDED: "NOT DECIDED"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What whoever deploys asks for, from outside the release; `policy_digest` and `name` "" take any."""

    about: About
    policy: Policy
    policy_digest: str = ""
    max_age: timedelta | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer in one sentence, the verdict it rests on, and the override if one decided."""

    exit_code: int
    why: str
    environment: str
    verdict: Held | None = None
    overridden: override.Overridden | None = None
    code: str = ""  # of `core.refusals`; "" where the release may go out

    @property
    def sentence(self) -> str:
        """The one line that says it all."""
        where = printable(self.environment)
        if self.overridden is not None:
            return f"OVERRIDDEN for {where} {self.why}"
        return f"{_HEADS[self.exit_code]} for {where}: {self.why}"


#: The override of a verdict that holds now, by people whose signatures were verified.
Overrides = Callable[[Held, Wanted, Trust, datetime], override.Overridden | None]


def _beside(one: Held, asked: Wanted, trust: Trust, now: datetime) -> override.Overridden | None:
    return override.overridden(one, asked.about.digest, trust, asked.policy.break_glass, now)


def accept(
    found: Iterable[Held | Broken], asked: Wanted, trust: Trust, now: datetime, overrides: Overrides = _beside
) -> Answer:
    """Return whether the release may go out now, by the verdicts found about it.

    The newest verdict by an accepted verifier counts; a newer one that does not hold is never passed over, because it
    may be a no that somebody damaged. What was deleted cannot be known offline: the verdict's own end and `max_age`
    bound how long an older yes could live on. `overrides` looks for those beside a verdict that says no.
    """
    where = asked.about.environment
    found = list(found)
    broken = max((one for one in found if isinstance(one, Broken)), key=lambda one: one.stamp, default=None)
    good = [one for one in found if isinstance(one, Held)]
    accepted = [one for one in good if _accepts(asked.policy, one)]
    if not accepted:
        if broken is not None:
            return Answer(
                broken.error.exit_code,
                f"the verdict does not hold: {broken.error.message}",
                where,
                code=broken.error.code or "verdict-malformed",
            )
        if good:
            told = printable(good[0].summary.verifier, 200)
            return Answer(
                EXIT_DENY, f"the policy does not accept the verifier {told}", where, code="verifier-not-accepted"
            )
        what = f"there is no signed verdict on this release (dirHash:{asked.about.digest})"
        return Answer(EXIT_UNDECIDED, what, where, code="not-signed")
    chosen = newest(accepted)
    if broken is not None and broken.stamp >= times.rfc3339(chosen.summary.at):
        why = f"a newer verdict in the store does not hold: {broken.error.message}"
        return Answer(max(broken.error.exit_code, EXIT_DENY), why, where, chosen, code="newer-does-not-hold")
    end, why, code = _objection(chosen, asked, trust)
    if not code and not chosen.summary.passed:
        return _overruled(chosen, asked, overrides(chosen, asked, trust, now))
    if not code:
        end, why, code = _in_time(chosen, asked, now)
    return Answer(end, why, where, chosen, code=code)


def _accepts(policy: Policy, one: Held) -> bool:
    return not policy.verdicts.verifiers or one.summary.verifier in policy.verdicts.verifiers


def _objection(one: Held, asked: Wanted, trust: Trust) -> tuple[int, str, str]:
    """Return what stands against relying on this verdict at all, whatever it says: exit code, why, refusal code."""
    judged, minimum = one.summary.trust, asked.policy.minimum
    if asked.policy_digest and one.summary.policy != asked.policy_digest:
        return EXIT_DENY, f"the verdict was given by another policy (sha256:{one.summary.policy})", "other-policy"
    if asked.name and one.name != asked.name:
        return (
            EXIT_DENY,
            f'the verdict calls this release "{printable(one.name, 200)}", not "{printable(asked.name)}"',
            "wrong-name",
        )
    for word, least, had in (
        ("root", minimum.root, (trust.root_version, judged.root_version if judged else 0)),
        ("ring", minimum.ring, (trust.ring_version, judged.ring_version if judged else 0)),
    ):
        if least and min(had) < least:
            return (
                EXIT_UNDECIDED,
                f"the trust {word} is version {min(had)}; the policy wants {least} or newer",
                "old-trust",
            )
    return EXIT_PASS, "", ""


def _in_time(one: Held, asked: Wanted, now: datetime) -> tuple[int, str, str]:
    told = one.summary
    given = f"given on {times.rfc3339(told.at)} by {printable(told.verifier, 200)}"
    if now >= told.valid_until:
        why = f"the verdict ended at {times.rfc3339(told.valid_until)} ({printable(told.because, 200)}); check again"
        return EXIT_UNDECIDED, why, "verdict-expired"
    if asked.max_age is not None and now - told.at > asked.max_age:
        return (
            EXIT_UNDECIDED,
            f"the verdict, {given}, is older than {_span(asked.max_age)}; check again",
            "verdict-too-old",
        )
    return EXIT_PASS, f"{printable(one.name)}, {given}, holds until {times.rfc3339(told.valid_until)}", ""


def _overruled(one: Held, asked: Wanted, let: override.Overridden | None) -> Answer:
    """A verdict that says no: overruled by people, or the end."""
    told, where = one.summary, asked.about.environment
    head = "NOT DECIDED" if told.decision == "undecided" or told.self_judged else "BLOCKED"
    if let is not None:
        who, until = " and ".join(let.holders), times.rfc3339(let.grant.not_after)
        why = f"by {who} until {until}: {head} was the verdict. Reason: {printable(let.grant.reason)}"
        return Answer(EXIT_PASS, why, where, one, let)
    code = EXIT_UNDECIDED if head == "NOT DECIDED" else EXIT_DENY
    self_judged = " (self-judged)" if told.self_judged else ""
    said = f": {one.sentence}" if one.sentence else ""
    why = f"the newest verdict, given on {times.rfc3339(told.at)}, is {told.decision}{self_judged}{said}"
    return Answer(code, why, where, one, code="verdict-undecided" if code == EXIT_UNDECIDED else "verdict-says-no")


def _span(age: timedelta) -> str:
    days = age / timedelta(days=1)
    return f"{days:g} days" if days != 1 else "1 day"
