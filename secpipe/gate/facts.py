"""Reading facts out of evidence: what is absent or of the wrong shape reads as empty, never as an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.core.evidence import Evidence, State


def mapping(evidence: Evidence, name: str) -> Mapping[str, Any]:
    """Return the fact `name` if it is a mapping, otherwise an empty one."""
    value = evidence.facts.get(name)
    return value if isinstance(value, Mapping) else {}


def listing(evidence: Evidence, name: str) -> list[Any]:
    """Return the fact `name` if it is a list, otherwise an empty one."""
    value = evidence.facts.get(name)
    return list(value) if isinstance(value, list | tuple) else []


def each(evidence: Evidence) -> list[Mapping[str, Any]]:
    """Return the facts of every attestation of one kind; none where the evidence tells of none apart."""
    return [fact for fact in listing(evidence, "each") if isinstance(fact, Mapping)]


def not_asked(check: str) -> Evidence:
    """Return evidence for a check that the policy does not ask for."""
    return Evidence(check, State.SKIPPED, "the policy does not ask for it")
