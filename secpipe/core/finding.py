"""What a scanner says: a rule that bites at a place. The same shape from every scanner."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from secpipe.core.text import printable

#: `wing/kebab-name`, for instance `models/unlisted-call`.
RULE_ID = re.compile(r"[a-z][a-z0-9-]*/[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class _Ordered(IntEnum):
    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> _Ordered:
        """Return the member named `word`; raise ValueError."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f'"{word}" is none of {", ".join(str(member) for member in cls)}') from None


class Severity(_Ordered):
    """How bad it is if it is true."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Confidence(_Ordered):
    """How sure the scanner is."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that bites at a place.

    `subject` is what identifies the finding beside rule and path (a purl and advisory, a host, a call); it holds no
    line number, so that `id` survives edits elsewhere in the file. `message` is one plain sentence. `fix` is the
    command or change that ends it. `details` is JSON-ready and documented by the rule's page. `id` is made of rule,
    path and subject: 20 hex digits, stable across runs and machines.
    """

    rule: str
    message: str
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    path: str = ""
    line: int = 0  # 1-based; 0 = unknown
    column: int = 0
    offset: int | None = None  # byte offset in a binary file
    subject: str = ""
    fix: str = ""
    owner: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        text = f"{self.rule}\0{self.path}\0{self.subject}"
        # Not surrogateescape: JSON under test may hold any lone surrogate ("\ud800"), and no name may alias another.
        made = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
        object.__setattr__(self, "id", made)

    def to_dict(self) -> dict[str, Any]:
        """Return the published JSON shape (`docs/spec/findings.md`); hostile strings are escaped."""
        return {
            "id": self.id,
            "rule": self.rule,
            "path": printable(self.path),
            "line": self.line,
            "column": self.column,
            "offset": self.offset,
            "severity": str(self.severity),
            "confidence": str(self.confidence),
            "message": printable(self.message),
            "subject": printable(self.subject),
            "fix": printable(self.fix),
            "owner": printable(self.owner),
            "details": dict(self.details),
        }


def sort_key(finding: Finding) -> tuple[int, str, str, int, str]:
    """Worst first, then by rule and place: the order of every report."""
    return (-finding.severity, finding.rule, finding.path, finding.line, finding.subject)
