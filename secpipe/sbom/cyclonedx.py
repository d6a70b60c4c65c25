"""From an inventory to CycloneDX 1.6 or 1.7 JSON. The only importer of `cyclonedx-python-lib`.

The library builds what its model knows (components, licences, hashes, references, dependencies, services, metadata);
what it lacks (model cards, dataset descriptions, compositions) is added to its JSON by bom-ref. The serial number is
derived from the content, so that the same inventory gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
import warnings
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secpipe.core.artifact import Digest
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.inventory import Component, ComponentKind, Inventory, RelationKind
from secpipe.core.text import printable
from secpipe.core.version import __version__
from secpipe.sbom import extras, licenses

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component as Built

SPECS = ("1.6", "1.7")
#: Namespace of serial numbers: UUIDv5 of the product's address.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://secpipe.dev/sbom")
_TYPES = {ComponentKind.PROMPT: "data"}
_HASHES = {
    "md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512",
    "sha3-256": "SHA3-256", "sha3-512": "SHA3-512",
}  # fmt: skip
#: What the schema takes for a digest.
_DIGEST = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}")


def emit(
    inventory: Inventory, *, name: str, now: datetime, spec: str = "1.7", author: str = "", supplier: str = "",
    services: bool = False,
) -> bytes:  # fmt: skip
    """Return the inventory of the release `name` as CycloneDX JSON, canonical and ending in a newline.

    `author` (a name and address) and `supplier` are what no file can prove; `services` says that those which
    the code uses were looked for. Raises ConfigError for another `spec`.
    """
    if spec not in SPECS:
        raise ConfigError(f"CycloneDX {spec} cannot be written", hint=f"--spec {SPECS[-1]}, or --spec {SPECS[0]}")
    plan = _Plan(inventory, name)
    document = _built(plan, now, spec)
    extras.add(document, inventory, plan.root, spec=spec, author=author, supplier=supplier)
    if services:
        listed = [{"name": f"secpipe:{what}", "value": "listed"} for what in ("services", "references")]
        document["metadata"].setdefault("properties", []).extend(listed)
    document.pop("serialNumber", None)  # the library draws one at random
    content = json.dumps({**document, "metadata": {**document["metadata"], "timestamp": ""}}, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}"
    order = ("$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata")
    head = {key: document.pop(key) for key in order if key in document}
    text = json.dumps({**head, **dict(sorted(document.items()))}, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


class _Plan:
    """How the inventory becomes a tree of components with one root."""

    def __init__(self, inventory: Inventory, name: str) -> None:
        self.inventory = inventory
        self.name = name
        self.by_ref = {component.ref: component for component in inventory.components}
        self.edges: dict[RelationKind, dict[str, list[str]]] = {kind: defaultdict(list) for kind in RelationKind}
        for relation in inventory.relations:
            self.edges[relation.kind][relation.source].append(relation.target)
        self.project = self._project()
        self.root = self.project.ref if self.project else f"application:{hashlib.sha256(name.encode()).hexdigest()}"
        self.inside: dict[str, list[str]] = defaultdict(list)
        placed: set[str] = set()
        for source, targets in sorted(self.edges[RelationKind.CONTAINS].items()):
            for target in targets:
                if target not in placed and target != source and not self._above(source, target):
                    placed.add(target)
                    self.inside[source].append(target)
        self.parts = [
            item for item in inventory.components
            if item.ref != self.root and item.kind is not ComponentKind.SERVICE
        ]  # fmt: skip
        self.top = [item for item in self.parts if item.ref not in placed]

    def _project(self) -> Component | None:
        """The application at the top of the tree, where there is exactly one: it is what the BOM describes."""
        programs = self.inventory.of_kind(ComponentKind.APPLICATION)
        tops = [item for item in programs if "/" not in item.path and "item" not in item.facts]
        return tops[0] if len(tops) == 1 else None

    def _above(self, source: str, target: str) -> bool:
        return source in self.inside.get(target, ())

    def needs(self, ref: str) -> list[str]:
        """Return what a component depends on or uses; the root needs whatever nothing else does."""
        needing = (RelationKind.DEPENDS_ON, RelationKind.USES)
        targets = [target for kind in needing for target in self.edges[kind][ref]]
        if ref == self.root:
            needed = {edge for kind in needing for edges in self.edges[kind].values() for edge in edges}
            targets += [item.ref for item in self.top if item.ref not in needed and "referenced" not in item.facts]
            targets += [item.ref for item in self.inventory.of_kind(ComponentKind.SERVICE)]
        if self.by_ref.get(ref) and self.by_ref[ref].facts.get("role", None) is not None:
            targets += self.edges[RelationKind.DERIVED_FROM][ref]  # an adapter does not run without its base
        return sorted(set(targets) - {ref})


def _built(plan: _Plan, now: datetime, spec: str) -> dict[str, Any]:
    """The frame of a document, and each component by itself: in one Bom the library compares all with all."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion, schema

    bom = Bom(version=1)
    bom.metadata.timestamp = now
    bom.metadata.lifecycles.add(PredefinedLifecycle(LifecyclePhase.PRE_BUILD))
    bom.metadata.tools.components.add(_tool())
    outputter = make_outputter(bom, OutputFormat.JSON, SchemaVersion.from_version(spec))
    document: dict[str, Any] = json.loads(outputter.output_as_string())
    view = {"1.6": schema.SchemaVersion1Dot6, "1.7": schema.SchemaVersion1Dot7}[spec]

    def as_json(built: Any) -> dict[str, Any]:
        written: dict[str, Any] = json.loads(built.as_json(view_=view))
        return written

    root = document["metadata"]["component"] = as_json(_root(plan))
    written = {item.ref: as_json(_component(item)) for item in plan.parts}
    for ref, parts in plan.inside.items():
        holder = root if ref == plan.root else written[ref]
        holder["components"] = [written[part] for part in sorted(parts)]
    services = [as_json(_service(item)) for item in plan.inventory.of_kind(ComponentKind.SERVICE)]
    for name, rows in (("components", [written[item.ref] for item in plan.top]), ("services", services)):
        if rows:
            document[name] = sorted(rows, key=lambda row: (row.get("type", ""), row["name"], row["bom-ref"]))
    document["dependencies"] = _dependencies(plan)
    return document


