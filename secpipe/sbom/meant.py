"""What a CycloneDX schema lets pass and cannot be meant: a purl that is none, a licence expression that does not parse,
a dependency of something that is not in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.text import printable
from secpipe.formats.packages import purl
from secpipe.sbom.schema import Path, Problem, pointer

_TOKEN = re.compile(r"\s*([()]|[A-Za-z0-9.:+_-]+)")
_WORDS = {"AND", "OR", "WITH"}
_PARSED = 4096  # characters of a purl that is parsed
_LINK = "urn:cdx:"  # a reference into another document


def meant(document: dict[str, Any]) -> Iterator[Problem]:
    """Yield what no reader could act on."""
    refs: set[str] = set()
    pending: list[tuple[Path, Any]] = [((), document)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending += [((*path, key), item) for key, item in value.items() if isinstance(item, dict | list)]
            refs.add(str(value.get("bom-ref") or ""))
            yield from _words(path, value)
        elif isinstance(value, list):
            pending += [((*path, index), item) for index, item in enumerate(value) if isinstance(item, dict | list)]
    edges = document.get("dependencies")
    for index, edge in enumerate(edges if isinstance(edges, list) else ()):
        if isinstance(edge, dict):
            yield from _edge(("dependencies", index), edge, refs)


def _words(path: Path, value: dict[str, Any]) -> Iterator[Problem]:
    named, expression = value.get("purl"), value.get("expression")
    if isinstance(named, str) and named and not _is_purl(named):
        yield Problem(pointer((*path, "purl")), f'"{printable(named, 80)}" is no package URL')
    if isinstance(expression, str) and "licenses" in path and not is_expression(expression):
        yield Problem(pointer((*path, "expression")), f'"{printable(expression, 80)}" is no licence expression of SPDX')


def _is_purl(text: str) -> bool:
    """Whether a text is a purl; of one that is too long to be parsed its scheme decides: it names a hostile file."""
    return purl.parse(text) is not None or (len(text) > _PARSED and purl.is_purl(text))


def _edge(path: Path, edge: dict[str, Any], refs: set[str]) -> Iterator[Problem]:
    targets: list[tuple[Path, Any]] = [((*path, "ref"), edge.get("ref"))]
    for key in ("dependsOn", "provides"):
        listed = edge.get(key)
        targets += [((*path, key, at), one) for at, one in enumerate(listed if isinstance(listed, list) else ())]
    for where, target in targets:
        if isinstance(target, str) and target not in refs and not target.startswith(_LINK):
            yield Problem(pointer(where), f'"{printable(target, 80)}" names nothing in the document')


def is_expression(text: str) -> bool:
    """Whether a text parses as a licence expression (SPDX 2.3 annex D); which ids exist is another question."""
    depth, wants = 0, True  # whether an operand comes next
    for word in _TOKEN.findall(text):
        if wants and word == "(":
            depth += 1
        elif wants and word not in {")", *_WORDS}:
            wants = False
        elif not wants and word == ")" and depth:
            depth -= 1
        elif not wants and word.upper() in _WORDS:
            wants = True
        else:
            return False
    return not wants and depth == 0 and not _TOKEN.sub("", text).strip()
