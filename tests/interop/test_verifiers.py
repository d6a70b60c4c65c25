"""The verifiers in Go and JavaScript answer every case as secpipe does; and their tables are secpipe's own."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from secpipe.core.refusals import CODES, UNDECIDED_CODES
from tests import skips
from vectors.agreement import COMMANDS
from vectors.check import answers, wanted
from vectors.judge import HERE

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "Go": "\n".join(path.read_text() for path in sorted((ROOT / "verifiers/go").glob("*.go"))),
    "JavaScript": "\n".join(path.read_text() for path in sorted((ROOT / "verifiers/js/src").glob("*.js"))),
}


@pytest.mark.interop
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_another_verifier_answers_every_case(name: str) -> None:
    if not COMMANDS[name]:
        skips.cannot(f"the verifier in {name} is not built: make verifiers")
    cases = json.loads((HERE / "index.json").read_text())["cases"]
    assert answers(COMMANDS[name]) == {case["id"]: wanted(case, ("rfc3161",)) for case in cases}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_vetted_types_of_a_verifier_are_ours(name: str) -> None:
    rows = tomllib.loads((ROOT / "policies/signing/predicates.toml").read_text())["predicate"]
    lines = [line for line in SOURCES[name].splitlines() if re.search(r'["\']https://[^"\']+["\'][:,]', line)]
    for row in rows:
        (line,) = [line for line in lines if f'"{row["uri"]}"' in line or f"'{row['uri']}'" in line]
        words = SOURCES[name].split(line)[1] if row["purpose"] not in line else line
        assert row["purpose"] in words[:200], row["uri"]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_verifier_has_no_code_of_its_own(name: str) -> None:
    said = re.findall(r"(?<![.\w])(?:refuse|as|Refusal)\(['\"]([a-z-]+)['\"]", SOURCES[name])
    assert len(set(said)) > 50
    assert set(said) <= set(CODES)
    begin, end = ("undecided = map", "\n}") if name == "Go" else ("UNDECIDED = new Set", "])")
    table = SOURCES[name].partition(begin)[2].partition(end)[0]
    assert set(re.findall(r"['\"]([a-z-]+)['\"]", table)) == UNDECIDED_CODES
