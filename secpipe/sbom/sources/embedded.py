"""SBOMs that distributions carry (PEP 770, `*.dist-info/sboms/`): what is compiled into a wheel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secpipe.core.artifact import Digest
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref, declared
from secpipe.core.text import printable
from secpipe.formats.boms.shapes import as_cyclonedx, walk
from secpipe.formats.packages.purl import parse
from secpipe.sbom.collector import Collector
from secpipe.sbom.query import select

_LONGEST = 1000  # characters of a purl that is kept


def read_below(found: Collector, folder: str, owner: str) -> None:
    """Add the components of every SBOM in a folder as parts of the distribution `owner`."""
    for entry in found.tree.below(folder):
        if entry.suffix != ".json":
            found.skip(entry.path, "not analysed: an embedded SBOM that is not JSON")
            continue
        try:
            document = parse_json(found.read(entry), "the embedded SBOM", found.limits)
            for component in components(document, entry.path):
                found.relate(owner, RelationKind.CONTAINS, found.add(component))
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")


def components(document: Any, path: str) -> Iterator[Component]:
    """Yield the packages that a CycloneDX or SPDX document names; raises InputError for anything else."""
    shaped = as_cyclonedx(document) if isinstance(document, dict) else None
    if shaped is None:
        raise InputError("the embedded SBOM is neither CycloneDX nor SPDX")
    for item in walk(shaped):
        if item.get("type") != "file":
            yield _component(item, path)


def _component(item: dict[str, Any], path: str) -> Component:
    claim, label, version = item.get("purl"), str(item.get("name") or "unnamed"), str(item.get("version") or "")
    named = parse(claim) if isinstance(claim, str) and len(claim) < _LONGEST else None
    package = str(claim) if named else ""
    digests = [value.lower() for value in select(item, "hashes[alg=SHA-256].content") if isinstance(value, str)]
    return Component(
        package or content_ref(ComponentKind.LIBRARY, "embedded", label, version),
        ComponentKind.LIBRARY,
        label,
        version,
        package,
        named.ecosystem if named else "",
        path,
        digests=tuple(Digest("sha256", value) for value in digests[:1] if len(value) == 64),
        licenses=tuple(map(str, [*select(item, "licenses[].expression"), *select(item, "licenses[].license.id")])),
        direct=False,
        facts=declared(path, {"embedded": "yes"}),
    )
