"""The table of outcomes: complete by construction, agreeing with the gate, and with the laws it must keep."""

from __future__ import annotations

import typing

import pytest

from secpipe.core.verdict import Decision
from secpipe.gate.policies.policy import Models, Policy, Provenance, Sbom, Signatures, Vulnerabilities
from secpipe.gate.rules import RULES
from tests.unit import gate_outcomes as outcomes
from tests.unit.gate_builders import situation

TABLE = outcomes.kept()
#: rules whose check is judged by another's evidence, or made of several
DERIVED = {"licenses": "sbom", "attestations": "attestation:bias", "provenance": "attestation:provenance"}


def test_no_combination_is_missing_and_none_is_there_twice() -> None:
    assert list(TABLE) == list(outcomes.combinations())
    assert len(outcomes.TABLE.read_text().splitlines()) == len(TABLE) + 1
    assert all(len(row) == len(outcomes.ENVIRONMENTS) for row in TABLE.values())


def test_every_check_of_the_gate_is_in_the_table() -> None:
    checks = {rule(situation()).result.check for rule in RULES}
    assert {DERIVED.get(check, check) for check in checks} == set(outcomes.EVIDENCE)
    switched = {
        name
        for name, kind in typing.get_type_hints(Policy).items()
        if "required" in getattr(kind, "__dataclass_fields__", {}) and name != "log"  # asked of a signed verdict, later
    }
    known = (Signatures, Models, Vulnerabilities, Sbom, Provenance)
    assert switched == {name for name, kind in typing.get_type_hints(Policy).items() if kind in known}


@pytest.mark.parametrize("environment", outcomes.ENVIRONMENTS)
def test_the_gate_says_what_the_table_says(environment: str) -> None:
    place = outcomes.ENVIRONMENTS.index(environment)
    said = {one: outcomes.outcome(*one, environment) for one in TABLE}
    assert said == {one: row[place] for one, row in TABLE.items()}


def test_the_table_keeps_the_first_law() -> None:
    """Only ok is green; failed is a no; what is not known is neither; 1 and 3 are never mixed."""
    for (check, state, demand, mode), row in TABLE.items():
        for cell in row:
            word, code = cell.split()
            assert Decision(word).exit_code == int(code)
            if mode == "warn":
                assert code == "0"
                continue
            if demand == "required":
                expected = {"ok": "pass 0", "failed": "deny 1"}.get(state, "undecided 3")
                assert cell == expected, (check, state)
            else:
                assert word in ("pass", "warn") or (state == "failed" and word == "deny"), (check, state)
                assert not (state == "failed" and word == "pass"), (check, state)


def test_warn_mode_passes_where_enforcing_does_and_warns_elsewhere() -> None:
    for (check, state, demand, mode), row in TABLE.items():
        if mode == "warn":
            strict = TABLE[(check, state, demand, "enforce")]
            assert [cell == "pass 0" for cell in row] == [cell == "pass 0" for cell in strict]
            assert {cell.split()[0] for cell in row} <= {"pass", "warn"}
