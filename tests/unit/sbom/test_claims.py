"""`sbom verify`: what is derived of the files is derived again; a lie is named, what is added by hand is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secpipe.api.boms import make_sbom
from secpipe.api.inventories import Asked, inventory_of
from secpipe.sbom.drift import Drift, drift
from tests.unit.gate_builders import NOW

Document = dict[str, Any]
HEADER = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
TENSORS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(8)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("tree")
    model = top / "base"
    model.mkdir()
    (model / "model.safetensors").write_bytes(TENSORS)
    (model / "config.json").write_text('{"architectures": ["X"], "auto_map": {"AutoModel": "m.X"}}')
    (model / "README.md").write_text(
        "---\nlicense: llama3.2\npipeline_tag: text-generation\nbase_model: org/one\n---\n# Base\n"
    )
    (top / "requirements.txt").write_text(f"jinja2==3.1.4 --hash=sha256:{'a' * 64}\nrich==14.0.0\n")
    (top / "app.py").write_text('import openai\nopenai.OpenAI().responses.create(model="gpt-4o")\n')
    return top


@pytest.fixture(scope="module")
def stated(tree: Path) -> Document:
    made: Document = json.loads(make_sbom(tree, at=NOW).data)
    return made


def verified(document: Document, tree: Path, *, services: bool = True) -> Drift:
    inventory, walked = inventory_of(str(tree), NOW, Asked(services=services))
    return drift(document, walked, inventory)


def part(document: Document, name: str) -> Document:
    found: Document = next(one for one in document["components"] if one["name"] == name)
    return found


def _drop(document: Document, name: str) -> None:
    document["components"] = [one for one in document["components"] if one["name"] != name]


def _property(name: str, value: str | None) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        rows = [one for one in part(document, "base")["properties"] if one["name"] != name]
        part(document, "base")["properties"] = rows + ([{"name": name, "value": value}] if value else [])

    return change


LIES: dict[str, Callable[[Document], None]] = {
    "licence": lambda d: part(d, "base").update(licenses=[{"license": {"id": "MIT"}}]),
    "licence left out": lambda d: part(d, "base").pop("licenses"),
    "parameters": _property("secpipe:verified:parameters", "7000000000"),
    "grade": _property("secpipe:verified:task", "chat"),
    "remote code left out": _property("secpipe:declared:remote-code", None),
    "card": lambda d: part(d, "base")["modelCard"].update(modelParameters={"task": "image-classification"}),
    "pedigree left out": lambda d: part(d, "base").pop("pedigree"),
    "purl": lambda d: part(d, "base").update(purl="pkg:huggingface/meta-llama/Llama-3@1"),
    "name": lambda d: part(d, "base").update(name="trusted"),
    "package left out": lambda d: _drop(d, "rich"),
    "packages left out": lambda d: d.update(components=[one for one in d["components"] if one["type"] != "library"]),
    "package hash": lambda d: part(d, "jinja2").update(hashes=[{"alg": "SHA-256", "content": "0" * 64}]),
    "package licence": lambda d: part(d, "jinja2").update(licenses=[{"license": {"id": "MIT"}}]),
    "services left out": lambda d: d.update(services=[]),
    "services taken out": lambda d: d.pop("services"),
    "model of a service left out": lambda d: _drop(d, "gpt-4o"),
    "endpoint": lambda d: d["services"][0].update(endpoints=["https://on-premises.example"]),
}


def test_a_document_that_nobody_changed_is_true(stated: Document, tree: Path) -> None:
    done = verified(copy.deepcopy(stated), tree)
    assert [one.message for one in done.findings] == []
    assert done.asserted == ()


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_is_named(stated: Document, tree: Path, lie: str) -> None:
    document = copy.deepcopy(stated)
    LIES[lie](document)
    assert verified(document, tree).findings


def test_what_is_added_by_hand_is_told_and_no_lie(stated: Document, tree: Path) -> None:
    document = copy.deepcopy(stated)
    part(document, "jinja2").update(supplier={"name": "Pallets"}, description="a template engine")
    part(document, "base")["modelCard"]["considerations"] = {"useCases": ["invoices"]}
    document["components"].append({"type": "application", "name": "nginx"})
    done = verified(document, tree)
    assert done.findings == ()
    assert done.asserted == (
        "base: modelCard.considerations", "jinja2 3.1.4: description", "jinja2 3.1.4: supplier",
        "nginx: that there is one",
    )  # fmt: skip


def test_another_tools_document_is_held_to_what_it_says(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes((tree / "requirements.txt").read_bytes())
    tree = tmp_path
    document: Document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {"type": "library", "name": "jinja2", "version": "3.1.4", "purl": "pkg:pypi/jinja2@3.1.4",
         "licenses": [{"license": {"id": "BSD-3-Clause"}}]},
        {"type": "library", "name": "rich", "version": "14.0.0", "purl": "pkg:pypi/rich@14.0.0"},
    ]}  # fmt: skip
    assert verified(document, tree, services=False).findings == ()
    document["components"][0]["hashes"] = [{"alg": "SHA-256", "content": "0" * 64}]
    assert [one.rule for one in verified(document, tree, services=False).findings] == ["sbom/untrue"]


def test_one_that_makes_no_claim_about_services_is_true_without_them(tree: Path) -> None:
    document = json.loads(make_sbom(tree, at=NOW, services=False).data)
    assert verified(document, tree, services=False).findings == ()


def test_very_many_differences_are_bounded_and_said(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("".join(f"p{number}==1\n" for number in range(300)))
    document = json.loads(make_sbom(tmp_path, at=NOW).data)
    for one in document["components"]:
        one["licenses"] = [{"license": {"id": "MIT"}}]
    found = [one for one in verified(document, tmp_path).findings if one.rule == "sbom/untrue"]
    assert len(found) == 201
    assert any("100 more" in one.message for one in found)
