"""What agents of a project may do: the scan of one or several paths, judged by a policy where one is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secpipe.api.findings import found_in, worst
from secpipe.api.results import Findings, findings_of
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.findings import document

if TYPE_CHECKING:
    from secpipe.core.evidence import Evidence


def look(path: str) -> Evidence:
    """Return what the scanner finds under one path, before any policy judges it."""
    from secpipe.scan.agents.scan import scan
    from secpipe.system.aliases import aliased
    from secpipe.system.tree import open_tree

    walked = open_tree(path)
    evidence = scan(aliased(walked))
    return replace(evidence, skips=tuple(sorted({*walked.skipped, *evidence.skips}, key=lambda skip: skip.path)))


def judged_items(
    paths: Sequence[str], *, policy: str | None = None, env: str = "prod", at: datetime | None = None
) -> Findings:
    """Judge the items under `paths`: what is wrong whatever a policy says, and, with `policy`, what nobody approved.

    Exit codes: 0 nothing found, 1 found, 3 something was not read. Raises InputError, ConfigError.
    """
    from secpipe.core.finding import Severity, sort_key
    from secpipe.system.clock import SystemClock

    now = at or SystemClock().now()
    parts = [(path, look(path)) for path in paths]
    if policy:
        parts = [(path, _approved(evidence, policy, env, now)) for path, evidence in parts]
    findings, skips = found_in(parts) if len(parts) > 1 else (parts[0][1].findings, parts[0][1].skips)
    facts: dict[str, Any] = {"items": [item for _, evidence in parts for item in evidence.facts["items"]]}
    told = replace(worst(parts), findings=tuple(sorted(findings, key=sort_key)), skips=skips, facts=facts, account=None)
    said = document(told, "scan agents", now, simulated=at is not None)
    if any(finding.severity > Severity.INFO for finding in findings):
        return findings_of(said, EXIT_DENY)
    return findings_of(said, EXIT_UNDECIDED if skips or told.state != "ok" else EXIT_PASS)


def _approved(evidence: Evidence, policy: str, env: str, now: datetime) -> Evidence:
    from secpipe.gate.policies import policy_file
    from secpipe.gate.rules.agents import approvals_of
    from secpipe.scan.agents.judge import judge

    approvals = approvals_of(policy_file.load(policy).resolve(env).agents.allow)
    asked = judge(evidence.facts["items"], approvals, env=env, now=now, signers={})
    return replace(evidence, findings=(*evidence.findings, *asked))
