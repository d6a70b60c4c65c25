"""Small real objects for the gate's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.gate.policies import policy_reader
from secpipe.gate.policies.policy import Policy
from secpipe.gate.policies.policy_places import Places
from secpipe.gate.ruling import Situation
from secpipe.scan.shadow_ai.allow import ShadowAI

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHECKS = ("trust", "files", "signatures", "models", "shadow-ai", "agents", "audit", "sbom")


def ok(check: str, **facts: Any) -> Evidence:
    standard: dict[str, Any] = {
        "audit": {"advisories": {"date": "2026-11-20T00:00:00Z", "records": 9}, "packages": 3, "unjudged": 0},
        "files": {"files": 3, "bytes": 10},
        "models": {"files": {"m/a.safetensors": {"format": "safetensors", "outcome": "ok"}}},
        "sbom": {"components": 3, "licenses": {}, "profiles": {}},
        "signatures": {"artifacts": [{"identity": "builder"}], "covered": {"m/a.safetensors": "builder"}},
        "trust": {"root_version": 1, "ring_version": 1},
        "shadow-ai": {"uses": []},
        "agents": {"items": []},
    }
    return Evidence(check, State.OK, facts={**standard.get(check, {}), **facts})


def clean(**changes: Evidence) -> dict[str, Evidence]:
    """Return evidence of a release that nothing stands against, with `changes` by check name (`_` for `-`)."""
    return {check: ok(check) for check in CHECKS} | {name.replace("_", "-"): made for name, made in changes.items()}


def situation(evidence: dict[str, Evidence] | None = None, policy: Policy | None = None, **rest: Any) -> Situation:
    made = policy or replace(Policy(), name="test", owner="sec")
    return Situation(made, rest.pop("environment", "prod"), rest.pop("now", NOW), evidence or clean(), **rest)


def finding(check: str = "models", severity: Severity = Severity.HIGH, **rest: Any) -> Finding:
    rule = rest.pop("rule", f"{check}/a-rule")
    return Finding(rule, rest.pop("message", "something is wrong"), severity, **rest)


def allow_list(values: dict[str, Any]) -> ShadowAI:
    """Return the `[shadow_ai]` of a policy as its file is read; raises ConfigError."""
    return policy_reader.section(ShadowAI, values, ("shadow_ai",), Places(b"", "policy.toml"))
