"""From a CycloneDX document to SPDX 3.0.1 JSON-LD with the AI and Dataset profiles.

Our properties travel in SPDX's extension for CycloneDX properties. Identifiers are derived from the document's content.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from secpipe.core import times
from secpipe.core.version import __version__
from secpipe.sbom import licenses
from secpipe.sbom.bom import Document, dump, licenses_of, property_of
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select
from secpipe.sbom.textforms import is_uri

_CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_INFO = "_:creationinfo"
_HASHES = {
    "MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512",
    "SHA3-256": "sha3_256", "SHA3-384": "sha3_384", "SHA3-512": "sha3_512", "BLAKE2b-256": "blake2b256",
    "BLAKE2b-384": "blake2b384", "BLAKE2b-512": "blake2b512", "BLAKE3": "blake3",
}  # fmt: skip
_PURPOSES = {
    "application": "application", "framework": "framework", "library": "library", "container": "container",
    "platform": "platform", "operating-system": "operatingSystem", "device": "device", "device-driver": "deviceDriver",
    "firmware": "firmware", "file": "file", "machine-learning-model": "model", "data": "data",
}  # fmt: skip
_PHASES = {
    "design": "design",
    "pre-build": "source",
    "build": "build",
    "post-build": "analyzed",
    "operations": "deployed",
}
_TEXT_DATA = {"text", "json", "jsonl"}
#: Fields of CycloneDX that have no place here; `convert` names those that a document has.
UNCARRIED = (
    "vulnerabilities", "annotations", "formulation", "declarations", "definitions", "compositions",
    "citations",
)  # fmt: skip


def from_cyclonedx(document: Document) -> bytes:
    """Return an SPDX 3.0.1 document that says what a CycloneDX document says, as JSON-LD with a final newline."""
    return dump({"@context": _CONTEXT, "@graph": _Graph(document).elements()})


class _Graph:
    """The elements of one document; identifiers are `<namespace><word>-<hash of the bom-ref>`."""

    def __init__(self, document: Document) -> None:
        self.document = document
        serial = str(document.get("serialNumber") or "").removeprefix("urn:uuid:")
        seed = serial or hashlib.sha256(dump(document)).hexdigest()
        self.namespace = f"https://spdx.org/spdxdocs/{seed}#"
        self.found: list[dict[str, Any]] = []
        self.ids: dict[str, str] = {}
        self.agents: dict[str, str] = {}
        self.expressions: dict[str, str] = {}

    def id(self, word: str, *parts: str) -> str:
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]
        return f"{self.namespace}{word}-{digest}"

    def put(self, kind: str, element: str, /, **fields: Any) -> str:
        """Add an element; empty fields are left out."""
        given = {key: value for key, value in fields.items() if value not in (None, "", [], {})}
        self.found.append({"type": kind, "spdxId": element, "creationInfo": _INFO, **given})
        return element

    def elements(self) -> list[dict[str, Any]]:
        document, root = self.document, next(iter(select(self.document, "metadata.component")), None)
        items = [item for item in walk(document.get("components")) if item.get("name")]
        items += [_service(row) for row in select(document, "services[]") if isinstance(row, dict) and row.get("name")]
        items.sort(key=lambda item: str(item.get("bom-ref") or item.get("name")))
        root_item = (
            root
            if isinstance(root, dict) and root.get("name")
            else {"name": "release", "type": "application", "bom-ref": "release"}
        )
        root_id = self.component(root_item)
        for item in items:
            self.component(item)
        for item in [root_item, *items]:
            self.relations(item)
        self.dependencies()
        info = self.creation()
        ids = sorted(element["spdxId"] for element in self.found)
        phases = [
            _PHASES[str(phase)] for phase in select(document, "metadata.lifecycles[].phase") if str(phase) in _PHASES
        ]
        sbom = self.put(
            "software_Sbom", self.id("sbom"), rootElement=[root_id], element=ids, software_sbomType=sorted(set(phases))
        )
        profiles = ["core", "software", "simpleLicensing", "ai", "dataset", "extension"]
        self.put(
            "SpdxDocument", self.id("document"), name=str(root_item["name"]), rootElement=[sbom],
            element=sorted([*ids, sbom]), profileConformance=profiles, dataLicense=self.expression("CC0-1.0"),
        )  # fmt: skip
        order = sorted(self.found, key=lambda element: (element["type"], element["spdxId"]))
        return [info, *order]

    def creation(self) -> dict[str, Any]:
        stamp = str(next(iter(select(self.document, "metadata.timestamp")), "1970-01-01T00:00:00Z"))
        authors = [str(name) for name in select(self.document, "metadata.authors[].name")]
        makers = [self.agent(name, "Person") for name in authors] or [self.agent("secpipe", "SoftwareAgent")]
        tools = []
        for tool in select(self.document, "metadata.tools.components[]"):
            name = " ".join(str(tool[key]) for key in ("name", "version") if isinstance(tool, dict) and tool.get(key))
            tools.append(self.put("Tool", self.id("tool", name), name=name or "unknown"))
        tools = sorted(set(tools)) or [self.put("Tool", self.id("tool"), name=f"secpipe {__version__}")]
        return {
            "type": "CreationInfo", "@id": _INFO, "specVersion": "3.0.1", "created": _zulu(stamp),
            "createdBy": sorted(makers), "createdUsing": tools,
        }  # fmt: skip

    def agent(self, name: str, kind: str = "Organization") -> str:
        if name not in self.agents:
            self.agents[name] = self.put(kind, self.id("agent", name), name=name)
        return self.agents[name]

    def expression(self, text: str) -> str:
        if text not in self.expressions:
            self.expressions[text] = self.put(
                "simplelicensing_LicenseExpression", self.id("license", text), simplelicensing_licenseExpression=text
            )
        return self.expressions[text]

    def component(self, item: Mapping[str, Any]) -> str:
        ref = str(item.get("bom-ref") or f"{item.get('type')}/{item.get('name')}/{item.get('version')}")
        if ref in self.ids:
            return self.ids[ref]
        kind, prompt = str(item.get("type")), property_of(item, "secpipe:kind") == "prompt"
        supplier = next((str(name) for name in select(item, "supplier.name")), "")
        fields: dict[str, Any] = {
            "name": f"{item['group']}/{item['name']}" if item.get("group") else str(item["name"]),
            "description": item.get("description"),
            "suppliedBy": self.agent(supplier) if supplier else None,
            "verifiedUsing": _hashes(select(item, "hashes[]")),
            "software_primaryPurpose": _PURPOSES.get(kind, "other"),
            "extension": _properties(item),
        }
        if kind == "file" or prompt:
            element = self.put("software_File", self.id("file", ref), **fields)
        else:
            purl = str(item.get("purl") or "")
            fields["software_packageVersion"] = item.get("version")
            fields["software_packageUrl"] = purl
            fields["externalIdentifier"] = _identifiers(item)
            urls = [str(url) for url in select(item, "externalReferences[type=distribution].url") if is_uri(str(url))]
            fields["software_downloadLocation"] = urls[0] if urls else None
            element_kind = {"machine-learning-model": "ai_AIPackage", "data": "dataset_DatasetPackage"}.get(
                kind, "software_Package"
            )
            fields |= _ai(item) if element_kind == "ai_AIPackage" else {}
            fields |= _dataset(item) if element_kind == "dataset_DatasetPackage" else {}
            element = self.put(element_kind, self.id("package", ref), **fields)
        self.ids[ref] = element
        return element

    def relations(self, item: Mapping[str, Any]) -> None:
        source = self.component(item)
        inside = item.get("components")
        parts = (
            [self.component(part) for part in inside if isinstance(part, dict) and part.get("name")]
            if isinstance(inside, list)
            else []
        )
        self.relate(source, "contains", parts)
        words = [_expression(text) for text in licenses_of(item)]
        self.relate(source, "hasDeclaredLicense", [self.expression(text) for text in words])
        data = [
            self.ids[str(ref)]
            for ref in select(item, "modelCard.modelParameters.datasets[].ref")
            if str(ref) in self.ids
        ]
        self.relate(source, "trainedOn", data)
        bases = [
            self.ids[str(ref)]
            for ref in select(item, "properties[name=secpipe:derived-from].value")
            if str(ref) in self.ids
        ]
        if not bases:
            bases = [
                self.component(base)
                for base in select(item, "pedigree.ancestors[]")
                if isinstance(base, dict) and base.get("name")
            ]
        self.relate(source, "descendantOf", bases)

    def dependencies(self) -> None:
        for row in select(self.document, "dependencies[]"):
            source = self.ids.get(str(row.get("ref"))) if isinstance(row, dict) else None
            targets = [self.ids[str(ref)] for ref in select(row, "dependsOn[]") if str(ref) in self.ids]
            if source:
                self.relate(source, "dependsOn", targets)

    def relate(self, source: str, kind: str, targets: Iterable[str]) -> None:
        ends = sorted(set(targets))
        if ends:
            fields = {"from": source, "relationshipType": kind, "to": ends}
            self.put("Relationship", self.id("relation", source, kind), **fields)


def _service(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service as SPDX can hold it: a package of another purpose, its endpoints among the properties."""
    ends = [{"name": "cdx:endpoint", "value": str(one)} for one in select(row, "endpoints[]")]
    own = [one for one in select(row, "properties[]") if isinstance(one, dict)]
    return {**row, "type": "service", "supplier": row.get("provider"), "properties": [*ends, *own]}


