"""The document that every scanner prints, `secpipe.findings/1`: built here and nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.evidence import Evidence
from secpipe.core.text import printable
from secpipe.core.version import __version__

SCHEMA = "secpipe.findings/1"


def document(evidence: Evidence, command: str, now: datetime, *, simulated: bool = False) -> dict[str, Any]:
    """Return what `command` (as it is typed, without the program's name) found, as JSON; docs/spec/findings.md."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "secpipe", "version": __version__},
        "command": command,
        "at": times.rfc3339(now),
        "simulated": simulated,
        "evidence": {
            "check": evidence.check,
            "state": str(evidence.state),
            "reason": printable(evidence.reason),
            "producer": evidence.producer,
            "facts": dict(evidence.facts),
        },
        "findings": [finding.to_dict() for finding in evidence.findings],
        "skipped": [skip.to_dict() for skip in evidence.skips],
    }
