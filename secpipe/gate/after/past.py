"""Verdicts of the past: an entry of the store read whole, held against itself, and judged again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.evidence import Evidence
from secpipe.core.text import printable
from secpipe.core.verdict import Decision, Effect, Judgement, Reason
from secpipe.gate.decide import TREE_SAYS, decide, tightened
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import Policy
from secpipe.gate.record import Record
from secpipe.gate.request import BUILTIN
from secpipe.gate.verdicts.store import POLICY, TREE_POLICY, VERDICT, Entry

#: A verdict may bear a time that is this much ahead of the clock of whoever reads it.
SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Head:
    """What an entry says of itself, consistent with the place where it stands; its evidence is not read yet."""

    entry: Entry
    name: str  # of the subject
    at: datetime
    decision: Decision
    mode: str
    verdict: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where it stands in the store."""
        return f"{self.entry.environment}/{self.entry.digest}/{self.entry.name}"

    @property
    def passed(self) -> bool:
        """Whether it let the release out: also with warnings, and where the environment only warns."""
        return self.decision.exit_code == 0


@dataclass(frozen=True, slots=True)
class Past:
    """A verdict with all that it was decided from."""

    head: Head
    record: Record
    policy: Policy  # the one it was decided by, in the mode that counted
    tree: Policy | None = None  # the policy that stood in the tree
    said: Judgement | None = None  # what that policy added, where only the verdict's words are kept of it

    def judge(
        self, policy: Policy, now: datetime | None = None, evidence: Mapping[str, Evidence] | None = None
    ) -> Judgement:
        """Judge it again by `policy`, as of `now` or of its own time, on its own evidence with `evidence` in its place.

        The policy that stood in the project then is the one that may tighten it now.
        """
        record = self.record if evidence is None else replace(self.record, evidence=evidence)
        situation = record.situation(policy, now)
        if self.tree is None:
            return decide(situation, self.said)
        waivers = (*self.tree.waiver, *record.waivers)
        return tightened(situation, replace(self.tree, waiver=waivers))


def head(entry: Entry, now: datetime | None = None) -> Head:
    """Return what an entry says of itself; raises InputError where it is damaged, moved, edited or from the future."""
    data = entry.read(VERDICT)
    verdict = entry.verdict()
    try:
        at = times.instant(verdict["at"])
        name, mode, decision = verdict["subject"]["name"], verdict["mode"], Decision(verdict["decision"])
        own = (verdict["environment"], verdict["subject"]["digest"]["dirHash"], verdict["simulated"])
        for row in verdict["reasons"]:
            _check_reason(row)
        coded = verdict["exit_code"] == decision.exit_code and mode in ("warn", "enforce") and isinstance(name, str)
        stamp = re.sub("[-:]", "", times.rfc3339(at))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the verdict is damaged ({type(error).__name__})") from None
    if own[2] is not False:
        raise InputError("the verdict was only simulated: it let nothing out")
    if at.tzinfo is None or not coded:
        raise InputError("the verdict contradicts itself")
    if own[:2] != (entry.environment, entry.digest) or not entry.name.startswith(f"{stamp}-"):
        raise InputError("the verdict does not belong to its place in the store: it was moved or edited")
    if not entry.name.endswith(hashlib.sha256(data).hexdigest()[:8]):
        raise InputError("the verdict was edited after it was stored")
    if now is not None and at > now + SKEW:
        raise InputError(f"the verdict is of {verdict['at']}, which is in the future: the clock or the entry is wrong")
    return Head(entry, printable(name), at, decision, mode, verdict)


def _check_reason(row: Any) -> None:
    """Raise TypeError, KeyError or ValueError for what is no reason of a verdict."""
    if not all(isinstance(row[key], str) for key in ("rule", "what", "check", "fix", "owner", "path")):
        raise TypeError
    if not all(isinstance(name, str) for name in list(row["findings"])):
        raise TypeError
    Effect(row["effect"])


def whole(found: Head) -> Past:
    """Return the entry with its evidence and policy; raises InputError where they are not those of the verdict."""
    record = found.entry.record()
    about = record.subject.get("digest")
    if record.at != found.at or record.environment != found.entry.environment:
        raise InputError("the evidence was recorded for another verdict")
    if not isinstance(about, Mapping) or about.get("dirHash") != found.entry.digest:
        raise InputError("the evidence is about another release")
    files = record.evidence.get("files")
    wanted = files.facts.get("tree_policy") if files else None
    try:
        if wanted is None:
            return Past(found, record, _policy(found), None, _tree_said(found.verdict))
        return Past(found, record, _policy(found), _tree_policy(found, str(wanted)) if wanted else None)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the verdict is damaged ({type(error).__name__})") from None


def _policy(found: Head) -> Policy:
    data = found.entry.read(POLICY)
    source, digest = found.verdict["policy"]["source"], found.verdict["policy"]["digest"]["sha256"]
    try:
        loaded = policy_file.parse(data, source, builtin=source.startswith(BUILTIN))
        policy = replace(loaded.resolve(found.entry.environment), mode=found.mode)
    except ConfigError as error:
        raise InputError(f"the stored policy cannot be read: {error.message}") from None
    if loaded.digest != digest:
        raise InputError("the stored policy is not the one that the verdict was decided by")
    return policy


def _tree_policy(found: Head, digest: str) -> Policy:
    try:
        loaded = policy_file.parse(found.entry.read(TREE_POLICY), f"the stored {TREE_POLICY}")
        policy = loaded.resolve(found.entry.environment)
    except ConfigError as error:
        raise InputError(f"the stored policy of the project cannot be read: {error.message}") from None
    if loaded.digest != digest:
        raise InputError("the stored policy of the project is not the one that stood in it")
    return policy


def _tree_said(verdict: Mapping[str, Any]) -> Judgement | None:
    """Return the judgement of the policy in the tree as far as the verdict repeats it."""
    reasons = []
    for raw in verdict["reasons"]:
        if raw["rule"] != "gate/tree-policy-denies":
            continue
        what = str(raw["what"]).removeprefix(TREE_SAYS)
        check, advice, owner, path = (str(raw[key]) for key in ("check", "fix", "owner", "path"))
        findings = tuple(str(name) for name in raw["findings"])
        effect = Effect(raw["effect"])
        reasons.append(Reason("gate/tree-policy-denies", effect, what, check, owner, path, findings, advice))
    if not reasons:
        return None
    decision = Decision.DENY if any(reason.effect is Effect.DENY for reason in reasons) else Decision.UNDECIDED
    return Judgement(decision, decision, tuple(reasons), (), (), ())
