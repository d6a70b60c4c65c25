"""`monitor`: what is already out, judged again as of now, and what could be rolled back to.

The store tells what was let out, not what runs: of each subject and environment the newest verdict that let it out
counts as deployed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from secpipe.core import times
from secpipe.core.errors import InputError
from secpipe.core.evidence import State
from secpipe.core.verdict import Decision, Effect, Judgement, Reason
from secpipe.gate.after import past, today
from secpipe.gate.after.past import Head, Past
from secpipe.gate.after.replay import key
from secpipe.gate.after.signals import Signals, against, digests_of
from secpipe.gate.after.since import since
from secpipe.gate.after.today import Knowledge
from secpipe.gate.after.vouched import Overruled, Unvouched, Voucher
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.verdicts.index import VerdictIndex
from secpipe.gate.verdicts.store import Entry

_AGAINST = (Effect.DENY, Effect.UNDECIDED)
_LOST = (State.SKIPPED, State.STALE)
#: Reasons that speak of what is known today, never of the release.
_OURS = frozenset({"gate/stale-advisories", "gate/clock"})
_SILENCE = Signals()


@dataclass(frozen=True, slots=True)
class Release:
    """A release that is out, as of now.

    `state` is `holds`, `warns` (it would be blocked, but its environment only warns), `overridden` (people let it out,
    and their word still holds), `affected` (it would no longer pass) or `unknown` (`why`, or reasons that all speak of
    what could not be looked at today). `reasons` are those against it, each with the time since when it is so (RFC 3339
    or ""). `back` is the newest older release of the same name and environment that still passes.
    """

    head: Head
    state: str
    reasons: tuple[tuple[Reason, str], ...] = ()
    why: str = ""
    judgement: Judgement | None = None
    back: Head | None = None
    newest: bool = True
    overruled: Overruled | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """All that is out. `damaged` and `doubted` are (entry, why): the latter could have been what is deployed.

    `unheard` are signals from production that do not hold.
    """

    releases: tuple[Release, ...]
    damaged: tuple[tuple[str, str], ...]
    doubted: tuple[tuple[str, str], ...]
    verdicts: int
    unheard: tuple[tuple[str, str], ...] = ()

    @property
    def exit_code(self) -> int:
        """1 where something deployed is affected, 3 where something could not be judged, otherwise 0."""
        states = {release.state for release in self.releases}
        if "affected" in states:
            return 1
        lost = self.damaged or self.doubted or self.unheard
        return 3 if "unknown" in states or lost or not self.verdicts else 0


def survey(
    folder: Path,
    known: Knowledge,
    now: datetime,
    *,
    policy: Loaded | None = None,
    environment: str = "",
    everything: bool = False,
    voucher: Voucher | None = None,
    signals: Signals = _SILENCE,
) -> Survey:
    """Judge what is out by `policy`, or each release by its own; `everything` looks at each release that ever passed.

    `signals` from production withdraw a verdict as a finding of today does.

    Raises InputError where there is no store, ConfigError where `policy` cannot be resolved for an environment.
    """
    voucher = voucher or Unvouched()
    damaged: dict[str, str] = {}
    releases: list[Release] = []
    doubted: list[tuple[str, str]] = []
    with VerdictIndex(folder) as index:
        index.refresh()
        for entry in index.damaged(environment, now + past.SKEW):
            _head(entry, now, damaged)
        for where, subject in index.subjects(environment):
            bench = _Bench(
                _Heads(index.releases(where, subject), voucher, now, damaged), known, now, policy, voucher, signals
            )
            out = list(bench.out(everything))
            releases += out
            if not everything or not out:
                doubted += [(head.place, why) for head, why in bench.doubted]
        count = index.count(environment)
    return Survey(tuple(releases), tuple(sorted(damaged.items())), tuple(doubted), count, signals.unheard)


class _Heads:
    """The entries of one name that let it out, newest first, each read when it is looked at."""

    def __init__(self, found: list[Entry], voucher: Voucher, now: datetime, damaged: dict[str, str]) -> None:
        self._found = found
        self._voucher = voucher
        self._now = now
        self._damaged = damaged

    def since(self, start: int = 0) -> Iterator[tuple[int, Head]]:
        """Yield (index, head) from `start` on; what is damaged, or let nothing out, is passed over."""
        for index in range(start, len(self._found)):
            head = _head(self._found[index], self._now, self._damaged)
            if head is not None and (head.passed or self._voucher.overruled(head)):
                yield index, head


def _head(entry: Entry, now: datetime, damaged: dict[str, str]) -> Head | None:
    """Return what an entry says of itself, or None, and why under its place in `damaged`."""
    try:
        return past.head(entry, now)
    except InputError as error:
        damaged[f"{entry.environment}/{entry.digest}/{entry.name}"] = error.message
        return None


class _Bench:
    """All releases of one name in one environment, newest first."""

    def __init__(
        self,
        heads: _Heads,
        known: Knowledge,
        now: datetime,
        policy: Loaded | None,
        voucher: Voucher,
        signals: Signals,
    ) -> None:
        self.signals = signals
        self.heads = heads
        self.known = known
        self.now = now
        self.policy = policy
        self.voucher = voucher
        self.doubted: list[tuple[Head, str]] = []
        self.judged: dict[str, Release] = {}  # by digest of the subject

    def out(self, everything: bool) -> Iterator[Release]:
        """Yield what is deployed, or every release."""
        for index, head in self.heads.since():
            if why := self.voucher.doubt(head):
                self.doubted.append((head, why))
                continue
            if head.entry.digest in self.judged:
                continue
            release = replace(self._judge(head), newest=not self.judged)
            self.judged[head.entry.digest] = release
            yield replace(release, back=self._back(index, head)) if release.state == "affected" else release
            if not everything:
                return

    def _back(self, index: int, release: Head) -> Head | None:
        """Return the newest release before `index` that still passes."""
        tried = {release.entry.digest}
        for _, head in self.heads.since(index + 1):
            if head.entry.digest in tried or not head.passed or self.voucher.doubt(head):
                continue
            tried.add(head.entry.digest)
            if self._judge(head, explain=False).state == "holds":
                return head
        return None

    def _judge(self, head: Head, *, explain: bool = True) -> Release:
        try:
            whole = past.whole(head)
        except InputError as error:
            return Release(head, "unknown", why=error.message)
        policy = self.policy.resolve(head.entry.environment) if self.policy else whole.policy
        # How fresh the verdict of the stage before must be was asked when the release went out.
        policy = replace(policy, promotion=replace(policy.promotion, max_age_days=0))
        evidence = today.evidence(whole, self.known, self.now)
        judgement = whole.judge(policy, self.now, evidence)
        shown = against(self.signals, digests_of(whole), policy)
        known_since = {reason.what: since for reason, since in shown}
        reasons = [reason for reason in judgement.reasons if reason.effect in _AGAINST]
        reasons += [reason for reason, _ in shown]
        overruled = None if head.passed else self.voucher.overruled(head)
        if not reasons:
            return Release(head, "holds", judgement=judgement, overruled=overruled)
        lost = {name for name, one in evidence.items() if one.state in _LOST and _was_ok(whole, name)}
        if shown and policy.mode == "enforce":
            judgement = replace(judgement, decision=Decision.DENY)
        if judgement.decision.exit_code == 0:
            state = "warns"
        else:
            state = "unknown" if all(_unseen(reason, lost) for reason in reasons) else "affected"
        why = ""
        if overruled is not None:
            known_then = {key(reason) for reason in whole.judge(whole.policy).reasons}
            state, why = self._overruled(overruled, [reason for reason in reasons if key(reason) not in known_then])
        dated = since(whole, policy, evidence, self.known.advisories, self.now) if explain else lambda reason: ""
        told = tuple((reason, known_since.get(reason.what) or dated(reason)) for reason in reasons)
        return Release(head, state, told, why, judgement, overruled=overruled)

    def _overruled(self, by: Overruled, new: list[Reason]) -> tuple[str, str]:
        """Return state and why of a release that people let out, against which `new` reasons stand since."""
        if by.until is None:
            return ("affected" if new else "unknown"), "it was let out by an override, which only --trust can verify"
        if self.now >= by.until:
            return "affected", f"the override that let it out ended at {times.rfc3339(by.until)}"
        return ("affected", "the override does not cover all that stands against it") if new else ("overridden", "")


def _was_ok(verdict: Past, name: str) -> bool:
    before = verdict.record.evidence.get(name)
    return before is not None and before.state is State.OK


def _unseen(reason: Reason, lost: set[str]) -> bool:
    """Whether a reason only says that something could not be looked at today."""
    if reason.effect is not Effect.UNDECIDED:
        return False
    checks = lost | ({"attestations", "provenance"} if any(name.startswith("attestation:") for name in lost) else set())
    return reason.rule in _OURS or reason.check in checks
