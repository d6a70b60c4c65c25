"""SBOM documents as the input of an audit, ours and other people's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.core.evidence import State
from secpipe.formats.boms.packages import read_sbom
from secpipe.formats.packages import purl
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.sbom.sources.embedded import components
from secpipe.scan.vulnerabilities.audit import audit
from tests import skips

VECTORS = skips.vectors()


def read(value: Any) -> Any:
    return read_sbom(json.dumps(value).encode(), "bom.json")


def test_cyclonedx_with_nesting_and_edges() -> None:
    inventory = read(
        {
            "bomFormat": "CycloneDX",
            "metadata": {"component": {"type": "application", "name": "app", "bom-ref": "app"}},
            "components": [
                {"type": "library", "name": "mid", "version": "1", "bom-ref": "m", "purl": "pkg:pypi/mid@1"},
                {
                    "type": "library", "name": "x", "bom-ref": "x", "purl": "pkg:npm/%40scope/x@2.0.0",
                    "components": [{"type": "library", "name": "deep", "purl": "pkg:maven/org.a/deep@3"}],
                },
                {"type": "machine-learning-model", "name": "llm"},
                {"type": "library", "name": "homeless", "version": "1"},
            ],
            "dependencies": [{"ref": "app", "dependsOn": ["m"]}, {"ref": "m", "dependsOn": ["x"]}],
        }
    )  # fmt: skip
    found = {component.name: component for component in inventory.components}
    assert (found["@scope/x"].ecosystem, found["@scope/x"].version) == ("npm", "2.0.0")
    assert (found["org.a:deep"].ecosystem, found["org.a:deep"].name) == ("Maven", "org.a:deep")
    assert found["mid"].direct is True
    assert found["@scope/x"].direct is False
    assert "homeless" in inventory.skipped[0].reason


def test_spdx_2_and_3() -> None:
    inventory = read(
        {
            "spdxVersion": "SPDX-2.3",
            "packages": [
                {"SPDXID": "SPDXRef-app", "name": "app"},
                {
                    "SPDXID": "SPDXRef-t", "name": "torch", "versionInfo": "2.0.0",
                    "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:pypi/torch@2.0.0"}],
                },
            ],
            "relationships": [
                {"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": "SPDXRef-app"}
                for left, kind in (("SPDXRef-DOCUMENT", "DESCRIBES"), ("SPDXRef-t", "DEPENDENCY_OF"))
            ],
        }
    )  # fmt: skip
    assert [(c.name, c.version, c.direct) for c in inventory.components if c.ecosystem] == [("torch", "2.0.0", True)]
    inventory = read(
        {
            "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
            "@graph": [
                {
                    "type": "software_Package",
                    "spdxId": "p",
                    "name": "torch",
                    "software_packageUrl": "pkg:pypi/torch@2.0.0",
                }
            ],
        }
    )
    assert inventory.components[0].version == "2.0.0"


XML = """<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">
  <metadata><component type="application" bom-ref="app"><name>app</name></component></metadata>
  <components>
    <component type="library" bom-ref="t"><name>torch</name><version>2.0.0</version><purl>pkg:pypi/torch@2.0.0</purl>
      <components><component type="library"><name>x</name><purl>pkg:npm/x@1</purl></component></components>
    </component>
  </components>
  <dependencies><dependency ref="app"><dependency ref="t"/></dependency></dependencies>
