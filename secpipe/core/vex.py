"""Words of VEX: OpenVEX 0.2.0 beside CycloneDX 1.6, and where each says until when a statement holds."""

from __future__ import annotations

import re

#: OpenVEX status -> CycloneDX analysis state.
STATES = {
    "not_affected": "not_affected",
    "affected": "exploitable",
    "fixed": "resolved",
    "under_investigation": "in_triage",
}
#: OpenVEX justification -> CycloneDX justification.
JUSTIFICATIONS = {
    "component_not_present": "code_not_present",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_configuration",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
#: The property of a CycloneDX vulnerability that says until when its analysis holds.
EXPIRES = "secpipe:expires"
_UNTIL = re.compile(r"\bexpires (\d{4}-\d\d-\d\dT[0-9:.]{5,20}(?:Z|[+-]\d\d:\d\d))")


def note(expires: str) -> str:
    """Return the `status_notes` of an OpenVEX statement that ends; its schema has no field for it."""
    return f"expires {expires}"


def until(notes: object) -> str:
    """Return the end that `status_notes` name, as they spell it, or ""."""
    found = _UNTIL.search(notes) if isinstance(notes, str) else None
    return found[1] if found else ""
