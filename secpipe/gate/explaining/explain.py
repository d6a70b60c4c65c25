"""Why the verdict is what it is: for each reason the rule, what the policy demanded and where, evidence and files."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from secpipe.core.finding import Finding
from secpipe.core.text import printable
from secpipe.core.verdict import CheckResult, Effect, Judgement, Reason
from secpipe.gate.grouping import CONDITIONS
from secpipe.gate.policies.policy import Policy
from secpipe.gate.policies.policy_file import Loaded

_LISTED = 20  # findings listed under one reason
_CONDITION = re.compile(r'condition "([A-Za-z0-9._-]+)"')
_WAIVER = re.compile(r"waiver (\S+) ")

_SIGNED = ("keys.algorithms", "signatures.require", "signatures.phase")
#: rule, or its wing -> the policy's keys that can have demanded it; of several, those that are set.
DEMANDS: dict[str, tuple[str, ...]] = {
    "audit": ("vulnerabilities.block", "vulnerabilities.warn"),
    "audit/foreign-index": ("vulnerabilities.indexes",),
    "models": ("models.block", "models.warn"),
    "shadow-ai": ("shadow_ai.default",),
    "agents": ("agents.block", "agents.warn"),
    "agents/not-locked": ("agents.locked",),
    "agents/unapproved-item": ("agents.default",),
    "agents/grown-capability": ("agents.default",),
    "agents/unpinned-power": ("agents.default",),
    "agents/expired-approval": ("agents.default",),
    "signatures": ("signatures.require",),
    "sbom": ("sbom.required",),
    "gate/policy-expired": ("expires",),
    "gate/grace": ("vulnerabilities.grace_days", "vulnerabilities.grace_until"),
    "gate/stale-advisories": ("vulnerabilities.max_age_days", "vulnerabilities.embedded_until", "minimum.advisories"),
    "gate/trust-below-minimum": ("minimum.root", "minimum.ring", "keys.max_ring_age_days"),
    "gate/root-algorithm": ("keys.root_algorithms",),
    "gate/unsigned-artifact": ("signatures.cover", "signatures.identities"),
    "gate/review-missing": ("signatures.roles", "agents.reviews"),
    "gate/key-algorithm": _SIGNED,
    "gate/key-too-old": ("keys.max_age_days", "keys.stamped_from"),
    "gate/waiver-refused": (
        "waivers.horizon_days",
        "waivers.approved",
        "waivers.signed",
        "waivers.never",
        "persons.approvers",
    ),
    "gate/not-promoted": ("promotion.after", "promotion.max_age_days", "verdicts.verifiers"),
    "gate/format-not-allowed": ("models.formats",),
    "gate/incomplete-sbom": ("sbom.profiles",),
    "gate/sbom-disagrees": ("sbom.shipped",),
    "gate/sbom-format": ("sbom.spec",),
    "gate/sbom-too-old": ("sbom.max_age_days",),
    "gate/license-denied": ("licenses.deny", "licenses.allow"),
    "gate/license-review": ("licenses.review",),
    "gate/builder-not-allowed": ("provenance.builders",),
    "gate/builders-not-named": ("provenance.named_builders",),
    "gate/source-not-allowed": ("provenance.sources",),
    "gate/base-model-not-allowed": ("provenance.base_models",),
    "gate/dataset-not-allowed": ("provenance.datasets",),
    "gate/input-missing": ("provenance.inputs",),
    "gate/test-failed": ("attestations.require",),
    "gate/signal": ("signals.limits",),
    "shadow-ai/not-local": ("shadow_ai.local_only",),
    "shadow-ai/not-through-gateway": ("shadow_ai.gateway",),
    "shadow-ai/unknown-destination": ("shadow_ai.unknown_destination",),
}
#: (rule, check) -> the keys, where a rule asks for one thing of one check and another of another.
BY_CHECK: dict[tuple[str, str], tuple[str, ...]] = {
    ("gate/clock", "audit"): ("vulnerabilities.max_age_days",),
    ("gate/incomplete", "audit"): ("vulnerabilities.required", "vulnerabilities.complete"),
    ("gate/incomplete", "shadow-ai"): ("shadow_ai.default", "ledger.depth"),
    ("gate/missing-evidence", "sbom"): ("sbom.profiles", "sbom.shipped"),
    ("gate/missing-evidence", "provenance"): (
        "provenance.required", "provenance.named_builders", "provenance.sources", "provenance.base_models",
        "provenance.datasets",
    ),
}  # fmt: skip
#: check -> the key that asks for it, where the rule is about the check as a whole.
CHECKS: dict[str, tuple[str, ...]] = {
    "trust": ("signatures.required",),
    "files": (),
    "signatures": ("signatures.required", "signatures.roles"),
    "models": ("models.required",),
    "shadow-ai": ("shadow_ai.default",),
    "agents": ("agents.default",),
    "audit": ("vulnerabilities.required",),
    "sbom": ("sbom.required", "sbom.shipped"),
    "licenses": ("licenses.allow", "licenses.review", "licenses.deny"),
    "provenance": ("provenance.required", "provenance.named_builders"),
    "attestations": ("attestations.require",),
    "promotion": ("promotion.after",),
    "conditions": ("condition",),
}
#: what no key of a policy asks for, because no policy may do without it.
ALWAYS = {
    "gate/self-judged": "policy and trust root must be pinned from outside the project",
    "gate/tree-policy-denies": "the project's own policy may tighten",
    "gate/clock": "the clock must not be behind what this machine, or the release, has seen",
    "gate/waiver-refused": "nobody approves their own waiver, and a signature that does not hold has none",
    "gate/incomplete": "every file of the release must be looked at",
    "gate/not-checked": "every check that is asked for must be carried out",
    "gate/check-failed": "what was checked must hold",
}
#: keys that stand behind no reason -> why not.
QUIET = {
    "name": "it says who speaks",
    "owner": "it says who answers",
    "mode": "it says what a reason leads to",
    "project": "it says which part of the repository a verdict is about",
    "ledger.accept": "it only ever lets something pass",
    "exclude": "what is left out is listed in the verdict, and is no part of the release",
    "vulnerabilities.scope": "it says which packages are meant",
    "waiver": "a waiver that does not count is shown by its own keys",
    "verdicts.valid_hours": "it says how long a verdict holds, not what it is",
    **dict.fromkeys(
        ("log.folder", "log.required", "log.keys", "log.witnesses", "log.quorum"),
        "it is about relying on a verdict, which no check looks at",
    ),
    "break_glass.holders": "it is about overrides, which no check looks at",
    "break_glass.max_hours": "it is about overrides, which no check looks at",
    "shadow_ai.regions": "it says what is looked at",
    "shadow_ai.min_confidence": "it says what is looked at",
    "shadow_ai.inline_waivers": "it only ever lets something pass",
    "agents.allow": "it only ever lets something pass",
    "shadow_ai.allow": "it only ever lets something pass",
}
#: rules that are a law of their own, whatever the policy of their check says.
_LAWS = ("gate/self-judged", "gate/tree-policy-denies", "gate/clock")


def explain(judgement: Judgement, policy: Policy, origin: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return for each reason, in the verdict's order, what it rests on, as JSON; every string is escaped.

    `origin` says where the policy's value for a key came from. Shapes: docs/spec/verdict.md.
    """
    rows = {row.check: row for row in judgement.checks}
    findings = {item.finding.id: item.finding for item in judgement.findings} if judgement.reasons else {}
    return [_explain(reason, policy, origin, rows, findings) for reason in judgement.reasons]


