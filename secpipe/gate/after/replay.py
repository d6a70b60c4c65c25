"""`policy replay`: every recorded verdict decided again, at its own time, by another policy. Pure but for the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.errors import InputError
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Decision, Effect, Judgement, Reason
from secpipe.core.version import __version__
from secpipe.gate.after import past
from secpipe.gate.after.past import Past
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.verdicts import store

SCHEMA = "secpipe.replay/1"
_AGAINST = (Effect.DENY, Effect.UNDECIDED)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict under both policies; `mismatch` says why its own policy no longer gives what was stored."""

    past: Past
    then: Decision
    now: Decision
    new: tuple[Reason, ...]
    gone: tuple[Reason, ...]
    mismatch: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON, every string escaped."""
        head = self.past.head
        return {
            "entry": head.place,
            "subject": {"name": head.name, "digest": {"dirHash": head.entry.digest}},
            "environment": head.entry.environment,
            "at": times.rfc3339(head.at),
            "then": str(self.then),
            "now": str(self.now),
            "changed": self.then is not self.now,
            "new": [reason.to_dict() for reason in self.new],
            "gone": [reason.to_dict() for reason in self.gone],
            "mismatch": printable(self.mismatch),
        }


def replay(verdict: Past, new: Loaded, old: Loaded | None = None) -> Replayed:
    """Return what `new` would have decided, against the verdict itself or, if given, what `old` would have decided.

    Both as of the verdict's own time, each in its own mode. Raises ConfigError where a policy cannot be resolved for
    the environment.
    """
    environment = verdict.record.environment
    stored = verdict.judge(verdict.policy)
    mismatch = _mismatch(verdict, stored)
    before = stored if old is None else verdict.judge(old.resolve(environment))
    after = verdict.judge(new.resolve(environment))
    then = verdict.head.decision if old is None else before.decision
    new_, gone = beyond(after, before), beyond(before, after)
    return Replayed(verdict, then, after.decision, new_, gone, mismatch)


def replay_store(
    folder: Path, new: Loaded, *, environment: str = "", old: Loaded | None = None
) -> tuple[list[Replayed], list[tuple[str, str]]]:
    """Return every verdict of the store under the new policy, and (entry, why) for those that cannot be replayed.

    Raises InputError where there is no store, ConfigError where a given policy cannot be resolved.
    """
    changes, damaged = [], []
    for entry in store.entries(folder, environment=environment):
        try:
            verdict = past.whole(past.head(entry))
        except InputError as error:
            damaged.append((f"{entry.environment}/{entry.digest}/{entry.name}", error.message))
        else:
            changes.append(replay(verdict, new, old))
    return changes, damaged


def document(
    changes: Iterable[Replayed], damaged: Iterable[tuple[str, str]], new: Loaded, old: Loaded | None, *, strict: bool
) -> dict[str, Any]:
    """Return the document `secpipe.replay/1`.

    Exit code: 3 where a verdict could not be replayed or its own policy no longer reproduces it; otherwise 1 where
    `strict` and a verdict would change; otherwise 0.
    """
    changes, damaged = list(changes), list(damaged)
    turns = Counter(f"{change.then} -> {change.now}" for change in changes if change.then is not change.now)
    unsure = bool(damaged) or any(change.mismatch for change in changes)
    return {
        "schema": SCHEMA,
        "tool": {"name": "secpipe", "version": __version__},
        "exit_code": 3 if unsure else 1 if strict and turns else 0,
        "sentence": _sentence(changes, damaged, turns),
        "policy": _about(new),
        "against": None if old is None else _about(old),
        "verdicts": [change.to_dict() for change in changes],
        "not_replayed": [{"entry": place, "reason": printable(reason)} for place, reason in damaged],
        "changes": dict(sorted(turns.items())),
    }


def _about(policy: Loaded) -> dict[str, Any]:
    name = printable(str(policy.values.get("name", "")))
    return {"name": name, "source": printable(policy.source), "digest": {"sha256": policy.digest}}


def _sentence(changes: list[Replayed], damaged: list[tuple[str, str]], turns: Counter[str]) -> str:
    said = f"{plural(len(changes), 'verdict')} replayed: "
    said += f"{turns.total():,} would change" if turns else "none would change"
    odd = sum(bool(change.mismatch) for change in changes)
    said += f", {odd:,} no longer as stored" if odd else ""
    return said + (f", {len(damaged):,} could not be replayed." if damaged else ".")


def _mismatch(verdict: Past, again: Judgement) -> str:
    """Return how the verdict differs from what its own policy says today over the same evidence, or ""."""
    told = "the engine changed since, or the entry was edited"
    if again.decision is not verdict.head.decision:
        return f"it was stored as {verdict.head.decision}, its own policy now gives {again.decision}: {told}"
    rows = verdict.head.verdict["reasons"]
    stored = {(str(row["rule"]), str(row["effect"]), str(row["path"])) for row in rows}
    made = {(reason.rule, str(reason.effect), printable(reason.path)) for reason in again.reasons}
    if stored != made:
        return f"its own policy now gives other reasons than those stored: {told}"
    return ""


def beyond(one: Judgement, other: Judgement) -> tuple[Reason, ...]:
    """Return the reasons of `one` against a pass that `other` does not have."""
    known = {key(reason) for reason in other.reasons}
    return tuple(reason for reason in one.reasons if reason.effect in _AGAINST and key(reason) not in known)


def key(reason: Reason) -> tuple[str, ...]:
    """Return what identifies a reason whatever the day: its words may count days."""
    return (reason.rule, reason.check, reason.path, str(reason.effect), *reason.findings)
