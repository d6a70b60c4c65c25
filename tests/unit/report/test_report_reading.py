"""Saved documents are hostile: what is not a document of ours is refused with its place, never rendered."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import Limits
from secpipe.report.read import load, read

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests/data/reports"
SCHEMAS = {
    name: json.loads((ROOT / f"policies/schema/{name}.schema.json").read_text()) for name in ("verdict", "findings")
}


def saved(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return value


@pytest.mark.parametrize(("file", "schema"), [("verdict", "verdict"), ("pass", "verdict"), ("scan", "findings")])
def test_samples_are_valid_under_the_published_schema(file: str, schema: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[schema])
    Draft202012Validator(SCHEMAS[schema], format_checker=Draft202012Validator.FORMAT_CHECKER).validate(saved(file))


@pytest.mark.parametrize("name", ["verdict", "findings"])
def test_the_examples_of_the_specification_are_valid(name: str) -> None:
    text = (ROOT / f"docs/spec/{name}.md").read_text()
    example = json.loads(text.partition("```json\n")[2].partition("```")[0])
    Draft202012Validator(SCHEMAS[name], format_checker=Draft202012Validator.FORMAT_CHECKER).validate(example)
    assert read(example).findings


def test_what_both_schemas_say_is_the_same() -> None:
    one, other = (SCHEMAS[name]["$defs"] for name in ("findings", "verdict"))
    for name in ("time", "rule", "id", "state", "tool"):
        assert one[name] == other[name]
    extra = {"effect", "waiver"}
    assert one["finding"]["properties"] == {
        key: value for key, value in other["finding"]["properties"].items() if key not in extra | {"sha256"}
    }
    assert {*one["finding"]["required"], *extra} == set(other["finding"]["required"])


def test_a_verdict_is_read_worst_first_and_counted_here() -> None:
    document = saved("verdict")
    document["counts"] = {}
    report = read(document)
    assert [item.severity for item in report.findings] == ["critical", "high", "high", "medium", "low"]
    assert report.counts == "1 critical, 2 high, 1 medium, 1 waived"
    assert [check.check for check in report.checks if check.unknown] == ["trust", "signatures"]


def test_reasons_without_findings_are_entries_so_that_no_list_looks_clean() -> None:
    document = saved("verdict")
    document["findings"] = []
    assert [item.rule for item in read(document).entries] == [reason["rule"] for reason in document["reasons"]]


@pytest.mark.parametrize(
    ("state", "rule"), [("skipped", "gate/not-checked"), ("stale", "gate/not-checked"), ("failed", "gate/check-failed")]
)
def test_a_scan_that_established_nothing_is_never_an_empty_list(state: str, rule: str) -> None:
    document = saved("scan")
    document["findings"] = []
    document["evidence"] |= {"state": state, "reason": "the engine is not here"}
    report = read(document)
    assert [item.rule for item in report.entries] == [rule]
    assert report.decision != "pass"
    assert "the engine is not here" in report.sentence


def test_a_clean_scan_says_so_and_what_it_did_not_see() -> None:
    document = saved("scan")
    document["findings"] = []
    assert read(document).sentence == "Nothing found. 1 place was not looked at."


def test_simulated_and_self_judged_stand_in_the_first_line() -> None:
    document = saved("verdict")
    document |= {"simulated": True, "sentence": "PASS for prod."}
    assert read(document).sentence == "SIMULATED. PASS for prod. (self-judged)"


CHANGES: list[tuple[tuple[Any, ...], Any, str]] = [
    (("schema",), "secpipe.verdict/3", 'schema "secpipe.verdict/3" is not one that can be rendered'),
    (("schema",), 7, "schema is not a string"),
    (("decision",), "maybe", "decision is"),
    (("at",), "yesterday", "at is not an RFC 3339 time"),
    (("sentence",), None, "sentence is missing"),
    (("tool",), [], "tool is not an object"),
    (("self_judged",), "no", "self_judged is neither true nor false"),
    (("findings",), {}, "findings is not an array"),
    (("findings", 0), "x", "findings[0] is not an object"),
    (("findings", 1, "severity"), "awful", "findings[1].severity is"),
    (("findings", 1, "line"), -1, "findings[1].line is not a whole number"),
    (("findings", 1, "line"), True, "findings[1].line is not a whole number"),
    (("findings", 1, "line"), 1e3, "findings[1].line is not a whole number"),
    (("findings", 1, "line"), 2**60, "findings[1].line is not a whole number"),
    (("findings", 1, "rule"), "../../etc/passwd", "findings[1].rule is not a rule id"),
    (("findings", 1, "rule"), "models/x\n", "findings[1].rule is not a rule id"),
    (("findings", 1, "id"), "zz", "findings[1].id is not a finding id"),
    (("findings", 1, "effect"), "", "findings[1].effect is"),
    (("reasons", 0, "findings"), [1], "reasons[0].findings[0] is not a string"),
    (("checks", 0, "state"), "green", "checks[0].state is"),
    (("skipped", 0, "reason"), None, "skipped[0].reason is missing"),
    (("policy",), None, "policy is missing"),
    (("trust",), "yes", "trust is not an object"),
    (("waivers", 0, "used"), "many", "waivers[0].used is not a whole number"),
]


@pytest.mark.parametrize(("place", "value", "message"), CHANGES, ids=[change[2][:40] for change in CHANGES])
def test_a_malformed_verdict_is_refused_with_its_place(place: tuple[Any, ...], value: Any, message: str) -> None:
    document = copy.deepcopy(saved("verdict"))
    target: Any = document
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    with pytest.raises(InputError) as caught:
        read(document)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize("change", ["reason", "check", "exit code"])
def test_a_pass_that_contradicts_itself_is_refused(change: str) -> None:
    document = saved("verdict") | {"decision": "pass", "exit_code": 0}
    if change != "reason":
        document["reasons"] = []
    if change != "check":
        document["checks"] = []
    if change == "exit code":
        document["exit_code"] = 1
    with pytest.raises(InputError, match="reasons against it"):
        read(document)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"{", b'{"schema": "x", "schema": "y"}', b'{"schema": NaN}', b"\xff", b'{"a":' * 100_000],
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        load(data)


def test_a_document_over_a_bound_is_refused() -> None:
    data = (DATA / "verdict.json").read_bytes()
    with pytest.raises(UnsafeInput):
        load(data, Limits(document_bytes=100))
    with pytest.raises(UnsafeInput):
        load(data, Limits(json_nodes=10))
    assert load(data) == saved("verdict")