def origin_of(loaded: Loaded, environment: str) -> Callable[[str], str]:
    """Return a function from a key to the place its value came from: an environment, the policy file, or a default."""

    def origin(key: str) -> str:
        path = key.split(".")
        if _has(loaded.environments.get(environment, {}), path):
            return f"{loaded.source}, env.{environment}"
        return loaded.source if _has(loaded.values, path) else "default"

    return origin


def _has(values: Any, path: list[str]) -> bool:
    for name in path:
        if isinstance(values, tuple | list):  # an array of tables: its entries have ids of their own
            return True
        if not isinstance(values, Mapping) or name not in values:
            return False
        values = values[name]
    return True


def _explain(
    reason: Reason,
    policy: Policy,
    origin: Callable[[str], str],
    rows: Mapping[str, CheckResult],
    findings: Mapping[str, Finding],
) -> dict[str, Any]:
    row = rows.get(reason.check)
    named = [findings[name] for name in reason.findings if name in findings]
    return {
        "rule": reason.rule,
        "effect": str(reason.effect),
        "what": printable(reason.what),
        "demanded": _demanded(reason, policy, origin, named),
        "evidence": None
        if row is None
        else {
            "check": printable(row.check),
            "state": str(row.state),
            "producer": printable(row.producer),
            "reason": printable(row.reason),
        },
        "findings": [_finding(one) for one in named[:_LISTED]],
        "more": max(0, len(named) - _LISTED),
        "path": printable(reason.path),
    }


