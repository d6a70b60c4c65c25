"""A derivation record is written, read back the same, and refused where it is anything else."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from secpipe.core.artifact import Digest
from secpipe.core.errors import InputError
from secpipe.lineage import statement
from secpipe.lineage.record import Derivation, Grade, Input, Malformed, Parameter, Prompt, Role, Subject, Tool

SHA = Digest("sha256", "ab" * 32)
RECORD = Derivation(
    Subject("cat.png", (SHA,)),
    "generate",
    (
        Input("sdxl.safetensors", Role.MODEL, (SHA,)),
        Input("style", Role.ADAPTER, (Digest("sha256-prefix", "00112233aa"),), 0.8, "pkg:huggingface/a/style@1"),
        Input("pose.png", "control-image", (SHA,), grade=Grade.WITNESSED),
    ),
    (Parameter("cfg", 7.5), Parameter("hires", True), Parameter("sampler", "euler"), Parameter("seed", 2**64 - 1)),
    (Prompt(Role.PROMPT, "cd" * 32, Grade.WITNESSED),),
    Tool("comfyui", "0.3.1"),
    datetime(2026, 11, 21, 12, tzinfo=UTC),
    "comfyui",
)


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(statement.encode(RECORD))
    return found


def test_a_record_reads_back_as_it_was_written() -> None:
    assert statement.parse(statement.encode(RECORD)) == RECORD
    assert statement.parse(document()) == RECORD
    least = Derivation(Subject("m", (Digest("dirHash", "01" * 32),)), "convert")
    assert statement.parse(statement.encode(least)) == least


def test_each_fact_has_its_grade() -> None:
    assert RECORD.grades["inputs[2]"] is Grade.WITNESSED
    assert RECORD.grades["parameters.seed"] is Grade.CLAIMED
    assert {"prompts[0]", "tool", "inputs[0]"} < set(RECORD.grades)


def test_a_statement_that_was_signed_is_read_as_well() -> None:
    signed = document()
    signed["subject"][0]["annotations"] = {"https://secpipe.dev/kind/v1": "derivation"}
    assert statement.parse(signed) == RECORD


def _at(place: str, value: Any) -> dict[str, Any]:
    found: Any = copy.deepcopy(document())
    inner, keys = found, place.split("/")
    for key in keys[:-1]:
        inner = inner[int(key) if key.isdigit() else key]
    inner[keys[-1]] = value
    whole: dict[str, Any] = found
    return whole


PREDICATE = "predicate/buildDefinition"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("_type", "https://in-toto.io/Statement/v0.1"),
        ("predicateType", "https://slsa.dev/provenance/v1"),
        ("subject", []),
        ("subject", [{"name": "a", "digest": {"sha256": "ab" * 32}}] * 2),
        ("subject/0/digest", {"sha256": "ab"}),
        ("subject/0/digest", {"md5": "ab" * 16}),
        ("subject/0/digest", {}),
        ("subject/0/uri", "x"),
        ("extra", 1),
        ("predicate/extra", 1),
        (f"{PREDICATE}/buildType", "https://secpipe.dev/derivation/v1"),
        (f"{PREDICATE}/buildType", "https://secpipe.dev/derivation/v1#Not A Word"),
        (f"{PREDICATE}/resolvedDependencies/0/annotations/grade", "proven"),
        (f"{PREDICATE}/resolvedDependencies/0/annotations/role", "claimed\n"),
        (f"{PREDICATE}/resolvedDependencies/1/annotations/weight", True),
        (f"{PREDICATE}/resolvedDependencies/1/annotations/weight", 10**400),
        (f"{PREDICATE}/resolvedDependencies/0/digest", {"sha256": "AB" * 32}),
        (f"{PREDICATE}/resolvedDependencies", [{}] * 10_001),
        (f"{PREDICATE}/externalParameters/seed", 7),
        (f"{PREDICATE}/externalParameters/seed", {"value": None, "grade": "claimed"}),
        (f"{PREDICATE}/externalParameters/seed", {"value": "x" * 5000, "grade": "claimed"}),
        ("predicate/prompts", [{"role": "prompt", "commitment": "xx", "grade": "claimed"}]),
        ("predicate/prompts", [{"role": "prompt", "commitment": "cd" * 32, "grade": "claimed", "text": "told"}]),
        ("predicate/runDetails/builder/version", {"other": "1"}),
        ("predicate/runDetails/metadata/finishedOn", "yesterday"),
    ],
)
def test_what_is_no_record_is_a_value_that_says_so(place: str, value: Any) -> None:
    found = statement.parse(_at(place, value))
    assert isinstance(found, Malformed)
    assert found.reason


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff", b'{"a":1,"a":2}', b"[" * 100_000, b" " * (5 << 20)]
)
def test_bytes_that_are_no_record_never_raise(data: bytes) -> None:
    assert isinstance(statement.parse(data), Malformed)


def test_what_could_not_be_read_back_is_not_written() -> None:
    for bad in (Parameter("x", float("inf")), Parameter("x", "\ud800"), Parameter("", 1)):
        with pytest.raises(InputError):
            statement.encode(Derivation(RECORD.output, "generate", parameters=(bad,)))
