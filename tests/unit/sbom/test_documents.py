"""What the SBOM commands make of an inventory and of other people's documents."""
# ruff: noqa: E501  (documents are wide)

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.artifact import Digest
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.evidence import State
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, Inventory, Relation, RelationKind
from secpipe.sbom import bom, convert, licenses
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.diff import diff
from secpipe.sbom.evidence import evidence
from secpipe.sbom.merge import merge
from secpipe.sbom.profiles import PROFILES, score
from secpipe.sbom.query import query, select
from secpipe.sbom.services import with_services
from secpipe.sbom.validate import validate
from secpipe.sbom.vex import attach
from tests import skips

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VECTORS = skips.vectors() / "cyclonedx"
VALID = sorted(VECTORS.glob("*/valid-*.json"))
SHA = "ab" * 32


def fact(value: str, grade: Grade = Grade.DECLARED) -> Fact:
    return Fact(value, grade, "README.md")


def library(name: str, version: str = "1.0", **more: Any) -> Component:
    purl = f"pkg:pypi/{name}@{version}"
    return Component(purl, ComponentKind.LIBRARY, name, version, purl, "PyPI", "uv.lock", 3, **more)


def model(name: str = "base", sha: str = SHA, **more: Any) -> Component:
    given = {"licenses": ("apache-2.0",), **more}
    facts = {
        "parameters": fact("605", Grade.VERIFIED),
        "architecture": fact("Llama"),
        "task": fact("text-generation"),
        **given.pop("facts", {}),
    }
    return Component(
        f"model:{sha}",
        ComponentKind.MODEL,
        name,
        path=f"{name}.safetensors",
        digests=(Digest("sha256", sha),),
        facts=facts,
        **given,
    )


def document(
    *components: Component, relations: tuple[Relation, ...] = (), name: str = "app", spec: str = "1.7"
) -> dict[str, Any]:
    data = emit(Inventory(components, relations), name=name, now=NOW, spec=spec)
    assert validate(data) == ()
    return bom.load(data, "ours")


@pytest.mark.parametrize("spec", ["1.6", "1.7"])
def test_what_is_emitted_is_valid_reproducible_and_true(spec: str) -> None:
    base = Component("model:x", ComponentKind.MODEL, "meta/llama", facts={"referenced": fact("x")})
    parts = (library("torch", licenses=("BSD-3-Clause",), digests=(Digest("sha256", SHA),)), model(), base,
             Component("prompt:1", ComponentKind.PROMPT, "system.md", path="system.md", digests=(Digest("sha256", SHA),)),
             Component("service:1", ComponentKind.SERVICE, "openai", path="app.py", facts={"endpoint": fact("https://api.openai.com/v1")}))  # fmt: skip
    inventory = Inventory(
        parts, (Relation(parts[1].ref, RelationKind.DERIVED_FROM, base.ref),), tree_sha256=SHA, tree_files=4
    )
    data = emit(
        inventory,
        name="app",
        now=NOW,
        spec=spec,
        author="Ada <ada@example.org>",
        supplier="Acme <https://acme.example>",
    )
    assert validate(data) == ()
    assert data == emit(
        inventory,
        name="app",
        now=NOW,
        spec=spec,
        author="Ada <ada@example.org>",
        supplier="Acme <https://acme.example>",
    )
    written = json.loads(data)
    card = select(written, "components[name=base].modelCard.modelParameters")[0]
    assert card["modelArchitecture"] == "Llama"
    assert select(written, "components[name=base].pedigree.ancestors[].name") == ["meta/llama"]
    assert select(written, "components[name=base].hashes[].content") == [SHA]
    assert select(written, "services[].endpoints[]") == ["https://api.openai.com/v1"]
    assert written["metadata"]["authors"] == [{"name": "Ada", "email": "ada@example.org"}]
    later = json.loads(
        emit(
            inventory,
            name="app",
            now=datetime(2027, 1, 1, tzinfo=UTC),
            spec=spec,
            author="Ada <ada@example.org>",
            supplier="Acme <https://acme.example>",
        )
    )
    assert later["serialNumber"] == written["serialNumber"]


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ConfigError):
        emit(Inventory(), name="x", now=NOW, spec="9.9")


WORDS = st.text(max_size=20)