def _finding(one: Finding) -> dict[str, Any]:
    place = {"path": printable(one.path), "line": one.line}
    return {"id": one.id, "rule": one.rule, **place, "message": printable(one.message)}


def _demanded(
    reason: Reason, policy: Policy, origin: Callable[[str], str], named: Sequence[Finding]
) -> list[dict[str, str]]:
    """Return the keys behind a reason as {"key", "value", "from"}; a law that no key sets has no key."""
    values = _entry(reason, policy, named)
    if not values:
        known = [key for key in _known(reason) if key != "sbom.profiles" or _scored(reason, policy)]
        asked = [(key, _value(policy, key)) for key in known]
        values = [(key, value) for key, value in asked if value]
        values = values or [one for one in asked[:1] if reason.rule not in ALWAYS]
    told = [
        {"key": key, "value": printable(_text(value), 1000), "from": printable(origin(key))} for key, value in values
    ]
    law = ALWAYS.get(reason.rule, "the gate itself asks for it")
    return told or [{"key": "", "value": law, "from": "always"}]


def _known(reason: Reason) -> tuple[str, ...]:
    """Return the keys that can have demanded what a reason is about."""
    rule, check = reason.rule, reason.check
    found = BY_CHECK.get((rule, check)) or DEMANDS.get(rule)
    if not found and rule not in _LAWS:
        found = DEMANDS.get(rule.partition("/")[0]) or CHECKS.get(check)
    other = ".warn" if reason.effect is not Effect.WARN else ".block"
    return tuple(key for key in found or () if not key.endswith(other))


def _scored(reason: Reason, policy: Policy) -> bool:
    """Whether a reason about the AI-BOM is about one of the profiles that it is scored against."""
    return any(f'"{profile}"' in reason.what for profile in policy.sbom.profiles)


def _entry(reason: Reason, policy: Policy, named: Sequence[Finding]) -> list[tuple[str, Any]]:
    """Return the one condition or waiver that a reason is about."""
    if reason.rule in CONDITIONS:
        found = _CONDITION.search(reason.what)
        name = str(named[0].details.get("condition")) if named else found[1] if found else ""
        return [(f"condition.{one.id}.when", one.when) for one in policy.condition if one.id == name]
    if reason.rule == "gate/waiver-expired" and (found := _WAIVER.match(reason.what)):
        return [(f"waiver.{one.id}.expires", one.expires) for one in policy.waiver if one.id == found[1]]
    return []


def _value(policy: Policy, key: str) -> Any:
    value: Any = policy
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return value


def _text(value: Any) -> str:
    """Return a value as TOML would show it, more or less."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)