</bom>"""
TAGS = """SPDXVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
PackageName: torch
SPDXID: SPDXRef-t
PackageComment: <text>
PackageName: not-a-package
</text>
PackageVersion: 2.0.0
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/torch@2.0.0
FileName: ./a
SPDXID: SPDXRef-a
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-t
"""


@pytest.mark.parametrize(("text", "name"), [(XML, "bom.xml"), (TAGS, "bom.spdx")])
def test_other_forms(text: str, name: str) -> None:
    found = {c.name: c for c in read_sbom(text.encode(), name).components}
    assert (found["torch"].ecosystem, found["torch"].version, found["torch"].direct) == ("PyPI", "2.0.0", True)
    assert "not-a-package" not in found
    assert name == "bom.spdx" or found["x"].ecosystem == "npm"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<bom",
        "<sbom/>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><bom>&b;</bom>',
        '<!DOCTYPE bom SYSTEM "file:///etc/passwd"><bom/>',
        "<bom>" * 5000,
        '<?xml version="1.0" encoding="no-such"?><bom/>',
        "PackageName: x",
        "\x00",
    ],
)
@pytest.mark.parametrize("name", ["bom.xml", "bom.spdx"])
def test_hostile_forms_are_refused(text: str, name: str) -> None:
    with pytest.raises(InputError):
        read_sbom(text.encode(), name)


@pytest.mark.parametrize("value", [[], {}, {"bomFormat": "x"}, {"bomFormat": "CycloneDX", "components": [{}]}, 5])
def test_what_is_no_sbom_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        read(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pkg:pypi/Foo.Bar@1.0", ("PyPI", "Foo.Bar", "1.0")),
        ("pkg:npm/@scope/x", ("npm", "@scope/x", "")),
        ("pkg:npm/%40scope/x@1.0.0?a=b#c", ("npm", "@scope/x", "1.0.0")),
        ("pkg:golang/github.com/a/b@v1.2.3", ("Go", "github.com/a/b", "v1.2.3")),
        ("pkg:maven/org.a/b@1", ("Maven", "org.a:b", "1")),
        ("pkg:pypi/torch@2.0.0%2Bcu118", ("PyPI", "torch", "2.0.0+cu118")),
        ("pkg:generic/x@1", ("", "x", "1")),
        ("pkg:", None),
        ("pypi/x", None),
        ("pkg:pypi", None),
    ],
)
def test_purls(text: str, expected: tuple[str, str, str] | None) -> None:
    found = purl.parse(text)
    assert (found and (found.ecosystem, found.name, found.version)) == expected
    if found and found.ecosystem:
        again = purl.parse(purl.for_ecosystem(*expected or ("", "", "")))
        assert again
        name = normal_name(found.ecosystem, found.name)
        assert (again.ecosystem, again.name, again.version) == (found.ecosystem, name, found.version)


@skips.unless_possible((VECTORS / "cyclonedx").is_dir(), "the shared vectors are not here")
def test_other_peoples_valid_documents_are_read() -> None:
    read_in = 0
    for path in sorted((VECTORS / "cyclonedx").rglob("valid-*.json")):
        read_in += len(read_sbom(path.read_bytes(), path.name).components)
    assert read_in > 50


def cyclonedx(*components: dict[str, Any]) -> Any:
    return read({"bomFormat": "CycloneDX", "components": list(components)})


@pytest.mark.parametrize("kind", ["application", "firmware", "machine-learning-model", "data", "file", "x"])
def test_what_nobody_could_judge_is_no_pass(kind: str, store_of: Any, record: Any, now: Any) -> None:
    """Whatever the SBOM calls it: a package without a purl, or one under another label."""
    store = store_of(record("OSV-1", "jinja2", {"introduced": "0"}, {"fixed": "3"}))
    evidence = audit(cyclonedx({"type": kind, "name": "jinja2", "version": "2.10"}), store, now=now)
    assert evidence.state is State.SKIPPED
    assert "1 component" in evidence.reason
    named = cyclonedx({"type": kind, "name": "jinja2", "version": "2.10", "purl": "PKG:PyPI/Jinja2@2.10"})
    found = audit(named, store, now=now)
    assert (found.state, found.facts["packages"]) == (State.OK, 1)
    assert [item.rule for item in found.findings] == ["audit/known-vulnerability"]


def test_spdx_3_without_purls_is_no_pass(store_of: Any, record: Any, now: Any) -> None:
    rows = [{"type": "software_Package", "spdxId": name, "name": name} for name in ("torch", "jinja2")]
    for purpose in ("library", "application"):
        graph = [{**row, "software_primaryPurpose": purpose} for row in rows]
        evidence = audit(read({"@graph": graph}), store_of(record("OSV-1", "torch")), now=now)
        assert (evidence.state, "2 components" in evidence.reason) == (State.SKIPPED, True)


def test_an_sbom_of_nothing_and_one_with_a_model_beside_packages_pass(store_of: Any, record: Any, now: Any) -> None:
    store = store_of(record("OSV-1", "other", {"introduced": "0"}))
    root = {"type": "application", "name": "app", "bom-ref": "app"}
    empty = read({"bomFormat": "CycloneDX", "metadata": {"component": root}})
    assert audit(empty, store, now=now).state is State.OK
    six = {"type": "library", "name": "six", "version": "1", "purl": "pkg:pypi/six@1"}
    own, model = {"type": "application", "name": "web"}, {"type": "machine-learning-model", "name": "m"}
    evidence = audit(cyclonedx(six, own, model), store, now=now)
    assert (evidence.state, evidence.skips) == (State.OK, ())


def test_sbom_and_audit_read_an_spdx_document_alike() -> None:
    """One reader: what an embedded SBOM holds is what an audit of the same document holds."""
    document = {
        "spdxVersion": "SPDX-2.3",
        "packages": [
            {
                "SPDXID": "SPDXRef-a", "name": "openssl", "versionInfo": "3.0", "licenseConcluded": "Apache-2.0",
                "externalRefs": [{"referenceType": "purl", "referenceLocator": "PKG:cargo/openssl@3.0"}],
                "checksums": [{"algorithm": "SHA256", "checksumValue": "A" * 64}],
            },
            {"SPDXID": "SPDXRef-b", "name": "zlib", "versionInfo": "1.3"},
        ],
    }  # fmt: skip
    audited = read(document).components
    carried = list(components(document, "x"))
    for mine, other in zip(audited, carried, strict=True):
        assert (mine.name, mine.version, mine.purl, mine.ecosystem, mine.digests) == (
            other.name, other.version, other.purl, other.ecosystem, other.digests
        )  # fmt: skip
    assert carried[0].licenses == ("Apache-2.0",)
