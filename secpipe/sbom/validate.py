"""Is this a CycloneDX document? The official schema of the version it names, and what a schema cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.formats.boms import spdxcheck
from secpipe.formats.boms.shapes import parse
from secpipe.sbom import licenses
from secpipe.sbom.meant import meant
from secpipe.sbom.schema import Check, Compiler, Path, Problem, pointer
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

VERSIONS = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
#: What the schemas call each other -> the file it is here.
_FILES = {
    "spdx.SNAPSHOT.schema.json": "spdx.schema.json",
    "jsf-0.82.SNAPSHOT.schema.json": "jsf-0.82.schema.json",
    "cryptography-defs.SNAPSHOT.schema.json": "cryptography-defs.schema.json",
}


def validate(data: bytes, limits: Limits = DEFAULT) -> tuple[Problem, ...]:
    """Return what is wrong with a CycloneDX (JSON 1.2 to 1.7, XML, textproto) or SPDX document (2.2, 2.3, 3.0).

    JSON of CycloneDX is held against its official schema; other forms of it as far as they are read, SPDX against what
    its text requires. A text that cannot be read gives one problem at the root. At most about a hundred are returned.
    """
    try:
        if data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[", b""):
            document = parse_json(data, "the BOM", limits)
        else:
            document = parse(data, "the BOM", limits)
    except InputError as error:
        return (Problem("", error.message),)
    if isinstance(document, dict) and ("spdxVersion" in document or isinstance(document.get("@graph"), list)):
        found = spdxcheck.check(document, _is_license)
        return tuple(sorted({Problem(pointer(path), message) for path, message in found}))
    return check(document)


def _is_license(word: str) -> bool:
    found = licenses.normalize(word)
    return bool(found.id or found.expression)


def check(document: Any) -> tuple[Problem, ...]:
    """As `validate`, for a document that is parsed already."""
    if not isinstance(document, dict):
        return (Problem("", "the BOM is not an object"),)
    if document.get("bomFormat") != "CycloneDX":
        return (Problem("/bomFormat", 'is not "CycloneDX"'),)
    version = document.get("specVersion")
    if version not in VERSIONS:
        return (Problem("/specVersion", f"{printable(str(version), 40)} is none of {', '.join(VERSIONS)}"),)
    problems: list[Problem] = []
    _schema(version)(document, (), problems)
    problems += _references(document)
    problems += meant(document)
    return tuple(sorted(set(problems)))


@cache
def _schema(version: str) -> Check:
    name = f"bom-{version}.schema.json"
    return Compiler(_Documents(name)).reference(name, "")


class _Documents(dict[str, Any]):
    """The schema files, read when first asked for."""

    def __init__(self, main: str) -> None:
        super().__init__()
        self._main = main

    def __missing__(self, name: str) -> Any:
        file = _FILES.get(name, self._main)
        self[name] = json.loads(read_bytes(shipped() / "cyclonedx" / file, DEFAULT.document_bytes))
        return self[name]


def _references(document: dict[str, Any]) -> Iterator[Problem]:
    """Yield bom-refs of components and services that stand twice; the schema's `uniqueItems` cannot see them."""
    seen: dict[str, str] = {}
    pending: list[tuple[Path, Any]] = [((key,), document.get(key)) for key in ("components", "services")]
    while pending:
        path, value = pending.pop()
        if not isinstance(value, list):
            continue
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                continue
            ref, here = item.get("bom-ref"), pointer((*path, index))
            if isinstance(ref, str):
                if ref in seen:
                    yield Problem(max(here, seen[ref]), f'the bom-ref "{printable(ref, 80)}" stands twice')
                seen[ref] = here
            pending += [((*path, index, key), item.get(key)) for key in ("components", "services")]
