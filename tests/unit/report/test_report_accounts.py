"""Every format says what each check looked at and what was left out; a verdict of the first version has no account."""

from __future__ import annotations

import html as html_text
import json
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.core.registry import load
from secpipe.report import WRITERS
from secpipe.report.read import read

SAVED = Path(__file__).resolve().parents[2] / "data/reports/pass.json"
FORMATS = ("terminal", "markdown", "html", "junit", "sarif", "github", "gitlab")


def _verdict() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(SAVED.read_text())
    return made


def _rendered(document: dict[str, Any], format_: str) -> str:
    text: str = load(WRITERS, format_, "format")(document)
    return " ".join(html_text.unescape(text).split())


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_says_what_was_looked_at_and_left_out(format_: str) -> None:
    text = _rendered(_verdict() | {"unused": ["waiver W-9 matches nothing"]}, format_)
    assert "40 files: 6 judged, 34 cannot hold it, 0 not read" in text
    assert "118 components: 118 judged, 0 not read" in text
    assert "vendor (left out by the policy)" in text
    assert "waiver W-9 matches nothing" in text


def test_json_holds_the_account_itself() -> None:
    document = json.loads(_rendered(_verdict(), "json"))
    models = next(check for check in document["checks"] if check["check"] == "models")
    assert models["account"]["things"]["file"]["total"] == 40


@pytest.mark.parametrize("format_", FORMATS)
def test_a_verdict_of_the_first_version_has_no_account(format_: str) -> None:
    document = _verdict() | {"schema": "secpipe.verdict/1"}
    del document["left_out"]
    for check in document["checks"]:
        del check["account"]
    assert [said for _, said in read(document).accounts] == ["no account"] * 5
    assert "no account" in _rendered(document, format_)


@pytest.mark.parametrize("wrong", [-1, "3", None, 1.5, True])
def test_a_count_that_is_none_is_refused(wrong: object) -> None:
    document = _verdict()
    document["checks"][1]["account"]["things"]["file"]["not_read"] = wrong
    with pytest.raises(InputError):
        read(document)


def test_a_thing_nobody_knows_is_refused() -> None:
    document = _verdict()
    document["checks"][1]["account"]["things"]["soul"] = document["checks"][1]["account"]["things"]["file"]
    with pytest.raises(InputError, match="soul"):
        read(document)
