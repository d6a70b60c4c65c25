"""Agents: they may only do what was approved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.core.shape import mapping
from secpipe.core.text import plural, printable
from secpipe.gate.facts import listing
from secpipe.gate.policies.policy import AgentApproval
from secpipe.gate.rules.packs import signed_by
from secpipe.gate.rules.signed import About, lacking, statements
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on
from secpipe.scan.agents.judge import Approval, changed, judge
from secpipe.scan.agents.lock import LOCK_NAME

#: Told by the scan; where approvals are asked for, the item that bears the host is asked for one instead.
_ASKED = "agents/redirected-traffic"
#: Kinds of items that are texts: no reader without a model can judge what they say.
_PROSE = ("rules", "skill", "command", "agent")


def agents(situation: Situation) -> Ruling:
    """Every server, skill, hook and agent has an approval for what it can do; nothing in them is an attack."""
    evidence, policy = situation.of("agents"), situation.policy.agents
    items, approvals = listing(evidence, "items"), approvals_of(policy.allow)
    covered = mapping(situation.of("signatures").facts.get("covered"))
    signers = signed_by(situation, {str(path): str(who) for path, who in covered.items()})
    env, now = situation.environment, situation.now
    asked = judge(items, approvals, env=env, now=now, signers=signers) if policy.default == "deny" else []
    found = [one for one in evidence.findings if policy.default != "deny" or one.rule != _ASKED]
    found += [*_unlocked(situation), *_unreviewed(situation, items)]
    updated = changed(items, approvals, env=env, now=now)
    told = f"; changed, and can do no more: {', '.join(printable(one, 80) for one in updated[:3])}" if updated else ""
    return rule_on(
        situation,
        evidence,
        "Agents may only do what was approved",
        required=not evidence.facts.get("before"),  # a stored verdict of a time without this check
        findings=judge_findings(situation, [*found, *asked], block=policy.block, warn=policy.warn),
        summary=plural(len(items), "item") + told,
    )


def _unlocked(situation: Situation) -> Iterator[Finding]:
    """Say what is not as the lock lists it, where the policy wants a lock."""
    evidence = situation.of("agents")
    if not situation.policy.agents.locked or evidence.facts.get("before"):
        return
    lock = evidence.facts.get("lock")
    if not isinstance(lock, list):
        if listing(evidence, "items"):
            said = f"the policy wants {LOCK_NAME}, and there is none"
            yield Finding("agents/not-locked", said, Severity.HIGH, fix="read what they may do: secpipe agents lock")
        return
    for words in lock:
        said = f"{printable(str(words), 300)}: not what the lock lists"
        yield Finding("agents/not-locked", said, Severity.HIGH, path=LOCK_NAME, subject=printable(str(words), 200),
                      fix="read the change, then: secpipe agents lock")  # fmt: skip


def _unreviewed(situation: Situation, items: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Say which texts that instruct an agent lack signed reviews of what they say today."""
    count = situation.policy.agents.reviews
    theirs = About(one for one in statements(situation) if one.purpose == "review") if count else About(())
    for path in sorted({str(item["path"]) for item in items if item["kind"] in _PROSE}) if count else ():
        if problem := lacking(situation, theirs.of(path), set(), count):
            said = f"{path} instructs an agent and needs {plural(count, 'signed review')}: {problem}"
            yield Finding("gate/review-missing", said, Severity.HIGH, path=path, subject="prose")


def approvals_of(entries: tuple[AgentApproval, ...]) -> list[Approval]:
    """Return the approvals of a policy as the scanner judges by them; one without an end approves nothing."""
    return [
        Approval(
            one.item,
            one.owner,
            one.reason,
            one.expires,
            one.publisher,
            one.capabilities,
            one.digest,
            one.paths,
            one.env,
        )
        for one in entries
        if one.expires is not None
    ]


RULES = {55: agents}
