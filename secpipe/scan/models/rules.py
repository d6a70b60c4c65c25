"""The rules of the model scan, read from `policies/rules/models.toml`; a rule's severity decides the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from secpipe.core.documents import parse_toml
from secpipe.core.finding import Severity
from secpipe.core.limits import DEFAULT
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped


class Rating(IntEnum):
    """What a file comes to; the worst of its findings decides."""

    OK = 0
    REVIEW = 1
    MALICIOUS = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the scan needs it: its words for reports stand in the same table."""

    id: str
    title: str
    severity: Severity
    fix: str

    @property
    def outcome(self) -> Rating:
        """High and critical are malicious, medium is for review, what is below is only told."""
        if self.severity >= Severity.HIGH:
            return Rating.MALICIOUS
        return Rating.REVIEW if self.severity is Severity.MEDIUM else Rating.OK


@cache
def rules() -> Mapping[str, Rule]:
    """Return the rules by id; raises InputError where the shipped table is broken."""
    data = parse_toml(read_bytes(shipped() / "rules" / "models.toml", DEFAULT.text_bytes), "rules/models.toml")
    found = {}
    for entry in data["rule"]:
        severity = Severity[entry["severity"].upper()]
        found[entry["id"]] = Rule(entry["id"], entry["title"], severity, entry["fix"])
    return found
