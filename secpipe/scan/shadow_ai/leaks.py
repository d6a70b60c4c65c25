"""Keys of AI providers met on the way: found by format, shown only as a prefix, judged by how they look."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from functools import cache

from secpipe.core.bounds import Bound, Tell
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.text import as_bytes
from secpipe.formats.words import Search, native, plain
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.terms import required

_PLACEHOLDER = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3}|example|placeholder|your[-_]|changeme|dummy|redacted|sample|test[-_]?key|fake|abcdef|123456789|0{6,}|(.)\1{5,}"
)
_MIN_ENTROPY = 3.0  # bits a character; random base62 has above 4.5, words about 3.5 with repeats below 3
_MAX_IN_FILE = 50
_PAGES = (".html", ".htm", ".xhtml", ".svg")


def leaks(text: str, path: str, region: str, catalogue: Catalogue, *, other_signs: bool, tell: Tell) -> list[Finding]:
    """Return a finding for each provider key in `text`.

    Formats that other vendors share are looked for only where `other_signs` of AI stand in the file. The secret itself
    goes into no message: the finding shows at most eight characters, and is identified by a salted digest.
    """
    found: dict[str, Finding] = {}
    bound = Bound(_MAX_IN_FILE, "keys", tell)
    owners, search = _words(catalogue)
    met = {owners[word] for word, _ in search(as_bytes(text.lower()))}
    for index, key in enumerate(catalogue.keys):
        if (index in owners and index not in met) or (
            (not key.term or key.confidence is Confidence.LOW) and not other_signs
        ):
            continue
        for match in key.pattern.finditer(text):
            secret = match[match.lastindex or 0]
            if not _looks_real(secret) or any(secret in known or known in secret for known in found):
                continue
            if not bound.allows():
                return list(found.values())
            line = text.count("\n", 0, match.start()) + 1
            found[secret] = _finding(secret, key.provider, key.confidence, path, line, region, catalogue)
    return list(found.values())


@cache
def _words(catalogue: Catalogue) -> tuple[list[int], Search]:
    """Return the search for the words of which every key of a format holds one, and the format of each word."""
    rows = [
        (index, word.encode())
        for index, key in enumerate(catalogue.keys)
        for word in sorted({key.term} if key.term else _telling(required(key.pattern.pattern)))
    ]
    words = [word for _, word in rows]
    return [index for index, _ in rows], native(words) or plain(words)


def _telling(words: set[str]) -> set[str]:
    """Return the words, none where one of them stands in every text."""
    return words if all(len(word) > 2 for word in words) else set()


def redact(secret: str) -> str:
    """Return the prefix that names the format, and how long the rest is."""
    head = re.match(r"[A-Za-z]{1,6}(?:[-_](?:[a-z]{1,6}|v\d|api\d\d)){0,2}[-_]", secret)
    shown = (head[0] if head else secret[:2])[:12]
    return f"{shown}… ({len(secret)} characters)"


def _looks_real(secret: str) -> bool:
    if _PLACEHOLDER.search(secret):
        return False
    counts = Counter(secret)
    entropy = -sum(n / len(secret) * math.log2(n / len(secret)) for n in counts.values())
    return entropy >= _MIN_ENTROPY


def _finding(
    secret: str, provider: str, confidence: Confidence, path: str, line: int, region: str, catalogue: Catalogue
) -> Finding:
    name, page = catalogue.providers[provider].name, catalogue.providers[provider].revoke
    where = f"at {name}: {page}" if page else f"at {name}, where it was issued"
    digest = hashlib.sha256(b"secpipe shadow-ai key\0" + as_bytes(secret)).hexdigest()[:16]
    public = path.lower().endswith(_PAGES)  # whoever opens it has the key
    severity = Severity.CRITICAL if public or region in {"code", "config", "example"} else Severity.MEDIUM
    return Finding(
        rule="shadow-ai/leaked-key",
        message=f"{path}:{line} holds what looks like a key of {name}: {redact(secret)}",
        severity=severity,
        confidence=confidence,
        path=path,
        line=line,
        subject=f"{provider} {digest}",
        fix=f"revoke the key {where}; make a new one that only your server reads, from its environment or a secret"
        " store",
        details={"provider": provider, "prefix": redact(secret), "region": region, "revoke": page},
    )
