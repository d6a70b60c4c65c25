"""Agents: they may only do what was approved."""

from __future__ import annotations

from secpipe.core.shape import mapping
from secpipe.core.text import plural, printable
from secpipe.gate.facts import listing
from secpipe.gate.policies.policy import AgentApproval
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on
from secpipe.scan.agents.judge import Approval, changed, judge

#: Told by the scan; where approvals are asked for, the item that bears the host is asked for one instead.
_ASKED = "agents/redirected-traffic"


def agents(situation: Situation) -> Ruling:
    """Every server, skill, hook and agent has an approval for what it can do; nothing in them is an attack."""
    evidence, policy = situation.of("agents"), situation.policy.agents
    items, approvals = listing(evidence, "items"), approvals_of(policy.allow)
    signers = {str(path): str(who) for path, who in mapping(situation.of("signatures").facts.get("covered")).items()}
    env, now = situation.environment, situation.now
    asked = judge(items, approvals, env=env, now=now, signers=signers) if policy.default == "deny" else []
    found = [one for one in evidence.findings if policy.default != "deny" or one.rule != _ASKED]
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