@given(WORDS, WORDS, WORDS, st.lists(WORDS, max_size=3), st.sampled_from(list(ComponentKind)))
def test_hostile_words_never_make_an_invalid_document(
    name: str, version: str, value: str, words: list[str], kind: ComponentKind
) -> None:
    item = Component("ref:1", kind, name, version, path=value, licenses=tuple(words), digests=(Digest("sha256", SHA),),
                     facts={"license-link": fact(value), "source-url": fact(value), "endpoint": fact(value), "supplier": fact(value), "description": fact(value)})  # fmt: skip
    data = emit(Inventory((item,)), name=name, now=NOW)
    assert validate(data) == ()
    assert not any(char in data.decode() for char in "\x1b\u202e\u200b")


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_read_edit_write_loses_nothing(path: Path) -> None:
    before = json.loads(path.read_text())
    read = bom.load(path.read_bytes(), path.name)
    read.setdefault("metadata", {}).setdefault("properties", []).append({"name": "edited", "value": "yes"})
    after = json.loads(bom.dump(read))
    after["metadata"]["properties"].pop()
    for key in ("properties", "metadata"):
        holder = after["metadata"] if key == "properties" else after
        if not holder[key] and key not in (before.get("metadata", {}) if key == "properties" else before):
            del holder[key]
    assert after == before


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_merging_a_document_into_another_keeps_every_field(path: Path) -> None:
    theirs = bom.load(path.read_bytes(), path.name)
    joined = merge([document(library("torch")), theirs])
    text = json.dumps(joined)
    for word in _leaves(theirs.get("components", [])) | _leaves(theirs.get("services", [])):
        assert json.dumps(word)[1:-1] in text


def _leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_leaves, value.values())) | set(value) if value else set()
    if isinstance(value, list):
        return set().union(*map(_leaves, value)) if value else set()
    return {value} if isinstance(value, str) else set()


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_every_reader_stands_other_peoples_documents(path: Path) -> None:
    theirs = bom.load(path.read_bytes(), path.name)
    assert diff(theirs, theirs) == ()
    query(theirs, "kind=model or license~a or version>1")
    for profile in PROFILES:
        assert 0 <= score(theirs, profile).percent <= 100
    json.loads(convert.to_format(theirs, "spdx-json"))
    moved = convert.to_format(theirs, "cyclonedx-json", "1.7")
    assert validate(moved) == ()


def test_merge_joins_by_purl_and_renames_refs_that_clash() -> None:
    one, two = (
        document(library("torch", licenses=("BSD-3-Clause",))),
        document(library("torch"), library("numpy"), name="other"),
    )
    two["components"].append(
        {"type": "library", "name": "clash", "bom-ref": two["components"][0]["bom-ref"] + "x", "x-unknown": 1}
    )
    one["components"].append({"type": "library", "name": "mine", "bom-ref": two["components"][0]["bom-ref"] + "x"})
    joined = merge([one, two])
    assert sorted(item["name"] for item in joined["components"]) == ["clash", "mine", "numpy", "other", "torch"]
    assert len({item["bom-ref"] for item in joined["components"]}) == 5
    assert select(joined, "components[name=clash].x-unknown") == [1]
    with pytest.raises(InputError):
        merge([])


def test_diff_speaks_of_models() -> None:
    before = document(model(licenses=("apache-2.0",)), library("torch", "2.5"))
    after = document(
        model(sha="cd" * 32, licenses=("llama3.1",)),
        library("torch", "2.6"),
        Component("service:1", ComponentKind.SERVICE, "openai"),
    )
    changes = {(change.kind, change.note) for change in diff(before, after)}
    assert ("weights", "weights changed, card did not") in changes
    assert {"license", "version", "service-added"} <= {kind for kind, _ in changes}
    assert {change.kind for change in diff(document(model("a")), document(model("b")))} == {"renamed"}


VEX = {"@context": "https://openvex.dev/ns/v0.2.0", "author": "Acme", "statements": [
    {"vulnerability": {"name": "CVE-2025-1"}, "products": [{"@id": "pkg:pypi/torch@1.0"}], "status": "not_affected",
     "justification": "vulnerable_code_not_in_execute_path", "impact_statement": "not called"},
    {"vulnerability": {"name": "CVE-2025-2"}, "products": ["pkg:pypi/absent@1"], "status": "affected"},
]}  # fmt: skip


