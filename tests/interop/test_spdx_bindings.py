"""SPDX 3.0.1 as SPDX's own Python bindings read it; they check every field against the model's SHACL shapes."""
# ruff: noqa: E501

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from secpipe.core.artifact import Digest
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, Inventory, Relation, RelationKind
from secpipe.sbom.bom import load
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.spdx import from_cyclonedx
from tests import skips

pytestmark = pytest.mark.interop
SHA = "ab" * 32


def sample() -> dict[str, object]:
    model = Component(
        f"model:{SHA}", ComponentKind.MODEL, "base", path="m.safetensors", digests=(Digest("sha256", SHA),),
        licenses=("llama3.1",), facts={"task": Fact("text-generation", Grade.DECLARED), "parameters": Fact("5", Grade.VERIFIED)},
    )  # fmt: skip
    data = Component(
        "dataset:1",
        ComponentKind.DATASET,
        "train.jsonl",
        path="train.jsonl",
        facts={"format": Fact("jsonl", Grade.VERIFIED)},
    )
    lib = Component(
        "pkg:pypi/a@1",
        ComponentKind.LIBRARY,
        "a",
        "1",
        "pkg:pypi/a@1",
        "PyPI",
        "uv.lock",
        licenses=("MIT OR Apache-2.0",),
    )
    edges = (Relation(model.ref, RelationKind.TRAINED_ON, data.ref),)
    document = emit(Inventory((model, data, lib), edges), name="app", now=datetime(2026, 11, 21, tzinfo=UTC))
    return load(document, "ours")


def test_the_bindings_read_and_accept_what_is_written() -> None:
    spdx = skips.module("spdx_python_model.bindings.v3_0_1.model")
    objects = spdx.SHACLObjectSet()
    spdx.JSONLDDeserializer().read(io.BytesIO(from_cyclonedx(sample())), objects)
    assert not [name for name in objects.link() if "/terms/" not in str(name)]
    spdx.JSONLDSerializer().write(objects, io.BytesIO())
    kinds = {type(item).__name__ for item in objects.foreach()}
    assert {"ai_AIPackage", "dataset_DatasetPackage", "SpdxDocument", "Relationship"} <= kinds


def test_it_is_reproducible_and_every_reference_resolves() -> None:
    data = from_cyclonedx(sample())
    assert data == from_cyclonedx(sample())
    graph = json.loads(data)["@graph"]
    ids = {item.get("spdxId") for item in graph}
    for item in graph:
        if item["type"] == "Relationship":
            assert {item["from"], *item["to"]} <= ids
    model = next(item for item in graph if item["type"] == "ai_AIPackage")
    assert model["verifiedUsing"] == [{"type": "Hash", "algorithm": "sha256", "hashValue": SHA}]
    assert "LicenseRef-llama3.1" in {item.get("simplelicensing_licenseExpression") for item in graph}
