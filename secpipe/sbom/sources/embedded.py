"""SBOMs that distributions carry (PEP 770, `*.dist-info/sboms/`): what is compiled into a wheel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secpipe.core.artifact import Digest
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind
from secpipe.core.text import printable
from secpipe.sbom.collector import Collector, content_ref, declared
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select

_ECOSYSTEMS = {"pypi": "PyPI", "npm": "npm", "cargo": "crates.io", "golang": "Go", "maven": "Maven"}


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
    """Yield the libraries that a CycloneDX or SPDX 2 document names; raises InputError for anything else."""
    if isinstance(document, dict) and document.get("bomFormat") == "CycloneDX":
        for item in walk(document.get("components")):
            licenses = [*select(item, "licenses[].expression"), *select(item, "licenses[].license.id")]
            digests = [str(value).lower() for value in select(item, "hashes[alg=SHA-256].content")]
            yield _component(item.get("name"), item.get("version"), item.get("purl"), licenses, digests, path)
    elif isinstance(document, dict) and str(document.get("spdxVersion", "")).startswith("SPDX-2"):
        for item in select(document, "packages[]"):
            purls = select(item, "externalRefs[referenceType=purl].referenceLocator")
            licenses = [value for value in select(item, "licenseConcluded") if value not in {"NOASSERTION", "NONE"}]
            yield _component(item.get("name"), item.get("versionInfo"), next(iter(purls), None), licenses, [], path)
    else:
        raise InputError("the embedded SBOM is neither CycloneDX nor SPDX 2")


def _component(name: Any, version: Any, purl: Any, licenses: list[Any], digests: list[str], path: str) -> Component:
    package = purl if isinstance(purl, str) and purl.startswith("pkg:") and len(purl) < 1000 else ""
    kind = package[4:].partition("/")[0]
    label, number = str(name or "unnamed"), str(version or "")
    return Component(
        package or content_ref(ComponentKind.LIBRARY, "embedded", label, number),
        ComponentKind.LIBRARY,
        label,
        number,
        package,
        _ECOSYSTEMS.get(kind, ""),
        path,
        digests=tuple(Digest("sha256", value) for value in digests[:1] if len(value) == 64),
        licenses=tuple(str(text) for text in licenses),
        direct=False,
        facts=declared(path, {"embedded": "yes"}),
    )
