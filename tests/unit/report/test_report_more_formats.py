"""plain, concise, jsonl, csv and auditor: the same document for other readers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from secpipe.api.rendering import rendered

DATA = Path(__file__).resolve().parents[2] / "data/reports"


@pytest.fixture(params=["verdict", "pass", "scan"])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{request.param}.json").read_text())
    return found


def test_jsonl_loses_nothing(document: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in rendered(document, "jsonl").splitlines()]
    kinds = [row.pop("type") for row in rows]
    assert [row for row, kind in zip(rows, kinds, strict=True) if kind == "finding"] == document["findings"]
    assert [row for row, kind in zip(rows, kinds, strict=True) if kind == "skipped"] == document["skipped"]
    assert rows[-1] == {key: value for key, value in document.items() if key not in ("findings", "skipped")}


def test_csv_has_a_row_for_each_and_no_formula(document: dict[str, Any]) -> None:
    for item in document["findings"]:
        item["message"] = '=HYPERLINK("http://evil.example")'
    rows = list(csv.DictReader(io.StringIO(rendered(document, "csv"))))
    assert sum(row["kind"] == "unread" for row in rows) == len(document["skipped"])
    assert sum(row["message"] == '\'=HYPERLINK("http://evil.example")' for row in rows) == len(document["findings"])
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@" and cell]


def test_concise_has_a_line_for_each(document: dict[str, Any]) -> None:
    lines = rendered(document, "concise").splitlines()
    assert len(lines) > len(document["findings"]) + len(document["skipped"])
    assert all(item["rule"] in " ".join(lines) for item in document["findings"])


def test_plain_begins_with_the_answer() -> None:
    def first(name: str, **changed: Any) -> str:
        document = json.loads((DATA / f"{name}.json").read_text()) | changed
        return rendered(document, "plain").splitlines()[0]

    assert first("pass").startswith("YES, it may go out by its rules; 2 things nobody looked at.")
    assert first("pass", skipped=[], left_out=[], accepted=[]).startswith(
        "YES, it may go out. Everything was looked at"
    )
    assert first("verdict").startswith("NO, do not publish it yet: ")
    assert first("verdict", decision="undecided", exit_code=3).startswith("NOT YET: ")
    assert first("verdict", decision="warn", exit_code=0, mode="warn").startswith("IT WOULD BE NO: ")


@pytest.mark.parametrize("form", ["plain", "assistant", "html"])
def test_a_change_that_is_compared_and_rules_that_only_warn_are_never_a_yes(form: str) -> None:
    verdict = json.loads((DATA / "verdict.json").read_text()) | {"decision": "warn", "exit_code": 0, "mode": "warn"}
    change = json.loads((DATA / "pass.json").read_text()) | {"schema": "secpipe.change/1", "decision": "warn"}
    for document in (verdict, change):
        shown = rendered(document, form)
        assert "YES" not in shown
        assert ">Yes" not in shown


def test_an_assistant_takes_no_scan_for_a_release() -> None:
    scan = json.loads((DATA / "scan.json").read_text()) | {"findings": []}
    assert "YES" not in rendered(scan, "assistant")


def test_a_leaked_key_comes_first() -> None:
    document = json.loads((DATA / "verdict.json").read_text())
    key = document["reasons"][-1] | {"rule": "shadow-ai/leaked-key", "effect": "deny", "what": "a key is in page.html"}
    document["reasons"].append(key)
    assert "a key is in page.html" in rendered(document, "plain").partition(" 2. ")[0]


def test_auditor_shows_what_it_rests_on_before_the_result(document: dict[str, Any]) -> None:
    text = rendered(document, "auditor")
    if "decision" in document:
        assert text.index("What it rests on") < text.index("Checks")
