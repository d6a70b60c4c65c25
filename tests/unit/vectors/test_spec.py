"""The spec names what the code holds: the vetted predicate types, each refusal code."""

from __future__ import annotations

from pathlib import Path

from secpipe.core.refusals import ALONE, CODES
from secpipe.sign.predicates import by_purpose, purposes

SPEC = Path(__file__).resolve().parents[3] / "docs/spec"


def test_the_spec_lists_exactly_the_vetted_predicate_types() -> None:
    lines = (SPEC / "hybrid-bundle.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `") and "://" in line]
    forms = {"directory": "folder"}
    wanted = [
        f"| `{one.purpose}` | `{one.uri}` | {forms.get(one.form, one.form)} | {'empty' if one.empty else 'an object'} |"
        for one in map(by_purpose, purposes("directory", "file", "oci", "attestation", "verdict"))
    ]
    assert rows == wanted


def test_the_order_of_steps_names_each_code() -> None:
    steps = (SPEC / "verifier.md").read_text() + (SPEC / "trust-bundle.md").read_text()
    assert [code for code in CODES if f"`{code}`" not in steps and code not in ALONE] == []
