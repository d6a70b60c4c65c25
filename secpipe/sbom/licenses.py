"""Licences: the words of cards and manifests as SPDX, and the terms that follow a model to its derivatives."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache

from secpipe.core.documents import parse_toml
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

_OPERATORS = re.compile(r"\s(?:AND|OR|WITH)\s|[()]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class License:
    """A licence as an SBOM names it: exactly one of `id` and `expression` (SPDX), or a free `name`."""

    id: str = ""
    expression: str = ""
    name: str = ""

    def __str__(self) -> str:
        return self.id or self.expression or self.name


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence asks for, and which of it a derivative takes over."""

    title: str
    terms: frozenset[str]
    inherited: frozenset[str]


@lru_cache(4096)
def normalize(word: str) -> License:
    """Return a licence word as SPDX where it is SPDX, else by the name it has."""
    text = " ".join(word.split())[:300]
    ids, (spelling, _) = _identifiers(), _table()
    lower = text.lower()
    if found := ids.get(lower) or ids.get(spelling.get(lower, "").lower()):
        return License(id=found)
    if _OPERATORS.search(text) and (expression := _expression(text)):
        return License(expression=expression)
    return License(name=printable(text, 200))


@lru_cache(4096)
def terms(word: str) -> Terms | None:
    """Return what a licence word asks for; None for one without terms that bind derivatives."""
    return _table()[1].get(word.strip().lower())


def _expression(text: str) -> str:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError):
        return ""


@cache
def _identifiers() -> dict[str, str]:
    data = read_bytes(shipped() / "cyclonedx" / "spdx.schema.json", DEFAULT.document_bytes)
    return {name.lower(): name for name in json.loads(data)["enum"]}


@cache
def _table() -> tuple[dict[str, str], dict[str, Terms]]:
    document = parse_toml(read_bytes(shipped() / "licenses" / "licenses.toml", DEFAULT.text_bytes), "licenses.toml")
    rows = {
        word: Terms(row.get("name", word), frozenset(row["terms"]), frozenset(row["inherited"]))
        for row in document["license"]
        for word in row["words"]
    }
    return dict(document["spelling"]), rows