def test_vex_is_attached_to_the_component_it_names_and_to_no_other() -> None:
    result = attach(document(library("torch"), library("torchvision")), VEX)
    assert (result.statements, result.unmatched) == (1, ("pkg:pypi/absent@1",))
    assert validate(bom.dump(result.document)) == ()
    row = result.document["vulnerabilities"][0]
    assert row["analysis"] == {"state": "not_affected", "justification": "code_not_reachable", "detail": "not called"}
    assert row["affects"] == [{"ref": "pkg:pypi/torch@1.0"}]
    again = attach(result.document, VEX)
    assert len(again.document["vulnerabilities"]) == 1
    moved = {
        "bomFormat": "CycloneDX",
        "vulnerabilities": [{"id": "CVE-9", "affects": [{"ref": "urn:cdx:x/1#pkg:pypi/torch@1.0"}]}],
    }
    assert attach(document(library("torch")), moved).statements == 1
    with pytest.raises(InputError):
        attach(document(library("torch")), {"hello": 1})


@pytest.mark.parametrize(("expression", "names"), [
    ("kind=model", ["base"]), ("license=Apache-2.0", ["base"]), ("name=torch and version<2.6", ["torch"]), ("version>=2.5.0", ["torch"]),
    ("not kind=library and not kind=application", ["base"]), ("(kind=model or name~TOR) and hash", ["base"]), ("parameters>600", ["base"]),
    ('modelCard.modelParameters.task="text-generation"', ["base"]), ("path~uv.lock", ["torch"]), ("name!=torch and kind=library", []),
    ("licenses[].license.id=Apache-2.0", ["base"]), ("hashes[alg=SHA-256]", ["base"]), ("hashes[alg=MD5]", []),
    (f"hashes[alg=SHA-256].content={SHA}", ["base"]), ("not (licenses[].license.id = MIT) and hashes[]", ["base"]),
    ('properties[name=no such name].value or hashes[alg=SHA-256].content~"x y"', []),
])  # fmt: skip
def test_query(expression: str, names: list[str]) -> None:
    assert [item["name"] for item in query(document(model(), library("torch", "2.5.1")), expression)] == names


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "and",
        "kind=",
        "(kind=model",
        "kind=model)",
        "not",
        "a=b c=d",
        "(" * 200 + "a",
        "x" * 3000,
        "a[",
        "a]=b",
        "[" * 1900,
    ],
)
def test_what_cannot_be_read_is_wrong_usage(expression: str) -> None:
    with pytest.raises(ConfigError):
        query(document(model()), expression)


@given(st.text(max_size=60))
def test_any_expression_gives_a_list_or_wrong_usage(expression: str) -> None:
    with contextlib.suppress(ConfigError):
        query({"components": [{"name": "x", "version": "1"}]}, expression)


def test_scores_tell_verified_from_declared_and_missing() -> None:
    full = score(document(model(), library("torch", digests=(Digest("sha256", SHA),))), "g7-ai")
    rows = {row.element.id: row for row in full.rows}
    assert rows["MDL-07"].counts == {Grade.VERIFIED: 1}
    assert rows["MDL-12"].counts == {Grade.DECLARED: 1}
    assert rows["MDL-05"].lacking == ("base",)
    assert full.percent > full.whole
    stated = document(model())
    stated["components"][0]["properties"].append({"name": "secpipe:not-disclosed", "value": "MDL-05"})
    assert next(row for row in score(stated, "g7-ai").rows if row.element.id == "MDL-05").counts == {
        Grade.NOT_DISCLOSED: 1
    }
    with pytest.raises(ConfigError):
        score(stated, "g8")


def test_of_an_empty_bom_nothing_is_known_and_dropped_licences_are_named() -> None:
    assert evidence(Inventory(), name="x", now=NOW)[0].state is State.SKIPPED
    base = model("gemma-2b", sha="cd" * 32, licenses=("gemma",))
    tuned = model("tuned", licenses=("mit",))
    seen, data = evidence(
        Inventory((base, tuned), (Relation(tuned.ref, RelationKind.DERIVED_FROM, base.ref),)), name="x", now=NOW
    )
    assert seen.state is State.OK
    assert [finding.rule for finding in seen.findings] == ["sbom/license-not-inherited"]
    assert seen.facts["components"] == 2
    assert seen.facts["licenses"] == {"MIT": ["tuned"], "gemma": ["gemma-2b"]}
    assert validate(data) == ()


