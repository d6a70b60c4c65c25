"""A shipped SBOM against the tree: what agrees, what lies, what says nothing, in CycloneDX and SPDX."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import SecpipeError
from secpipe.sbom.bom import load
from secpipe.sbom.collect import collect
from secpipe.sbom.convert import to_format
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.shipped import shipped
from secpipe.system.tree import walk

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
MODEL = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/w.safetensors").write_bytes(MODEL)
    (tmp_path / "requirements.txt").write_text("click==8.1.8\njinja2==3.1.6\n")
    return tmp_path


def bom(tree: Path) -> dict[str, Any]:
    return dict(json.loads(emit(collect(walk(tree)), name="x", now=NOW, spec="1.7")))


def look(tree: Path) -> list[dict[str, Any]]:
    walked = walk(tree)
    return shipped(walked, collect(walked))


def ship(tree: Path, document: Any, name: str = "bom.cdx.json") -> dict[str, Any]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    (tree / name).write_bytes(data)
    (row,) = look(tree)
    return row


@pytest.mark.parametrize(
    "name", ["bom.cdx.json", "bom.json", "sbom.json", "acme-sbom.json", "cyclonedx.json", "x.spdx.json"]
)
def test_our_own_sbom_agrees_under_every_usual_name(tree: Path, name: str) -> None:
    row = ship(tree, bom(tree), name)
    about = {"spec": "CycloneDX", "version": "1.7", "made": "2026-11-21T12:00:00+00:00"}
    assert row == {"path": name, **about, "agrees": True, "problem": ""}


def test_signatures_that_come_after_it_change_nothing(tree: Path) -> None:
    document = bom(tree)
    for name in ("model/model.sig", "model/model.pqc.sig", "bom.cdx.json.sig", "model.bias.att.json"):
        (tree / name).write_text("{}")
    assert ship(tree, document)["agrees"] is True


def change_model(tree: Path) -> None:
    (tree / "model/w.safetensors").write_bytes(MODEL[:-1] + b"\1")


def change_lock(tree: Path) -> None:
    (tree / "requirements.txt").write_text("click==8.1.8\njinja2==3.1.5\n")


def add_model(tree: Path) -> None:
    (tree / "model/second.safetensors").write_bytes(MODEL)


def drop_model(tree: Path) -> None:
    (tree / "model/w.safetensors").unlink()


@pytest.mark.parametrize("change", [change_model, change_lock, add_model, drop_model])
@pytest.mark.parametrize("form", ["cyclonedx", "spdx3", "spdx2"])
def test_what_changed_since_disagrees(tree: Path, change: Any, form: str) -> None:
    document = FORMS[form](bom(tree))
    assert ship(tree, document)["agrees"] is True
    change(tree)
    row = ship(tree, document)
    assert row["agrees"] is False
    assert row["problem"]


def _spdx3(document: dict[str, Any]) -> bytes:
    return to_format(document, "spdx-json")


def _spdx2(document: dict[str, Any]) -> dict[str, Any]:
    packages = [
        {"SPDXID": f"SPDXRef-{number}", "name": item["name"], "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": item["purl"]}]}
        for number, item in enumerate(document["components"]) if "purl" in item
    ]  # fmt: skip
    found: list[dict[str, Any]] = []
    pending = list(document["components"])
    while pending:
        item = pending.pop()
        pending += item.get("components", [])
        for row in item.get("properties", []):
            if row["name"] == "secpipe:file":
                digest = {"algorithm": "SHA256", "checksumValue": item["hashes"][0]["content"]}
                found.append(
                    {"SPDXID": f"SPDXRef-f{len(found)}", "fileName": f"./{row['value']}", "checksums": [digest]}
                )
    return {
        "spdxVersion": "SPDX-2.3",
        "creationInfo": {"created": "2026-11-21T12:00:00Z"},
        "packages": packages,
        "files": found,
    }


FORMS = {"cyclonedx": lambda document: document, "spdx3": _spdx3, "spdx2": _spdx2}


@pytest.mark.parametrize(("form", "version"), [("spdx3", "3.0.1"), ("spdx2", "2.3")])
def test_spdx_says_what_it_is(tree: Path, form: str, version: str) -> None:
    row = ship(tree, FORMS[form](bom(tree)), "release.spdx.json")
    assert (row["spec"], row["version"], row["made"]) == ("SPDX", version, "2026-11-21T12:00:00Z")


def test_one_that_leaves_out_all_packages_disagrees(tree: Path) -> None:
    document = bom(tree)
    document["components"] = [item for item in document["components"] if item["type"] != "library"]
    document.pop("dependencies", None)
    document.pop("compositions", None)
    row = ship(tree, document)
    assert row["agrees"] is False
    assert "none of the 2 packages" in row["problem"]


def test_one_that_names_nothing_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    row = ship(tmp_path, {"bomFormat": "CycloneDX", "specVersion": "1.7", "version": 1})
    assert row["agrees"] is None


def test_one_that_is_not_valid_is_not_of_that_format(tree: Path) -> None:
    row = ship(tree, bom(tree) | {"components": [{"name": 7}]})
    assert (row["agrees"], row["problem"][:9]) == (False, "not valid")


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"a":1,"a":2}', b"\xff", b'{"bomFormat":"CycloneDX"', b"[" * 100_000])
def test_a_broken_one_does_not_agree(tree: Path, data: bytes) -> None:
    (tree / "bom.json").write_bytes(data)
    assert all(row["agrees"] is False for row in look(tree))


def test_other_json_and_those_of_installed_packages_are_left_alone(tree: Path) -> None:
    (tree / "bom.json").write_text('{"parts": ["wheel"]}')
    (tree / "node_modules/a").mkdir(parents=True)
    (tree / "node_modules/a/bom.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.7"}')
    assert look(tree) == []


def test_a_thousand_of_them_are_not_all_read(tree: Path) -> None:
    for number in range(50):
        (tree / f"{number}.cdx.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.7", "version": 1}')
    assert len(look(tree)) == 20


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "name", "hashes", "alg", "content", "purl", "properties", "value", "components",
                         "files",
                         "packages", "fileName", "checksums", "algorithm", "@graph", "verifiedUsing", "extension",
                         "externalRefs", "creationInfo", "created", "metadata", "timestamp"]), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip
HEADS = [{"bomFormat": "CycloneDX", "specVersion": "1.7"}, {"spdxVersion": "SPDX-2.3"},
         {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}]  # fmt: skip


@given(st.sampled_from(HEADS), json_values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_no_document_breaks_it_or_agrees_by_chance(tree: Path, head: dict[str, Any], body: Any) -> None:
    graph = (
        {"@graph": [{"type": "CreationInfo"}, *(body if isinstance(body, list) else [body])]}
        if "@context" in head
        else {}
    )
    document = {
        **(body if isinstance(body, dict) else {"components": body, "files": body, "packages": body}),
        **graph,
        **head,
    }
    (tree / "bom.json").write_text(json.dumps(document))
    assert all(row["agrees"] is not True for row in look(tree))


def test_the_reader_of_bytes_agrees_with_the_command(tree: Path) -> None:
    data = json.dumps(bom(tree)).encode()
    assert load(data, "x")["specVersion"] == "1.7"
    with pytest.raises(SecpipeError):
        load(b"{}", "x")
