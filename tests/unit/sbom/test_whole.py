"""`sbom verify`: what a BOM says of itself as a whole: what needs what, what it lacks, what is in it without a purl."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secpipe.api.boms import make_sbom
from secpipe.api.inventories import Asked, inventory_of
from secpipe.cli.main import run
from secpipe.sbom.bom import load
from secpipe.sbom.drift import Drift, drift
from secpipe.sbom.validate import validate
from tests.unit.gate_builders import NOW

Document = dict[str, Any]
D = "sha256:" + "a" * 64
LOCK = """version = 1
[[package]]
name = "shop"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "jinja2" }, { name = "ours" }]
[[package]]
name = "jinja2"
version = "3.1.4"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "markupsafe" }]
sdist = { url = "https://files.pythonhosted.org/packages/a/jinja2-3.1.4.tar.gz", hash = "sha256:%s" }
[[package]]
name = "markupsafe"
version = "2.1.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "ours"
version = "1.0"
source = { url = "https://h.example/ours-1.0.tar.gz" }
""" % ("b" * 64)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("tree")
    (top / "uv.lock").write_text(LOCK)
    (top / "Dockerfile").write_text(f"FROM python:3.11@{D}\nFROM debian:12\n")
    (top / "renv.lock").write_text("{}")
    (top / "model").mkdir()
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    (top / "model" / "m.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    (top / "model" / "README.md").write_text(
        "---\nlicense: mit\nauthor: Acme Research\n---\n# M\n\n## Uses\n\nInvoices.\n"
    )
    (top / "app.py").write_text('import openai\nopenai.OpenAI().responses.create(model="gpt-4o")\n')
    return top


@pytest.fixture(scope="module")
def stated(tree: Path) -> Document:
    made: Document = json.loads(make_sbom(tree, at=NOW).data)
    return made


def verified(document: Document, tree: Path) -> Drift:
    inventory, walked = inventory_of(str(tree), NOW, Asked(services=True))
    return drift(document, walked, inventory)


def part(document: Document, name: str) -> Document:
    found: Document = next(one for one in document["components"] if one["name"] == name)
    return found


def _needs(document: Document, name: str) -> Document:
    ref = part(document, name)["bom-ref"]
    found: Document = next(one for one in document["dependencies"] if one["ref"] == ref)
    return found


def _drop(document: Document, name: str) -> None:
    document["components"] = [one for one in document["components"] if one["name"] != name]


def _skips(document: Document) -> None:
    rows = document["metadata"]["properties"]
    document["metadata"]["properties"] = [row for row in rows if row["name"] != "secpipe:skipped"]


def _complete(document: Document) -> None:
    for row in document["compositions"]:
        row["aggregate"] = "complete"


LIES: dict[str, Callable[[Document], None]] = {
    "edges left out": lambda d: d.pop("dependencies"),
    "an edge left out": lambda d: _needs(d, "jinja2").update(dependsOn=[]),
    "an edge made up": lambda d: d["dependencies"].append(
        {"ref": part(d, "markupsafe")["bom-ref"], "dependsOn": [part(d, "jinja2")["bom-ref"]]}
    ),
    "complete": _complete,
    "what was not read left out": _skips,
    "a package without a purl left out": lambda d: _drop(d, "ours"),
    "an image left out": lambda d: _drop(d, "python"),
    "an image without a digest left out": lambda d: _drop(d, "debian"),
    "an image made up": lambda d: part(d, "debian").update({"bom-ref": "x", "name": "safe", "version": "13"}),
    "supplier": lambda d: next(
        one for one in d["components"] if one.get("supplier", {}).get("name") == "Acme Research"
    ).update(supplier={"name": "Meta"}),
    "where it is had": lambda d: part(d, "jinja2")["externalReferences"][0].update(
        url="https://evil.example/jinja2.tar.gz"
    ),
    "the hash of what is had": lambda d: next(
        row for row in part(d, "jinja2")["externalReferences"] if "hashes" in row
    ).update(hashes=[{"alg": "SHA-256", "content": "0" * 64}]),
    "how it is known": lambda d: part(d, "jinja2")["evidence"]["identity"][0]["methods"][0].update(
        technique="binary-analysis"
    ),
    "provider of a service": lambda d: d["services"][0].update(provider={"name": "acme"}),
    "trust boundary": lambda d: d["services"][0].update({"x-trust-boundary": False}),
    "external": lambda d: part(d, "gpt-4o").update(isExternal=False),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_named(lie: str, stated: Document, tree: Path) -> None:
    changed = copy.deepcopy(stated)
    LIES[lie](changed)
    assert changed != stated
    assert {one.rule for one in verified(changed, tree).findings} & {"sbom/untrue", "sbom/added", "sbom/missing"}


@pytest.mark.parametrize("spec", ["1.6", "1.7"])
@pytest.mark.parametrize("name", ["shop", "another"])
def test_what_was_made_of_these_files_holds(spec: str, name: str, tree: Path) -> None:
    made = json.loads(make_sbom(tree, at=NOW, name=name, spec=spec, author="Ann <a@x.example>", supplier="Acme").data)
    assert verified(made, tree).findings == ()


def test_a_line_that_moved_is_no_lie(stated: Document, tree: Path, tmp_path: Path) -> None:
    for place in tree.rglob("*"):
        if place.is_file():
            (tmp_path / place.relative_to(tree)).parent.mkdir(exist_ok=True)
            (tmp_path / place.relative_to(tree)).write_bytes(place.read_bytes())
    (tmp_path / "uv.lock").write_text("# by uv\n" + LOCK)
    assert {one.rule for one in verified(stated, tmp_path).findings} == {"sbom/tree-changed"}


def test_what_nobody_derives_is_told_to_be_asserted(stated: Document, tree: Path) -> None:
    changed = copy.deepcopy(stated)
    changed["vulnerabilities"] = [{"id": "CVE-2025-1", "analysis": {"state": "not_affected"}}]
    changed["metadata"]["manufacturer"] = {"name": "Acme"}
    part(changed, "markupsafe")["supplier"] = {"name": "Pallets"}
    made = verified(changed, tree)
    assert made.findings == ()
    told = set(made.asserted)
    assert {"the SBOM: vulnerabilities", "the SBOM: metadata.manufacturer"} <= told
    assert any(one.endswith(": supplier") and "markupsafe" in one for one in told)


def test_another_tool_s_edges_are_its_own(stated: Document, tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK)
    kept = {"bom-ref", "type", "name", "version", "purl"}
    libraries = [one for one in stated["components"] if one["type"] == "library"]
    foreign = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [{key: value for key, value in one.items() if key in kept} for one in libraries],
        "dependencies": [{"ref": libraries[0]["bom-ref"], "dependsOn": []}],
    }
    assert verified(foreign, tmp_path).findings == ()


@pytest.mark.parametrize("form", ["cyclonedx-xml", "spdx-json"])
def test_another_form_of_ours_is_true_and_its_lies_are_none(
    form: str, stated: Document, tree: Path, tmp_path: Path
) -> None:
    for name, change in {"true": None, "other": lambda d: part(d, "jinja2").update(version="9")}.items():
        document = copy.deepcopy(stated)
        if change:
            change(document)
        (tmp_path / "bom.json").write_text(json.dumps(document))
        out = tmp_path / f"{name}.{form[-3:].replace('son', 'json')}"
        assert run(["sbom", "convert", str(tmp_path / "bom.json"), "-f", form, "-o", str(out)]) == 0
        assert validate(out.read_bytes()) == ()
        found = verified(load(out.read_bytes(), "bom"), tree).findings
        assert {one.rule for one in found} == ({"sbom/untrue"} if change else set())
