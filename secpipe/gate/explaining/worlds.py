"""A release as it would be if something had been done about it: changes of evidence, tried and never kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.gate.facts import listing, mapping
from secpipe.gate.policies.policy import Policy
from secpipe.gate.ruling import Situation


@dataclass(frozen=True, slots=True)
class World:
    """What the decision is made from: the situation, and the policy found in the tree, if there is one."""

    situation: Situation
    tree: Policy | None = None


def with_evidence(situation: Situation, evidence: Evidence) -> Situation:
    """Return the situation with that evidence in place of what there was."""
    return replace(situation, evidence={**situation.evidence, evidence.check: evidence})


def with_facts(situation: Situation, check: str, **facts: Any) -> Situation:
    """Return the situation with some facts of a check changed."""
    evidence = situation.of(check)
    return with_evidence(situation, replace(evidence, check=check, facts={**evidence.facts, **facts}))


def without_findings(situation: Situation, gone: Callable[[Finding], bool]) -> Situation:
    """Return the situation without some findings; a check that failed because of them alone no longer fails."""
    evidence = {}
    for name, one in situation.evidence.items():
        kept = tuple(finding for finding in one.findings if not gone(finding))
        changed = replace(one, findings=kept) if len(kept) < len(one.findings) else one
        mended = one.state is State.FAILED and one.findings and not kept
        evidence[name] = replace(changed, state=State.OK, reason="") if mended else changed
    return replace(situation, evidence=evidence)


def carried_out(situation: Situation, check: str) -> Situation:
    """Return the situation in which a check was carried out; what it found already, it still finds.

    With a trust root come the signatures and attestations that could not be verified for want of it.
    """
    why = situation.of(check).reason
    for name, one in situation.evidence.items() if check == "trust" else ():
        if (name == "signatures" or name.startswith("attestation:")) and why:
            situation = with_evidence(situation, _verified(one, why))
    return with_evidence(situation, replace(situation.of(check), check=check, state=State.OK, reason="", since=None))


def _verified(one: Evidence, why: str) -> Evidence:
    """Return evidence as it would be if what was skipped for that reason had been found to hold."""
    facts = dict(one.facts)
    if "each" in facts:
        facts["each"] = [_held(row, why) for row in listing(one, "each")]
    lone = one.state is State.SKIPPED and one.reason == why
    return replace(one, state=State.OK, reason="", facts=facts) if lone else replace(one, facts=facts)


def _held(row: Any, why: str) -> Any:
    unknown = isinstance(row, Mapping) and row.get("state") == State.SKIPPED and row.get("reason") == why
    return {**row, "state": str(State.OK), "reason": ""} if unknown else row


def passed_before(situation: Situation, environment: str) -> Situation:
    """Return the situation in which the release passed in an environment, by a verifier that everybody accepts."""
    found = listing(situation.of("promotion"), "verdicts")
    others = [one for one in found if isinstance(one, Mapping) and one.get("environment") != environment]
    passed = {"environment": environment, "at": situation.now.isoformat(), "result": "PASSED", "verifier": ""}
    return with_facts(situation, "promotion", verdicts=[*others, passed])


def fresh_advisories(situation: Situation) -> Situation:
    """Return the situation in which the audit was made on advisory data of now."""
    about = {**mapping(situation.of("audit"), "advisories"), "date": situation.now.isoformat()}
    return with_facts(carried_out(situation, "audit"), "audit", advisories=about)


def about_model(situation: Situation, path: str, **changed: Any) -> Situation:
    """Return the situation in which something else is known of a model; nothing where there is no such model."""
    files = mapping(situation.of("models"), "files")
    about = files.get(path)
    known = about if isinstance(about, Mapping) else {}
    return with_facts(situation, "models", files={**files, path: {**known, **changed}}) if path in files else situation


def approving(policy: Policy, rows: Sequence[Mapping[str, Any]]) -> Policy:
    """Return the policy with more approvals of AI services."""
    allowed = policy.shadow_ai.get("allow", ())
    return replace(policy, shadow_ai={**policy.shadow_ai, "allow": [*allowed, *rows]})


def without_uses(situation: Situation, gone: Callable[[Mapping[str, Any]], bool]) -> Situation:
    """Return the situation without some uses of AI."""
    uses = listing(situation.of("shadow-ai"), "uses")
    kept = [use for use in uses if not (isinstance(use, Mapping) and gone(use))]
    return with_facts(situation, "shadow-ai", uses=kept)


def without_items(situation: Situation, on: str, gone: Collection[str]) -> Situation:
    """Return the situation without some items of one kind, as conditions see them."""
    if on == "component":
        return replace(situation, components=tuple(one for one in situation.components if one.ref not in gone))
    if on == "ai_use":
        return without_uses(situation, lambda use: use.get("id") in gone)
    if on == "model":
        files = {path: about for path, about in mapping(situation.of("models"), "files").items() if path not in gone}
        clean = without_findings(situation, lambda one: one.path in gone and one.rule.startswith("models/"))
        return with_facts(clean, "models", files=files)
    artifacts = listing(situation.of("signatures"), "artifacts")
    kept = [one for one in artifacts if not (isinstance(one, Mapping) and str(one.get("path")) in gone)]
    return with_facts(situation, "signatures", artifacts=kept)
