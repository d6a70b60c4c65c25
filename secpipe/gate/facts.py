"""Reading facts out of evidence: what is absent or of the wrong shape reads as empty, never as an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.core import shape
from secpipe.core.evidence import Evidence, State


def mapping(evidence: Evidence, name: str) -> Mapping[str, Any]:
    """Return the fact `name` if it is a mapping, otherwise an empty one."""
    return shape.mapping(evidence.facts.get(name))


def listing(evidence: Evidence, name: str) -> list[Any]:
    """Return the fact `name` if it is a list, otherwise an empty one."""
    return shape.listing(evidence.facts.get(name))


def each(evidence: Evidence) -> list[Mapping[str, Any]]:
    """Return the facts of every attestation of one kind; none where the evidence tells of none apart."""
    return [fact for fact in listing(evidence, "each") if isinstance(fact, Mapping)]


def not_asked(check: str) -> Evidence:
    """Return evidence for a check that the policy does not ask for."""
    return Evidence(check, State.SKIPPED, "the policy does not ask for it")
