"""Signs that a destination gives, and the paths that only an AI service serves."""

from __future__ import annotations

import re
from functools import lru_cache

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.hosts import HOLE, URL, Destination, counts, resolve
from secpipe.scan.shadow_ai.signal import Signal

_OPEN = re.compile(
    r"(?:\$\{\{[ \t]*(?:\w+\.)*(\w+)[ \t]*\}\}"
    r"|\$(?:env:)?[({]?(\w+)(?::?[-=?](?:[^}\s\"'$]*|[^}\s\"']{0,200}))?[)}]?|%(\w+)%"
    r"|\{\{[ \t]*[.$]?(?:\w+\.)*(\w+)[ \t]*\}\})(?::\d{1,5})?(?P<path>/[\w./:-]+)"
)


def destination_signal(
    role: str,
    mechanism: str,
    destination: Destination,
    line: int,
    evidence: str,
    *,
    sdk: str = "",
    confidence: Confidence = Confidence.HIGH,
) -> Signal:
    """Return the sign of a call to `destination`."""
    return Signal(
        role,
        mechanism,
        destination.provider,
        line=line,
        host=destination.host,
        sdk=sdk,
        confidence=confidence,
        evidence=evidence.replace(HOLE, "*"),
    )


def bare_host(text: str, line: int, catalogue: Catalogue) -> list[Signal]:
    """Return the sign of a host named without a scheme (`api.example.com/v1`), if an AI provider is there."""
    if "://" in text or "." not in text:
        return []
    there = resolve(text, catalogue)
    if there is None or there.provider not in catalogue.providers or not counts(there, catalogue):
        return []
    return [destination_signal("endpoint", "http", there, line, f"names {there.host}", confidence=Confidence.MEDIUM)]


def ai_path(path: str, catalogue: Catalogue, around: str) -> bool:
    """Whether a URL's path is one that only AI services serve; weak paths need a word of `around` to agree."""
    path = path.partition("?")[0].partition("#")[0].rstrip("/").lower()
    for row in catalogue.signals["path"]:
        if path.endswith(row["ending"]):
            return not row.get("needs") or _agrees(around, tuple(row["needs"]))
    return False


@lru_cache(4)
def _agrees(around: str, words: tuple[str, ...]) -> bool:
    """Whether a text holds one of the words; kept, since one text may hold very many addresses."""
    folded = around.lower()
    return any(word in folded for word in words)


def endpoints(
    text: str, line: int, catalogue: Catalogue, around: str, *, confidence: Confidence = Confidence.HIGH
) -> list[Signal]:
    """Return the signs of all URLs in `text` that lead to an AI service; `around` is more text to judge weak paths
    by.
    """
    found = []
    for match in URL.finditer(text):
        destination = resolve(match[0].rstrip(".:"), catalogue)
        if destination is None:
            continue
        known = destination.provider in catalogue.providers
        if counts(destination, catalogue) if known else ai_path(destination.path, catalogue, around):
            found.append(
                destination_signal(
                    "endpoint", "http", destination, line, f"calls {destination.host}", confidence=confidence
                )
            )
    return found + _open(text, line, catalogue, around)


def _open(text: str, line: int, catalogue: Catalogue, around: str) -> list[Signal]:
    """Return the signs of AI paths on a host that a variable names: `https://$HOST/v1/...`, `$(URL)/v1/...`."""
    found = []
    for match in _OPEN.finditer(text) if "$" in text or "{{" in text or "%" in text else ():
        name = next(group for group in match.groups()[:4] if group)
        if ai_path(match["path"], catalogue, around):
            found.append(
                Signal(
                    "client", "http", "", line=line, envs=(name,), evidence=f"calls an AI path at {name}",
                    confidence=Confidence.HIGH,
                )
            )  # fmt: skip
    return found


def permissions(text: str, line: int, catalogue: Catalogue) -> list[Signal]:
    """Return the signs of cloud permissions to call a model (`bedrock:InvokeModel`) in a line or string."""
    lowered = text.lower() if ":" in text else ""
    for action, owner in catalogue.iam if lowered else ():
        if action.lower() in lowered:
            return [Signal("direct", "iac", owner, line=line, evidence=f"grants {action}", confidence=Confidence.HIGH)]
    return []
