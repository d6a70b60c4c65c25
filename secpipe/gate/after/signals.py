"""Signed words from production, canary or drift: which hold today, and which stand against a release that is out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import Skip
from secpipe.core.errors import SecpipeError, TrustError
from secpipe.core.evidence import Evidence
from secpipe.core.limits import DEFAULT
from secpipe.core.shape import mapping
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, Trust
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.after.past import Past
from secpipe.gate.facts import listing
from secpipe.gate.policies.limits import broken
from secpipe.gate.policies.policy import Policy
from secpipe.sign import results
from secpipe.sign.establish import Demand, establish
from secpipe.sign.sidecars import ATTESTATION, PQ_ATTESTATION
from secpipe.system import files
from secpipe.system.tree import placed

PURPOSE = "signal"
RULE = "gate/signal"
_MOST = 100_000  # bundles in one folder
_GOOD = ("PASSED", "WARNED")
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Signal:
    """What one identity says of an artifact that runs, over a window of time. `digests` name the artifact."""

    place: str
    kind: str
    identity: str
    digests: frozenset[str]
    begins: datetime
    ends: datetime
    made: datetime
    result: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals of a folder that hold, and (place, why) of those that do not."""

    held: tuple[Signal, ...] = ()
    unheard: tuple[tuple[str, str], ...] = ()


def gather(folder: Path, trust: Trust, now: datetime) -> Signals:
    """Return what the attestations of purpose `signal` in `folder` say; raises InputError where it cannot be read.

    Both halves must verify, by an identity that may sign signals. What does not hold is told, never passed over.
    """
    skipped: list[Skip] = []
    found = dict(placed(folder, lambda path: path.endswith(ATTESTATION), _MOST, skipped))
    held: list[Signal] = []
    unheard = [(skip.path, skip.reason) for skip in skipped]
    for name in sorted({_name(path) for path in found}):
        try:
            held.append(_signal(folder, name, found, trust, now))
        except SecpipeError as error:
            unheard.append((name, error.message))
        except Exception as error:  # whatever a file makes go wrong, it is no signal
            unheard.append((name, f"not verified: {type(error).__name__}"))
    return Signals(tuple(held), tuple(unheard))


def against(signals: Signals, mine: Set[str], policy: Policy) -> list[tuple[Reason, str]]:
    """Return why signals withdraw the verdict on a release of these digests, each with the time since when; pure.

    The newest word of an identity and kind about one artifact counts: a later window that is good ends an earlier one,
    figure by figure. One that is silent about a figure says nothing of it.
    """
    groups: dict[tuple[str, str, frozenset[str]], list[Signal]] = {}
    for one in signals.held:
        if one.digests & mine:
            groups.setdefault((one.identity, one.kind, one.digests), []).append(one)
    found = []
    for _, several in sorted(groups.items(), key=lambda group: (*group[0][:2], sorted(group[0][2]))):
        last = _last(several)
        asked = {limit: _last(several, limit) for limit in policy.signals.limits}
        for one in several:
            moment = one.ends, one.made
            said = [f"it ended {one.result}"] if moment == last and one.result not in _GOOD else []
            beyond, _ = broken([limit for limit, when in asked.items() if when == moment], one.metrics)
            if said or beyond:
                found.append((_reason(one, [*said, *beyond], policy), times.rfc3339(one.begins)))
    return found


def digests_of(release: Past) -> set[str]:
    """Return the digests by which a signal may name what was let out: the release, its models and what is signed."""
    found = {release.head.entry.digest}
    found |= {digest.value for one in release.record.components if one.path for digest in one.digests}
    signed = release.record.evidence.get("signatures")
    facts = listing(signed, "artifacts") if isinstance(signed, Evidence) else []
    told = (str(mapping(fact).get("digest", "")) for fact in facts)
    return {one for one in found | {text.rpartition(":")[2] for text in told} if len(one) == 64}


def _last(several: Sequence[Signal], limit: str = "") -> tuple[datetime, datetime] | None:
    """Return when the last window ends, and when that was said, of the signals that give the figure of `limit`."""
    giving = (one for one in several if not limit or not broken([limit], one.metrics)[1])
    return max(((one.ends, one.made) for one in giving), default=None)


def _reason(one: Signal, said: Sequence[str], policy: Policy) -> Reason:
    window = f"{times.rfc3339(one.begins)} to {times.rfc3339(one.ends)}"
    what = f"{one.identity} signed what {one.kind} showed from {window}: {'; '.join(said)}"
    return Reason(
        RULE, Effect.DENY, printable(what), "signals", policy.owner, advice="roll back, or deploy what is mended"
    )


def _name(path: str) -> str:
    return path.removesuffix(PQ_ATTESTATION).removesuffix(ATTESTATION)


def _signal(folder: Path, name: str, found: Mapping[str, str], trust: Trust, now: datetime) -> Signal:
    halves: dict[HalfClass, tuple[str, bytes]] = {}
    read: Callable[[Path], bytes] = partial(files.read_bytes, limit=DEFAULT.document_bytes, follow=False)
    for half, ending in ((HalfClass.CLASSICAL, ATTESTATION), (HalfClass.PQ, PQ_ATTESTATION)):
        if f"{name}{ending}" in found:
            halves[half] = f"the {half} bundle", read(folder / f"{name}{ending}")
    done = establish(halves, trust, Demand(purpose=PURPOSE), now)
    statement = done.signed.statement
    if any(word not in statement.predicate for word in done.predicate.required):
        raise TrustError("this is no signal: it lacks " + ", ".join(done.predicate.required))
    begins, ends = _window(statement.predicate.get("window"))
    if statement.made is None or max(statement.made, ends) > now + _SKEW:
        raise TrustError("the signal does not say when it was made, or speaks of a time to come")
    return Signal(
        printable(name), printable(statement.kind, 64), done.signed.identity.name,
        frozenset(statement.digests.values()), begins, ends, statement.made,
        results.result(statement.predicate), results.metrics(statement.predicate),
    )  # fmt: skip


def _window(value: Any) -> tuple[datetime, datetime]:
    """Return when a window begins and ends; raises TrustError."""
    row = mapping(value)
    begins, ends = times.maybe_instant(row.get("from")), times.maybe_instant(row.get("to"))
    if begins is None or ends is None or begins > ends:
        raise TrustError('the signal has no window: {"from": TIME, "to": TIME}')
    return begins, ends
