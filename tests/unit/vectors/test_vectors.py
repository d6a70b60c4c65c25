"""The vectors for other verifiers: secpipe answers each as they say, and they are written from a seed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from secpipe.core.refusals import ALONE, CODES, TABLE, result_of
from vectors.generate import make
from vectors.judge import HERE, Files, judge

INDEX = json.loads((HERE / "index.json").read_text())
CASES: list[dict[str, Any]] = INDEX["cases"]
GROUPS = sorted({case["id"].split("/")[0] for case in CASES})


@pytest.mark.parametrize("group", GROUPS)
def test_secpipe_answers_every_case(group: str) -> None:
    files = Files()
    cases = [case for case in CASES if case["id"].startswith(f"{group}/")]
    assert {case["id"]: judge(case, files) for case in cases} == {case["id"]: case["expect"] for case in cases}
    assert cases


def test_there_are_enough_and_each_code_is_shown() -> None:
    assert INDEX["count"] == len(CASES) == len({case["id"] for case in CASES}) >= 400
    shown = {answer["code"] for case in CASES for answer in (case["expect"], *case.get("without", {}).values())} - {""}
    assert set(CODES) - shown == set(ALONE)
    assert Counter(code for rows in TABLE.values() for code in rows).most_common(1)[0][1] == 1
    assert {code: row["result"] for rows in INDEX["codes"].values() for code, row in rows.items()} == {
        code: result_of(code) for code in CODES
    }


def test_they_are_written_from_a_seed_and_come_out_the_same() -> None:
    made = make()
    there = {path.relative_to(HERE).as_posix() for path in (*HERE.glob("files/*"), *HERE.glob("*.json"))}
    assert there == {*made, "agreement.json"}
    assert [name for name, data in made.items() if (HERE / name).read_bytes() != data] == []


def test_the_table_of_who_agrees_is_about_these_cases() -> None:
    said = json.loads((HERE / "agreement.json").read_text())
    assert said["index"] == hashlib.sha256((HERE / "index.json").read_bytes()).hexdigest(), (
        "python -m vectors.agreement"
    )
    assert set(said["verifiers"]) == {"Python", "Go", "JavaScript"}
    assert all(one["agree"] == said["cases"] for one in said["verifiers"].values())


def test_a_verifier_that_says_yes_to_all_is_found_out() -> None:
    assert sum(case["expect"]["result"] == "verified" for case in CASES) < len(CASES) / 2
