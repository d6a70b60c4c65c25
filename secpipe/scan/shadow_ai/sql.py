"""SQL: functions with which a database calls a model."""

from __future__ import annotations

import re

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import text
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.signal import Reading, Signal

_NOISE = re.compile(r"--[^\n]*|/\*[\s\S]*?\*/")
_STATEMENT = re.compile(r"(?i)\b(?:select|insert|update|create|merge|with|call|values)\b")


def read(content: str, catalogue: Catalogue) -> Reading:
    """Return the signs in a SQL script."""
    blank = _NOISE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), content)
    out = text.read(blank, catalogue)
    out.engine = "sql"
    out.signals += functions(blank, catalogue)
    return out


def functions(content: str, catalogue: Catalogue, *, line: int = 0) -> list[Signal]:
    """Return a sign for every AI function in SQL text; `line` places a string of another language."""
    lowered = content.lower()
    if not _STATEMENT.search(content):
        return []
    found = []
    for name, owner in catalogue.sql:
        start = lowered.find(name.lower())
        while start >= 0:
            if start == 0 or not (lowered[start - 1].isalnum() or lowered[start - 1] in "_$"):
                place = line or content.count("\n", 0, start) + 1
                found.append(
                    Signal(
                        "direct",
                        "sql",
                        owner,
                        line=place,
                        evidence=f"calls {name.rstrip('(.')} in SQL",
                        confidence=Confidence.HIGH,
                    )
                )
                break
            start = lowered.find(name.lower(), start + 1)
    return found
