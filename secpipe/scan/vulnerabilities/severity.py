"""How bad an advisory is: CVSS vectors, and the words of sources that rate without one. The only importer of `cvss`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from secpipe.core.finding import Severity
from secpipe.scan.vulnerabilities.osv import Advisory

_VECTOR = re.compile(r"(?:CVSS:[34]\.[01]/)?[A-Za-z]{1,3}:[A-Za-z]{1,6}(?:/[A-Za-z]{1,3}:[A-Za-z]{1,6}){0,40}/?")
_WORDS = {
    "low": Severity.LOW,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "critical": Severity.CRITICAL,
}
#: Bands of the CVSS v3.1 and v4.0 specifications, "Qualitative Severity Rating Scale".
_BANDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))

#: What nobody has rated is not harmless: it counts as high until somebody does.
UNRATED = Severity.HIGH


@lru_cache(maxsize=4096)
def score(vector: str) -> float | None:
    """Return the base score (0.0 to 10.0) of a CVSS v2, v3 or v4 vector; None where it is no vector."""
    if not _VECTOR.fullmatch(vector):
        return None
    import cvss

    makers: dict[str, Any] = {"CVSS:4": cvss.CVSS4, "CVSS:3": cvss.CVSS3}
    try:
        value = float(makers.get(vector[:6], cvss.CVSS2)(vector.rstrip("/")).scores()[0])
    except Exception:  # a hostile vector is no rating, whatever the library thinks of it
        return None
    return value if 0.0 <= value <= 10.0 else None


def rate(advisories: Iterable[Advisory]) -> tuple[Severity, float | None, str]:
    """Return (severity, score, vector) of the worst rating; without any, (`UNRATED`, None, "")."""
    scored = []
    words = []
    for advisory in advisories:
        values = advisory.scores or map(score, advisory.vectors)
        scored += [(value, vector) for value, vector in zip(values, advisory.vectors, strict=True) if value is not None]
        words += [_WORDS[advisory.level]] if advisory.level in _WORDS else []
    if not scored:
        return (max(words) if words else UNRATED), None, ""
    value, vector = max(scored)
    band = next((severity for floor, severity in _BANDS if value >= floor), Severity.INFO)
    return band, value, vector
