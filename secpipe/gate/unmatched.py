"""What of the rules matches nothing in the release: told, never held against it, for a policy serves many projects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from secpipe.core import times
from secpipe.core.evidence import State
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Judgement
from secpipe.gate.facts import listing
from secpipe.gate.ruling import Situation
from secpipe.scan.shadow_ai.judge import approval_of


def unmatched(situation: Situation, judgement: Judgement) -> tuple[str, ...]:
    """Return one sentence for each waiver, approval, exclusion and glob of what must be signed that matches nothing."""
    return (
        *_waivers(situation, judgement), *_approvals(situation), *_exclusions(situation), *_covers(situation),
        *_acceptances(situation, judgement),
    )  # fmt: skip


def _waivers(situation: Situation, judgement: Judgement) -> Iterator[str]:
    here = {one.id for one in situation.policy.waiver if not one.env or situation.environment in one.env}
    for one in judgement.waivers:
        if one.id in here and not (one.used or one.expired or one.refused):
            yield f"waiver {one.id} ({one.owner}, {_left(one.expires, situation)}) matches no finding"


def _left(expires: str, situation: Situation) -> str:
    """Return how long an exception still holds, or for how long it is over."""
    end = times.maybe_day(expires[:10])
    if end is None:
        return "without an end"
    days = (end - situation.now.date()).days
    return f"{plural(days, 'day')} left" if days >= 0 else f"over for {plural(-days, 'day')}"


def _approvals(situation: Situation) -> Iterator[str]:
    evidence = situation.of("shadow-ai")
    if evidence.state is not State.OK or evidence.skips:
        return  # what was not looked at may be what it approves
    uses = listing(evidence, "uses")
    for number, entry in enumerate(situation.policy.shadow_ai.allow, 1):
        alone = replace(situation.policy.shadow_ai, allow=(entry,))
        if not any(any(approval_of(use, alone, env=situation.environment, now=situation.now)) for use in uses):
            ends = _left(f"{entry.until:%Y-%m-%d}", situation)
            yield f"[[shadow_ai.allow]] entry {number} ({printable(entry.owner, 80)}, {ends}) matches no use"


def _acceptances(situation: Situation, judgement: Judgement) -> Iterator[str]:
    for one in judgement.accepted:
        if not (one.paths or one.refused):
            who = f"{printable(one.owner, 80)}, {_left(one.expires, situation)}"
            yield f"[[ledger.accept]] entry {one.number} ({who}) matches nothing that is not read"


def _exclusions(situation: Situation) -> Iterator[str]:
    for path in listing(situation.of("files"), "not_there"):
        yield f"nothing is at {printable(str(path), 200)}, which is to be left out"


def _covers(situation: Situation) -> Iterator[str]:
    for glob in situation.policy.signatures.cover:
        if set(glob) & set("*?[") and not any(fnmatchcase(path, glob) for path in situation.paths):
            yield f'no file matches "{printable(glob, 200)}", which must be signed'