def _tool() -> Built:
    from cyclonedx.model.component import Component as Built
    from cyclonedx.model.component import ComponentType

    return Built(name="secpipe", version=__version__, type=ComponentType.APPLICATION, bom_ref="secpipe")


def _root(plan: _Plan) -> Built:
    from cyclonedx.model.component import Component as Built
    from cyclonedx.model.component import ComponentType

    if plan.project is None:
        return Built(name=printable(plan.name) or "release", type=ComponentType.APPLICATION, bom_ref=plan.root)
    built = _component(plan.project)
    built.name = printable(plan.name) or built.name
    return built


def _component(item: Component) -> Built:
    from cyclonedx.model.component import Component as Built
    from cyclonedx.model.component import ComponentScope, ComponentType
    from cyclonedx.model.contact import OrganizationalEntity

    group, name = "", item.name
    if item.kind in {ComponentKind.MODEL, ComponentKind.DATASET} or item.ecosystem == "npm":
        group, _, name = item.name.rpartition("/")
    scope = item.facts.get("scope")
    supplier = item.facts.get("supplier")
    description = item.facts.get("description")
    return Built(
        type=ComponentType(_TYPES.get(item.kind, item.kind.value)),
        name=printable(name) or "unnamed",
        group=printable(group) or None,
        version=printable(item.version, 1000)[:1024] or None,  # the schema's bound
        bom_ref=item.ref,
        purl=_purl(item.purl),
        description=printable(description.value, 2000) if description else None,
        supplier=OrganizationalEntity(name=printable(supplier.value, 300)) if supplier else None,
        scope=ComponentScope(scope.value) if scope else None,
        hashes=_hashes(item.digests),
        licenses=_licenses(item.licenses),
        external_references=_references(item),
    )


