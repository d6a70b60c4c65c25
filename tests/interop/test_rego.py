"""The evidence document as OPA users meet it: the rules of docs/spec/evidence.md, run by a Rego engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.gate.record import Record, decode, encode
from tests import skips
from tests.unit.gate_builders import NOW, clean, finding, ok

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/spec/evidence.md").read_text()
SCHEMA = json.loads((ROOT / "policies/schema/evidence.schema.json").read_text())


def record(**changes: Evidence) -> Record:
    return Record(NOW, "prod", {"name": "acme", "digest": {"dirHash": "0" * 64}}, clean(**changes))


def denied(made: Record) -> list[str]:
    """Return what the page's rules say, by a real Rego engine."""
    regopy = skips.module("regopy")
    rules = re.search(r"```rego\n(.*?)```", PAGE, re.DOTALL)
    assert rules
    engine = regopy.Interpreter()
    engine.add_module("main", rules[1])
    engine.set_input_term(encode(made).decode())
    answer: Any = json.loads(str(engine.query("x := data.main.deny")))
    return sorted(answer["bindings"]["x"])


def test_the_example_of_the_page_is_read_and_valid() -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example
    Draft202012Validator(SCHEMA).validate(json.loads(example[1]))
    again = decode(example[1].encode(), "the example")
    Draft202012Validator(SCHEMA).validate(json.loads(encode(again)))


def test_a_document_with_everything_in_it_is_valid() -> None:
    models = Evidence("models", State.STALE, "old", NOW, (finding(),), (Skip("a", "b", True),), {"files": {}}, "p")
    Draft202012Validator(SCHEMA).validate(json.loads(encode(record(models=models))))


@pytest.mark.interop
def test_a_clean_release_is_not_denied() -> None:
    assert denied(record()) == []


@pytest.mark.interop
def test_what_was_not_looked_at_is_denied_and_so_is_a_format() -> None:
    torch = {"m/a.pt": {"format": "torch", "outcome": "ok"}}
    made = record(
        models=ok("models", files=torch),
        audit=Evidence("audit", State.SKIPPED, "no advisory data"),
        files=Evidence(
            "files", State.OK, skips=(Skip("big.bin", "larger than 1 byte"),), facts={"files": 1, "bytes": 1}
        ),
    )
    assert denied(made) == ["audit: no advisory data", "files did not look at big.bin", "m/a.pt is torch"]