def _hashes(rows: list[Any]) -> list[dict[str, str]]:
    return [
        {"type": "Hash", "algorithm": _HASHES[str(row.get("alg"))], "hashValue": str(row.get("content"))}
        for row in rows
        if isinstance(row, dict) and str(row.get("alg")) in _HASHES
    ]


def _identifiers(item: Mapping[str, Any]) -> list[dict[str, str]]:
    found = [("packageUrl", item.get("purl")), ("cpe23", item.get("cpe"))]
    return [
        {"type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": value}
        for kind, value in found
        if isinstance(value, str) and value
    ]


def _properties(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [row for row in select(item, "properties[]") if isinstance(row, dict) and row.get("name")]
    entries = [
        {
            "type": "extension_CdxPropertyEntry",
            "extension_cdxPropName": str(row["name"]),
            **({"extension_cdxPropValue": str(row["value"])} if row.get("value") else {}),
        }
        for row in rows
    ]
    return [{"type": "extension_CdxPropertiesExtension", "extension_cdxProperty": entries}] if entries else []


def _ai(item: Mapping[str, Any]) -> dict[str, Any]:
    def texts(place: str) -> list[str]:
        return [str(value) for value in select(item, place)]

    parameters = "modelCard.modelParameters"
    figures = [
        {"type": "DictionaryEntry", "key": str(row.get("type") or "metric"), "value": str(row.get("value") or "")}
        for row in select(item, "modelCard.quantitativeAnalysis.performanceMetrics[]")
        if isinstance(row, dict)
    ]
    sizes = [
        {"type": "DictionaryEntry", "key": name, "value": value}
        for name in ("parameters", "quantization", "context-length", "adapter-rank")
        for grade in ("verified", "declared")
        if (value := property_of(item, f"secpipe:{grade}:{name}"))
    ]
    architecture = texts(f"{parameters}.modelArchitecture") + texts(f"{parameters}.architectureFamily")
    return {
        "ai_typeOfModel": sorted(set(architecture or texts("properties[name=secpipe:verified:architecture].value"))),
        "ai_domain": texts(f"{parameters}.task"),
        "ai_informationAboutApplication": "\n".join(texts("modelCard.considerations.useCases[]")),
        "ai_informationAboutTraining": property_of(item, "secpipe:declared:training"),
        "ai_limitation": "\n".join(texts("modelCard.considerations.technicalLimitations[]")),
        "ai_metric": figures,
        "ai_hyperparameter": sizes,
    }


def _dataset(item: Mapping[str, Any]) -> dict[str, Any]:
    form = property_of(item, "secpipe:verified:format")
    size = property_of(item, "secpipe:verified:size")
    known = {
        "csv": "structured",
        "tsv": "structured",
        "parquet": "structured",
        "arrow": "structured",
        "npy": "numeric",
        "npz": "numeric",
    }
    kind = "text" if form in _TEXT_DATA else known.get(form, "noAssertion")
    return {
        "dataset_datasetType": [kind],
        "dataset_datasetSize": int(size) if size.isdigit() else None,
        "dataset_intendedUse": property_of(item, "secpipe:declared:intended-use"),
        "dataset_datasetAvailability": None,
    }


def _expression(text: str) -> str:
    known = licenses.normalize(text)
    if known.id or known.expression:
        return known.id or known.expression
    return "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.\-]+", "-", text).strip("-")[:80] or "unnamed")


def _zulu(stamp: str) -> str:
    """Return an RFC 3339 time as SPDX wants it: UTC, whole seconds, `Z`."""
    made = times.maybe_instant(stamp)
    return times.rfc3339(made) if made else "1970-01-01T00:00:00Z"
