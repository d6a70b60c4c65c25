"""What a BOM of ours says as a whole, held against the files: what needs what, what it lacks, what has no purl."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from secpipe.core import shape
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural, printable
from secpipe.sbom.bom import Document, label
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select

RULE = "sbom/untrue"
#: What is derived from the files of a release, so that it is nobody's to change. Everything else may be added by hand.
DERIVED = ("type", "name", "group", "version", "purl", "hashes", "licenses", "pedigree", "modelCard", "data", "scope",
           "endpoints")  # fmt: skip
Pairs = Sequence[tuple[Document, Document]]
_WITHOUT_FILES = {"library", "framework", "container"}
#: Of a component: what has a comparison of its own, or is none of the files'.
_ELSEWHERE = {"bom-ref", "components", "properties", "evidence", "externalReferences"}
_ADDED = ("vulnerabilities", "annotations", "formulation", "declarations", "definitions", "citations",
          "externalReferences")  # fmt: skip
_NAMED = ("authors", "supplier", "manufacturer", "manufacture", "licenses", "distributionConstraints")


def whole(stated: Document, derived: Document, pairs: Pairs, *, same: bool) -> Iterator[Finding]:
    """Yield what a BOM of ours gets wrong beyond single fields; `same`: no file of the tree is another one.

    `pairs` are its components with what was derived of each. What is left out is told where leaving it out hides
    something: an edge, a part, a file that was not read.
    """
    refs = {str(said.get("bom-ref")): str(now.get("bom-ref")) for said, now in (*pairs, _roots(stated, derived))}
    yield from _edges(stated, derived, pairs, refs)
    yield from _complete(stated, derived, refs)
    yield from _skipped(stated, derived)
    met = {id(now) for _, now in pairs}
    for now in walk(derived.get("components")):
        if id(now) not in met and now.get("type") in _WITHOUT_FILES and not _settled(now):
            message = f"{label(now)} is in the tree and not in the SBOM"
            fix = "make a new SBOM and have it reviewed"
            yield Finding("sbom/added", message, Severity.MEDIUM, subject=label(now), fix=fix)
    for said, now in pairs:
        yield from _other(said, now, same)


def added(stated: Document, derived: Document) -> Iterator[str]:
    """Yield the parts of the document that no file says anything about."""
    yield from (f"the SBOM: {key}" for key in _ADDED if stated.get(key) and not derived.get(key))
    metadata = shape.mapping(stated.get("metadata"))
    yield from (f"the SBOM: metadata.{key}" for key in _NAMED if metadata.get(key))


def _settled(now: Document) -> bool:
    """Whether a part is compared elsewhere: packages by their purl, what is only named by its own rule."""
    package = now.get("purl") and now.get("type") != "container"
    return bool(package) or bool(select(now, "properties[name=secpipe:declared:referenced].value"))


def _roots(stated: Document, derived: Document) -> tuple[Document, Document]:
    said, now = (shape.mapping(shape.mapping(one.get("metadata")).get("component")) for one in (stated, derived))
    return dict(said), dict(now)


def _targets(document: Document) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in shape.tables(document.get("dependencies")):
        wanted = found.setdefault(str(row.get("ref")), set())
        for key in ("dependsOn", "provides"):
            wanted.update(map(str, shape.listing(row.get(key))))
    return found


def _edges(stated: Document, derived: Document, pairs: Pairs, refs: dict[str, str]) -> Iterator[Finding]:
    mine, true = _targets(stated), _targets(derived)
    known = set(refs.values())
    names = {str(now.get("bom-ref")): label(now) for _, now in pairs}
    for said, now in (*pairs, _roots(stated, derived)):
        one = {refs[ref] for ref in mine.get(str(said.get("bom-ref")), ()) if ref in refs}
        other = true.get(str(now.get("bom-ref")), set())
        for words, those in (("leaves out", (other & known) - one), ("makes up", one - other)):
            if those:
                shown = ", ".join(sorted(names.get(ref, ref) for ref in those)[:3])
                message = f"the SBOM {words} that {label(said)} needs {printable(shown, 200)}"
                yield finding(said, "dependencies", message + (", ..." if len(those) > 3 else ""))


def _complete(stated: Document, derived: Document, refs: dict[str, str]) -> Iterator[Finding]:
    def claimed(document: Document, key: str) -> set[str]:
        return {
            str(ref)
            for row in shape.tables(document.get("compositions"))
            for ref in shape.listing(row.get(key))
            if row.get("aggregate") == "complete"
        }

    for key in ("assemblies", "dependencies"):
        wrong = {ref for ref in claimed(stated, key) if ref in refs and refs[ref] not in claimed(derived, key)}
        if wrong:
            message = f"the SBOM calls itself complete ({key}), and the files say that it is not known to be"
            yield finding({"name": "the SBOM"}, f"compositions {key}", message)


def _skipped(stated: Document, derived: Document) -> Iterator[Finding]:
    path = "metadata.properties[name=secpipe:skipped].value"
    lost = sorted({str(one) for one in select(derived, path)} - {str(one) for one in select(stated, path)})
    if lost and len(lost) < 1000:
        message = f"the SBOM leaves out what was not read in {plural(len(lost), 'place')}: {printable(lost[0], 200)}"
        yield finding({"name": "the SBOM"}, "secpipe:skipped", message)


def _other(said: Document, now: Document, same: bool) -> Iterator[Finding]:
    """Yield the fields that follow from files as well, and differ where the SBOM has them."""
    for key in now.keys() & said.keys() - _ELSEWHERE - set(DERIVED):
        if _sorted(said[key]) != _sorted(now[key]):
            yield _differs(said, key, said[key], now[key])
    if same and said.get("evidence") and _sorted(said["evidence"]) != _sorted(now.get("evidence")):
        yield _differs(said, "evidence", said["evidence"], now.get("evidence"))
    rows = {_sorted(row) for row in shape.tables(now.get("externalReferences"))}
    kinds = {row.get("type") for row in shape.tables(now.get("externalReferences"))}
    for row in shape.tables(said.get("externalReferences")):
        if row.get("type") in kinds and _sorted(row) not in rows:
            yield _differs(said, f"externalReferences {row.get('type')}", row, [])


def _sorted(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(sorted(map(_sorted, value))) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_sorted(item)}" for key, item in sorted(value.items())) + "}"
    return json.dumps(value)


def _differs(said: Document, key: str, one: Any, other: Any) -> Finding:
    shown, true = (printable(json.dumps(value, sort_keys=True), 120) for value in (one, other))
    return finding(said, key, f"{label(said)}: {key} is {shown} in the SBOM; the files say {true}")


def finding(said: Document, key: str, message: str) -> Finding:
    """Return that a field of a component says what is not so."""
    return Finding(
        RULE, message, Severity.HIGH, subject=f"{label(said)} {key}",
        fix="make a new SBOM, and ask who changed this one",
        details={"component": label(said), "field": printable(key, 200)},
    )  # fmt: skip