@pytest.mark.parametrize(("word", "spdx"), [
    ("apache-2.0", "Apache-2.0"), ("MIT License", "MIT"), ("mit or apache-2.0", "MIT OR Apache-2.0"), ("llama3.1", "llama3.1"),
    ("(((", "((("), ("gpl-3.0", "GPL-3.0"), ("cc-by-nc-4.0", "CC-BY-NC-4.0"),
])  # fmt: skip
def test_licence_words(word: str, spdx: str) -> None:
    assert str(licenses.normalize(word)) == spdx


def test_services_carry_the_lines_that_call_them_and_never_a_purl() -> None:
    uses = [
        {"provider": "openai", "host": "api.openai.com", "model": "gpt-4o", "path": "app.py", "line": 7},
        {"provider": "openai", "host": "api.openai.com", "path": "b.py", "line": 1},
        {"provider": "local", "host": "qdrant:6333", "path": "compose.yaml", "line": 3},
    ]
    data = emit(with_services(Inventory((library("torch"),)), uses), name="x", now=NOW)
    assert validate(data) == ()
    services = {row["name"]: row for row in bom.load(data, "ours")["services"]}
    assert services["openai"]["endpoints"] == ["https://api.openai.com"]
    assert select(services["openai"], "properties[name=secpipe:occurrence].value") == ["app.py:7", "b.py:1"]
    assert services["qdrant:6333"]["endpoints"] == ["//qdrant:6333"]
    assert all("purl" not in row for row in services.values())


def test_xml_carries_model_cards_data_and_compositions() -> None:
    ours = document(
        model(),
        Component("prompt:1", ComponentKind.PROMPT, "system.md", path="system.md", digests=(Digest("sha256", SHA),)),
    )
    root = ElementTree.fromstring(convert.to_format(ours, "cyclonedx-xml"))
    space = "{http://cyclonedx.org/schema/bom/1.7}"
    card = root.find(f".//{space}modelCard/{space}modelParameters")
    assert card is not None
    assert [child.tag.removeprefix(space) for child in card] == ["task", "modelArchitecture", "inputs", "outputs"]
    assert root.find(f".//{space}component/{space}data/{space}type") is not None
    assert root.find(f"{space}compositions/{space}composition/{space}aggregate") is not None
    assert convert.lost(ours, "cyclonedx-xml") == ()
    ours["components"][0].setdefault("modelCard", {}).setdefault("considerations", {})["ethicalConsiderations"] = []
    assert convert.lost(ours, "cyclonedx-xml") in {
        ("considerations.ethicalConsiderations",),
        ("modelCard.ethicalConsiderations",),
    }


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_other_peoples_documents_become_xml_or_an_input_error(path: Path) -> None:
    theirs = bom.load(path.read_bytes(), path.name)
    try:
        data = convert.to_format(theirs, "cyclonedx-xml", "1.7")
    except InputError:
        return
    ElementTree.fromstring(data)


@pytest.mark.parametrize("version", ["1" * 5000, "\u202e" * 5000])
def test_a_version_longer_than_the_schema_allows_is_cut(version: str) -> None:
    item = Component("x:1", ComponentKind.LIBRARY, "x", version)
    assert validate(emit(Inventory((item,)), name="r", now=NOW)) == ()


def test_a_digest_that_is_none_is_not_written() -> None:
    facts = {"hashes": Fact("sha256:zz", Grade.DECLARED), "artifact-url": Fact("https://e.example/x", Grade.DECLARED)}
    item = Component("x:1", ComponentKind.LIBRARY, "x", "1", digests=(Digest("sha256", "a:b"),), facts=facts)
    data = emit(Inventory((item,)), name="r", now=NOW)
    assert validate(data) == ()
    assert b'"hashes"' not in data


def test_a_name_that_is_no_part_of_an_address_gets_none() -> None:
    facts = {"hashes": Fact(f"sha256:{'a' * 64}", Grade.DECLARED)}
    item = Component("x:1", ComponentKind.LIBRARY, "\0left", "1", ecosystem="npm", facts=facts)
    data = emit(Inventory((item,)), name="r", now=NOW)
    assert validate(data) == ()
    assert b"npmjs" not in data
