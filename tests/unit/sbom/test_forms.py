"""Each form of an SBOM by each command: XML, textproto, SPDX 2 and 3, whatever the file is called; SPDX validated."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT
from secpipe.formats.boms import textproto
from secpipe.sbom.bom import load
from secpipe.sbom.validate import validate

JSON = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [
    {"type": "library", "bom-ref": "a", "name": "jinja2", "version": "3.1.4", "purl": "pkg:pypi/jinja2@3.1.4",
     "licenses": [{"license": {"id": "BSD-3-Clause"}}]}]})  # fmt: skip
XML = """<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components>
<component type="library" bom-ref="a"><name>jinja2</name><version>3.1.4</version>
<licenses><license><id>BSD-3-Clause</id></license></licenses><purl>pkg:pypi/jinja2@3.1.4</purl></component>
</components></bom>"""
PROTO = """# made by a tool
spec_version: "1.6"
version: 1
components {
  type: CLASSIFICATION_LIBRARY
  bom_ref: "a"
  name: "jinja2"
  version: "3.1.4"
  purl: "pkg:pypi/jinja2@3.1.4"
  licenses { license { id: "BSD-3-Clause" } }
}
"""
TWO: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "dataLicense": "CC0-1.0",
    "documentNamespace": "https://acme.example/x",
    "creationInfo": {"created": "2026-11-21T00:00:00Z", "creators": ["Tool: x"]},
    "packages": [{"SPDXID": "SPDXRef-a", "name": "jinja2", "versionInfo": "3.1.4", "downloadLocation": "NOASSERTION",
                  "licenseConcluded": "BSD-3-Clause",
                  "checksums": [{"algorithm": "SHA256", "checksumValue": "a" * 64}],
                  "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                    "referenceLocator": "pkg:pypi/jinja2@3.1.4"}]}],
    "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                       "relatedSpdxElement": "SPDXRef-a"}],
}  # fmt: skip
TAGS = """SPDXVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
PackageName: jinja2
SPDXID: SPDXRef-a
PackageVersion: 3.1.4
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/jinja2@3.1.4
"""
THREE: dict[str, Any] = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {"type": "CreationInfo", "@id": "_:made", "specVersion": "3.0.1", "created": "2026-11-21T00:00:00Z",
         "createdBy": ["https://acme.example/tool"]},
        {"type": "SpdxDocument", "spdxId": "https://acme.example/d", "creationInfo": "_:made"},
        {"type": "software_Package", "spdxId": "https://acme.example/a", "creationInfo": "_:made", "name": "jinja2",
         "software_packageVersion": "3.1.4", "software_packageUrl": "pkg:pypi/jinja2@3.1.4"},
        {"type": "Relationship", "spdxId": "https://acme.example/r", "creationInfo": "_:made",
         "relationshipType": "contains", "from": "https://acme.example/d", "to": ["https://acme.example/a"]},
    ],
}  # fmt: skip
FORMS = {
    "json": JSON,
    "xml": XML,
    "textproto": PROTO,
    "spdx2": json.dumps(TWO),
    "tags": TAGS,
    "spdx3": json.dumps(THREE),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["bom.json", "bom", "bom.xml", "bom.spdx"])
def test_what_it_is_decides_how_it_is_read_and_not_its_name(tmp_path: Path, form: str, name: str) -> None:
    document = load(FORMS[form].encode(), name)
    assert [(one["name"], one["version"], one["purl"]) for one in document["components"]] == [
        ("jinja2", "3.1.4", "pkg:pypi/jinja2@3.1.4")
    ]


@pytest.mark.parametrize("form", FORMS)
def test_each_command_takes_each_form(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    place, plain = tmp_path / "bom.any", tmp_path / "plain.json"
    place.write_text(FORMS[form])
    plain.write_text(JSON)
    assert run(["sbom", "query", str(place), "name=jinja2", "--count"]) == 0
    assert capsys.readouterr().out == "1\n"
    assert run(["sbom", "diff", str(place), str(plain), "-f", "json"]) == 0
    assert not [one for one in json.loads(capsys.readouterr().out)["changes"] if "added" in one["kind"]]
    assert run(["sbom", "merge", str(place), str(plain)]) == 0
    merged = capsys.readouterr().out
    assert len(json.loads(merged)["components"]) == 1
    assert validate(merged.encode()) == ()
    for target in ("cyclonedx-json", "spdx-json", "cyclonedx-xml"):
        assert run(["sbom", "convert", str(place), "-f", target, "-o", str(tmp_path / "out")]) == 0
        assert validate((tmp_path / "out").read_bytes()) == ()
    assert run(["audit", str(place.rename(tmp_path / "bom.json")), "-f", "json"]) == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_sound_document_is_valid_in_each_form(form: str) -> None:
    assert validate(FORMS[form].encode()) == ()


LIES_2: dict[str, Callable[[dict[str, Any]], object]] = {
    "no version of it": lambda d: d.update(spdxVersion="SPDX-9"),
    "no name": lambda d: d.pop("name"),
    "another licence of data": lambda d: d.update(dataLicense="MIT"),
    "no time": lambda d: d["creationInfo"].update(created="yesterday"),
    "nobody": lambda d: d["creationInfo"].update(creators=[]),
    "an id that is none": lambda d: d["packages"][0].update(SPDXID="a b"),
    "an id twice": lambda d: d["packages"].append(d["packages"][0]),
    "no place": lambda d: d["packages"][0].pop("downloadLocation"),
    "a digest too short": lambda d: d["packages"][0]["checksums"][0].update(checksumValue="aa"),
    "no licence": lambda d: d["packages"][0].update(licenseConcluded="MIT AND ("),
    "no purl": lambda d: d["packages"][0]["externalRefs"][0].update(referenceLocator="not a purl"),
    "a dangling end": lambda d: d["relationships"][0].update(relatedSpdxElement="SPDXRef-gone"),
}
LIES_3: dict[str, Callable[[dict[str, Any]], object]] = {
    "another context": lambda d: d.update({"@context": "https://acme.example"}),
    "no document": lambda d: d["@graph"].pop(1),
    "no time": lambda d: d["@graph"][0].update(created="soon"),
    "no id": lambda d: d["@graph"][2].pop("spdxId"),
    "no creation": lambda d: d["@graph"][2].pop("creationInfo"),
    "no purl": lambda d: d["@graph"][2].update(software_packageUrl="x"),
    "a dangling end": lambda d: d["@graph"][3].update(to=["https://acme.example/gone"]),
    "twice": lambda d: d["@graph"].append(d["@graph"][2]),
}


@pytest.mark.parametrize(("base", "lies", "lie"), [
    *[(TWO, LIES_2, name) for name in LIES_2], *[(THREE, LIES_3, name) for name in LIES_3],
])  # fmt: skip
def test_what_spdx_requires(base: dict[str, Any], lies: Any, lie: str) -> None:
    document = copy.deepcopy(base)
    lies[lie](document)
    assert validate(json.dumps(document).encode()) != ()


@pytest.mark.parametrize(
    "text", ["components {", "components }", 'spec_version: "1.6', "version: 1", "a { " * 100, "{ }"]
)
def test_broken_textproto_is_an_error_value(text: str) -> None:
    with pytest.raises(InputError):
        textproto.read(text.encode(), "it", DEFAULT)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_a_form_is_read_however_a_shell_wrote_it(form: str, coding: str) -> None:
    text = FORMS[form].replace(
        '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-16"?>' * (coding == "utf-16")
    )
    document = load(text.encode(coding), "bom")
    assert [one["purl"] for one in document["components"]] == ["pkg:pypi/jinja2@3.1.4"]


def test_services_of_xml_are_read_so_that_edges_lead_somewhere() -> None:
    text = XML.replace(
        "</bom>",
        """<services><service bom-ref="s"><provider><name>acme</name></provider><name>api</name>
<endpoints><endpoint>https://a.example</endpoint></endpoints><x-trust-boundary>true</x-trust-boundary></service></services>
<dependencies><dependency ref="a"><dependency ref="s"/></dependency></dependencies></bom>""",
    )
    assert validate(text.encode()) == ()
    assert load(text.encode(), "bom")["services"] == [
        {
            "bom-ref": "s",
            "provider": {"name": "acme"},
            "endpoints": ["https://a.example"],
            "name": "api",
            "x-trust-boundary": True,
        }
    ]