def _purl(text: str) -> Any:
    from packageurl import PackageURL

    try:
        return PackageURL.from_string(text) if text else None
    except ValueError:
        return None


def _hashes(digests: Iterable[Digest]) -> list[Any]:
    from cyclonedx.model import HashAlgorithm, HashType

    return [
        HashType(alg=HashAlgorithm(_HASHES[digest.algorithm]), content=digest.value)
        for digest in digests
        if digest.algorithm in _HASHES and _DIGEST.fullmatch(digest.value)  # a lock file may claim anything
    ]


def _licenses(words: tuple[str, ...]) -> list[Any]:
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

    known = sorted({str(found): found for found in map(licenses.normalize, words) if str(found)}.items())
    if len(known) == 1 and known[0][1].expression:
        return [LicenseExpression(known[0][1].expression)]
    return [
        DisjunctiveLicense(id=found.id) if found.id else DisjunctiveLicense(name=found.expression or found.name)
        for _, found in known
    ]


def _references(item: Component) -> list[Any]:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    hashes = item.facts.get("hashes")
    digests = [Digest(*text.split(":", 1)) for text in hashes.value.split()] if hashes else []
    url = next((item.facts[key].value for key in ("artifact-url", "source-url") if key in item.facts), "")
    link = item.facts.get("license-link")
    found = []
    if url or digests:
        kind = ExternalReferenceType.VCS if "commit" in item.facts else ExternalReferenceType.DISTRIBUTION
        address = extras.address(url) or extras.address(extras.registry_page(item))
        if address:
            found.append(ExternalReference(type=kind, url=XsUri(address), hashes=_hashes(digests)))
    if link and extras.address(link.value):
        found.append(ExternalReference(type=ExternalReferenceType.LICENSE, url=XsUri(extras.address(link.value))))
    return found


def _service(item: Component) -> Any:
    from cyclonedx.model import XsUri
    from cyclonedx.model.contact import OrganizationalEntity
    from cyclonedx.model.service import Service

    endpoint = item.facts.get("endpoint")
    supplier = item.facts.get("supplier")
    return Service(
        name=printable(item.name),
        bom_ref=item.ref,
        provider=OrganizationalEntity(name=printable(supplier.value, 300)) if supplier else None,
        endpoints=[XsUri(address)] if endpoint and (address := extras.address(endpoint.value)) else [],
        version=printable(item.version, 1000)[:1024] or None,
        x_trust_boundary="item" not in item.facts or endpoint is not None,  # a server beside the agent crosses none
    )


def _dependencies(plan: _Plan) -> list[dict[str, Any]]:
    """The rows of `dependencies`; made here because the library searches all of them for each component."""
    needs = {ref: plan.needs(ref) for ref in sorted({plan.root, *plan.by_ref})}
    return [
        {"ref": ref, "dependsOn": targets} if targets else {"ref": ref}
        for ref, targets in needs.items()
        if targets or ref == plan.root
    ]


#: Fields that neither the library's model nor `xmlparts` knows: a conversion to XML leaves them behind.
NOT_IN_XML = ("annotations", "formulation", "declarations", "citations", "signature")


def to_xml(document: dict[str, Any]) -> bytes:
    """Return a CycloneDX JSON document as XML; raises InputError where the library cannot read it."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    from secpipe.sbom import xmlparts

    spec = str(document.get("specVersion"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it thinks of other people's documents is not our user's matter
            bom: Bom = Bom.from_json(data=document)  # type: ignore[attr-defined]  # made by its decorator
            version = SchemaVersion.from_version(spec if spec in SPECS else SPECS[-1])
            text = xmlparts.complete(make_outputter(bom, OutputFormat.XML, version).output_as_string(), document)
    except Exception as error:  # the library raises many kinds on documents that are valid but new to it
        raise InputError(f"the SBOM cannot be written as XML: {printable(str(error), 200)}") from error
    return text.encode("utf-8", "xmlcharrefreplace")
