"""Why a signature does not hold: one error that carries the rule it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.core.errors import TrustError
from secpipe.core.finding import Confidence, Finding, Severity

INVALID = "signatures/invalid"
STRIPPED = "signatures/stripped-half"
UNKNOWN_KEY = "signatures/unknown-key"
CHANGED = "signatures/changed-file"
EXTRA = "signatures/extra-file"
MISSING = "signatures/missing-file"
WRONG_PURPOSE = "signatures/wrong-purpose"
EXPIRED = "signatures/expired-key"
COMPROMISED = "signatures/compromised-key"
SUSPENDED = "signatures/suspended-key"
IGNORED = "signatures/ignored-path"
RESERVED = "signatures/reserved-name"
REPLAYED = "signatures/replayed"
NOT_A_BUNDLE = "signatures/not-a-bundle"
RENAMED = "signatures/renamed"

_CRITICAL = frozenset({INVALID, STRIPPED, CHANGED, COMPROMISED, UNKNOWN_KEY})
_INFORMING = frozenset({NOT_A_BUNDLE, RENAMED})


class Refused(TrustError):
    """A signature that does not hold, and by which rule; `path` is set where one file is to blame."""

    def __init__(self, rule: str, message: str, code: str = "", *, path: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint, code=code or rule.rpartition("/")[2])
        self.rule = rule
        self.path = path


def finding(rule: str, message: str, path: str, subject: str = "", fix: str = "", **details: Any) -> Finding:
    """Return the finding for a rule of this room, at its severity."""
    severity = Severity.CRITICAL if rule in _CRITICAL else Severity.INFO if rule in _INFORMING else Severity.HIGH
    told: Mapping[str, Any] = details
    return Finding(rule, message, severity, Confidence.HIGH, path=path, subject=subject or path, fix=fix, details=told)
