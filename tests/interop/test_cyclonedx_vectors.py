"""Other people's CycloneDX files: every verdict right, and our schema engine against the reference implementation."""

from __future__ import annotations

import copy
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.artifact import Digest
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, Inventory, Relation, RelationKind
from secpipe.sbom.bom import load
from secpipe.sbom.convert import to_format
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.meant import meant
from secpipe.sbom.textforms import FORMATS
from secpipe.sbom.validate import VERSIONS, check, validate
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
VECTORS = skips.vectors() / "cyclonedx"
FILES = sorted(VECTORS.glob("*/*.json"))
SCHEMAS = ROOT / "policies" / "cyclonedx"

needs_vectors = skips.unless_possible(FILES, "the CycloneDX vectors are not here")


@needs_vectors
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_verdict_is_right(path: Path) -> None:
    problems = validate(path.read_bytes())
    assert bool(problems) == path.name.startswith("invalid"), problems
    assert all(len(problem.message) < 300 for problem in problems)


def _reference(version: str) -> Any:
    """jsonschema over the same files; the checks of forms are ours on both sides."""
    jsonschema = skips.module("jsonschema")
    referencing = skips.module("referencing")
    names = {"spdx.SNAPSHOT.schema.json": "spdx.schema.json", "jsf-0.82.SNAPSHOT.schema.json": "jsf-0.82.schema.json",
             "cryptography-defs.SNAPSHOT.schema.json": "cryptography-defs.schema.json"}  # fmt: skip
    resources = []
    for name, file in names.items():
        schema = json.loads((SCHEMAS / file).read_text())
        resource = referencing.Resource.from_contents(schema)
        resources += [(name, resource), (f"http://cyclonedx.org/schema/{name}", resource)]
    registry = referencing.Registry().with_resources(resources)
    schema = json.loads((SCHEMAS / f"bom-{version}.schema.json").read_text())
    forms = jsonschema.FormatChecker(formats=())
    for name, test in FORMATS.items():
        forms.checks(name)(lambda value, test=test: not isinstance(value, str) or test(value))
    return jsonschema.Draft7Validator(schema, registry=registry, format_checker=forms)


@needs_vectors
@pytest.mark.parametrize("version", ["1.5", "1.6"])
def test_damaged_documents_get_the_reference_verdict(version: str) -> None:
    reference = _reference(version)
    chance = random.Random(20261121)
    files = [path for path in FILES if path.parent.name == version and path.name.startswith("valid")]
    for path in files:
        document = json.loads(path.read_text())
        for _ in range(3):
            damaged = _damage(copy.deepcopy(document), chance)
            theirs = list(reference.iter_errors(damaged))
            # a bom-ref that stands twice is no matter of the schema
            beyond = list(meant(damaged))  # neither is what nobody could act on
            ours = [one for one in check(damaged) if "bom-ref" not in one.message and one not in beyond]
            if damaged.get("bomFormat") == "CycloneDX" and damaged.get("specVersion") in VERSIONS:
                assert bool(ours) == bool(theirs), (path.name, ours, [error.message for error in theirs])


def _damage(document: Any, chance: random.Random) -> Any:
    places: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        item = pending.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item))
        for key in keys:
            places.append((item, key))
            if isinstance(item[key], dict | list):
                pending.append(item[key])
    parent, key = chance.choice(places)
    action = chance.randrange(3)
    if action == 0:
        del parent[key]
    elif action == 1:
        parent[key] = chance.choice([None, 7, True, "", "x", [], {}, {"a": 1}, [1, 1], -1.5])
    elif isinstance(parent, dict):
        parent["unknownField"] = parent[key]
    else:
        parent.append(parent[key])
    return document


@pytest.mark.interop
@pytest.mark.parametrize("spec", ["1.6", "1.7"])
def test_our_xml_is_valid_by_the_official_xsd(spec: str) -> None:
    skips.module("lxml")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.xml import XmlValidator

    facts = {"task": Fact("text-generation", Grade.DECLARED), "intended-use": Fact("chat", Grade.DECLARED)}
    digest = (Digest("sha256", "ab" * 32),)
    parts = (
        Component("model:1", ComponentKind.MODEL, "base", path="m.safetensors", digests=digest, facts=facts),
        Component("dataset:1", ComponentKind.DATASET, "train", path="train.jsonl", digests=digest),
    )
    edges = (Relation("model:1", RelationKind.TRAINED_ON, "dataset:1"),)
    document = load(emit(Inventory(parts, edges), name="x", now=datetime(2026, 11, 21, tzinfo=UTC), spec=spec), "ours")
    xml = to_format(document, "cyclonedx-xml").decode()
    assert "<modelCard" in xml
    assert XmlValidator(SchemaVersion.from_version(spec)).validate_str(xml) is None
