"""What one run of the gate comes to: evidence judged by the rules, and the document of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from secpipe.core.verdict import Judgement
from secpipe.gate.decide import tightened
from secpipe.gate.doing.call import Call
from secpipe.gate.origin import Rules
from secpipe.gate.policies import policy_identity
from secpipe.gate.policies.policy import Policy
from secpipe.gate.record import Record
from secpipe.gate.ruling import Situation
from secpipe.gate.unmatched import unmatched
from secpipe.gate.verdicts import validity, verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of the gate: what was asked under which rules, what was found, what was decided, and the document.

    `until` is what ends first of all that the verdict rests on, and when; `bom` the AI-BOM (CycloneDX).
    """

    rules: Rules
    situation: Situation
    judgement: Judgement
    record: Record
    document: dict[str, Any]
    until: validity.End
    bom: bytes = b""

    def placeless(self) -> dict[str, Any]:
        """Return the document as anybody else gets it: what is told to run is for somebody inside the project."""
        reasons = judge(replace(self.situation, call=Call()), self.rules).reasons
        return self.document | {"reasons": [reason.to_dict() for reason in reasons]}

    def judge_at(self, now: datetime) -> Judgement:
        """Return what would be decided at another time on the same evidence."""
        return judge(replace(self.situation, now=now), self.rules)


def conclude(
    record: Record, rules: Rules, policy: Policy, *, simulated: bool = False, bom: bytes = b"",
    warn_until: date | None = None, call: Call | None = None,
    digests: Mapping[str, str] | None = None,
) -> Outcome:  # fmt: skip
    """Judge what was recorded, as of when it was recorded, by the rules, and return the outcome.

    `warn_until` is only said: whether it warns stands in `policy.mode`. `call` is how it was asked; without one, what
    is told to run is for somebody inside the project. `digests` are those of all files, by path: the
    record keeps those of the files that the judgement tells of.
    """
    situation = replace(record.situation(policy), call=call or Call())
    judgement = judge(situation, rules)
    tree = rules.tree.resolve(record.environment) if rules.tree else None
    if digests:
        named = {item.finding.path for item in judgement.findings} | {skip.path for _, skip in judgement.skipped}
        record = replace(record, digests={path: digests[path] for path in sorted(named & digests.keys())})
    until = validity.valid_until(judgement, situation, rules.trust, tree)
    frame = verdict.Frame(
        now=record.at,
        simulated=simulated,
        environment=record.environment,
        subject=record.subject,
        policy=situation.policy,
        policy_source=rules.policy.source,
        policy_digest=rules.policy.digest,
        policy_pin=rules.policy_pin,
        policy_resolved=policy_identity.resolved(rules.policy.resolve(record.environment)),
        trust=rules.trust,
        self_judged=situation.self_judged,
        valid_until=until[1],
        warn_until=warn_until,
        unused=unmatched(situation, judgement),
        digests=record.digests,
    )
    return Outcome(rules, situation, judgement, record, verdict.document(judgement, frame), until, bom)


def judge(situation: Situation, rules: Rules) -> Judgement:
    """Return the judgement by the rules' policy, tightened by the policy in the tree, if there is one."""
    return tightened(situation, tree_policy(rules, situation.environment))


def tree_policy(rules: Rules, environment: str) -> Policy | None:
    """Return the policy found in the tree as it holds in an environment, with the waivers beside the pinned one."""
    if rules.tree is None:
        return None
    theirs = rules.tree.resolve(environment)
    return replace(theirs, waiver=(*theirs.waiver, *rules.waivers.waivers))
