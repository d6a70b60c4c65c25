"""One document, other formats: CycloneDX 1.6 and 1.7 in JSON and XML, SPDX 3.0.1; what is left behind is named."""

from __future__ import annotations

import copy
import re
from typing import Any

from secpipe.core.errors import ConfigError, InputError
from secpipe.sbom.bom import Document, dump
from secpipe.sbom.extras import walk
from secpipe.sbom.spdx import UNCARRIED, from_cyclonedx
from secpipe.sbom.validate import check

SPECS = ("1.6", "1.7")
_PASSES = 50  # rounds of dropping fields that an older version does not know


def to_format(document: Document, form: str, spec: str | None = None) -> bytes:
    """Return a CycloneDX document as `cyclonedx-json`, `cyclonedx-xml` or `spdx-json`.

    Raises ConfigError for an unknown format or version, InputError where the document does not fit the target.
    """
    if form == "spdx-json":
        return from_cyclonedx(document)
    moved, _ = _as_version(document, spec)
    if form == "cyclonedx-json":
        return dump(moved)
    if form == "cyclonedx-xml":
        from secpipe.sbom.cyclonedx import to_xml

        return to_xml(moved)
    raise ConfigError(f'unknown format "{form}"', hint="cyclonedx-json, cyclonedx-xml or spdx-json")


def lost(document: Document, form: str, spec: str | None = None) -> tuple[str, ...]:
    """Return what a conversion leaves behind, as field names, sorted."""
    if form == "spdx-json":
        return tuple(name for name in UNCARRIED if document.get(name))
    moved, dropped = _as_version(document, spec)
    if form == "cyclonedx-xml":
        from secpipe.sbom.cyclonedx import NOT_IN_XML
        from secpipe.sbom.xmlparts import left_out

        fields = {name for item in walk(moved.get("components")) for name in item}
        whole = [name for name in NOT_IN_XML if name in fields or moved.get(name)]
        dropped = sorted({*dropped, *whole, *left_out(moved)})
    return tuple(dropped)


def _as_version(document: Document, spec: str | None) -> tuple[Document, list[str]]:
    """Return the document in another version of CycloneDX, and the fields that this version does not know."""
    if spec is None or spec == document.get("specVersion"):
        return document, []
    if spec not in SPECS:
        raise ConfigError(f"CycloneDX {spec} cannot be written", hint="--spec 1.7, or --spec 1.6")
    result = copy.deepcopy(document)
    result["specVersion"] = spec
    if "$schema" in result:
        result["$schema"] = f"http://cyclonedx.org/schema/bom-{spec}.schema.json"
    dropped: set[str] = set()
    for _ in range(_PASSES):
        problems = check(result)
        unknown = [problem for problem in problems if problem.message.endswith("is not a known field here")]
        if not unknown:
            if problems:
                raise InputError(
                    f"the SBOM does not fit CycloneDX {spec}: {problems[0].pointer}: {problems[0].message}"
                )
            return result, sorted(dropped)
        for problem in unknown:
            name = problem.message[1:].partition('"')[0]
            if _drop(result, problem.pointer, name):
                dropped.add(name)
    raise InputError(f"the SBOM does not fit CycloneDX {spec}")


def _drop(document: Document, pointer: str, name: str) -> bool:
    target: Any = document
    for part in filter(None, pointer.split("/")):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and re.fullmatch(r"\d+", key) and int(key) < len(target):
            target = target[int(key)]
        elif isinstance(target, dict) and key in target:
            target = target[key]
        else:
            return False
    return isinstance(target, dict) and target.pop(name, None) is not None
