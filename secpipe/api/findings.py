"""What several scanned or verified paths say together: one evidence, one document, one exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secpipe.core.artifact import Skip
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, sort_key

_WORST = (State.FAILED, State.SKIPPED, State.STALE, State.OK)

#: A path as the caller gave it, and what was found there.
Part = tuple[str, Evidence]


def seen_from(path: str, inner: str) -> str:
    """Return the place of `inner`, which is relative to the tree at `path`, seen from where `path` was given.

    The tree of a file is rooted in the file's folder; an image has no places inside.
    """
    if not inner or "://" in path:
        return path
    root = path if os.path.isdir(path) else os.path.dirname(path)
    return f"{root.rstrip('/')}/{inner}" if root else inner


def worst(parts: Sequence[Part]) -> Evidence:
    """Return the evidence with the worst state; of equal ones the first."""
    return min((evidence for _, evidence in parts), key=lambda evidence: _WORST.index(evidence.state))


def found_in(parts: Sequence[Part]) -> tuple[tuple[Finding, ...], tuple[Skip, ...]]:
    """Return the findings and the skips of all parts, each at its place seen from the caller."""
    findings = [replace(item, path=seen_from(path, item.path)) for path, each in parts for item in each.findings]
    skips = [Skip(seen_from(path, skip.path), skip.reason) for path, each in parts for skip in each.skips]
    return tuple(findings), tuple(skips)


def merged_models(parts: Sequence[Part]) -> Evidence:
    """Return one evidence of model scans; of a single path it is that path's own."""
    if len(parts) == 1:
        return parts[0][1]
    findings, skips = found_in(parts)
    files = {seen_from(path, name): facts for path, each in parts for name, facts in each.facts["files"].items()}
    return replace(
        worst(parts), findings=tuple(sorted(findings, key=sort_key)), skips=skips, facts={"files": files}, account=None
    )


def merged_signatures(parts: Sequence[Part]) -> Evidence:
    """Return one evidence of verifications: the worst state with its reason; of a single path it is that path's own."""
    if len(parts) == 1:
        return parts[0][1]
    told = worst(parts)
    facts: dict[str, Any] = {"artifacts": [], "covered": {}}
    for path, evidence in parts:
        listed = evidence.facts.get("artifacts", [])
        facts["artifacts"] += [fact | {"path": seen_from(path, fact["path"])} for fact in listed]
        facts["covered"] |= {seen_from(path, name): who for name, who in evidence.facts.get("covered", {}).items()}
    if "pinned" in told.facts:
        facts["pinned"] = told.facts["pinned"]
    findings, skips = found_in(parts)
    return replace(told, findings=findings, skips=skips, facts=facts, account=None)


def is_complete(evidence: Evidence) -> bool:
    """Whether everything was looked at and nothing is stale."""
    return evidence.state is State.OK and not evidence.skips


def exit_code(evidence: Evidence) -> int:
    """0 everything holds, 1 something does not, 3 nothing is known."""
    if evidence.state is State.FAILED:
        return EXIT_DENY
    return EXIT_PASS if is_complete(evidence) else EXIT_UNDECIDED
