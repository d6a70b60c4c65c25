"""Who approved a waiver: a person, another one than its owner, and one of those whom the policy names."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from secpipe.core.errors import ConfigError
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.overlay import Loosens, overlay
from secpipe.gate.policies.persons import is_among, is_nobody, same_person
from secpipe.gate.policies.policy import Persons, Waiver, Waivers
from secpipe.gate.policies.waivers import refusal
from tests.unit.gate_builders import NOW

WAIVER = Waiver(id="w", rule="models/*", owner="raj@corp.example", reason="r", expires=date(2026, 12, 1))
POLICY = 'schema = "secpipe.policy/1"\nname = "p"\nowner = "o"\nexpires = 2030-01-01\n'
ENTRY = '[[waiver]]\nid = "w"\nrule = "models/*"\nowner = "raj"\nreason = "r"\nexpires = 2026-12-01\napproved_by = '
NOBODY = ["-", "--", "\u2014", "n/a", "None", "nobody", "TBD", "?", ".", "\u200b", "..."]


@pytest.mark.parametrize("name", ["", " ", *NOBODY])
def test_a_dash_is_no_approver(name: str) -> None:
    assert is_nobody(name)
    assert "nobody approved it" in refusal(replace(WAIVER, approved_by=name), Waivers(approved=True), NOW)
    with pytest.raises(ConfigError, match="approved by nobody"):
        policy_file.parse(f"{POLICY}{ENTRY}{name!r}\n".encode().replace(b"\\u200b", b"\xe2\x80\x8b"), "p.toml")


@pytest.mark.parametrize(
    "name", ["jane", "Ann Nonesuch", "张伟", "Ольга", "na@corp.example", "Jane <jane@corp.example>"]
)
def test_people_are_somebody(name: str) -> None:
    assert not is_nobody(name)
    assert refusal(replace(WAIVER, approved_by=name), Waivers(approved=True), NOW) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("raj", "r\u0430j"),  # Cyrillic a
        ("oscar", "\u043e\u0455\u0441\u0430r"),
        ("raj@corp.example", "raj@\u0441orp.example"),
        ("paul", "pau1"),
        ("igor", "\u0131gor"),
        ("ROB", "r0b"),
    ],
)
def test_letters_that_are_drawn_alike_make_no_second_person(one: str, other: str) -> None:
    assert same_person(one, other)


@pytest.mark.parametrize(("one", "other"), [("raj", "jane"), ("Ольга", "Ирина"), ("张伟", "李娜"), ("ann", "anna")])
def test_two_people_stay_two(one: str, other: str) -> None:
    assert not same_person(one, other)


@pytest.mark.parametrize("name", ["jane", "ann@corp.example", "ann@c\u043erp.example", "Ann", "ann+x@corp.example2"])
def test_an_approver_whom_the_policy_does_not_name_does_not_count(name: str) -> None:
    persons = Persons(approvers=("Ann Lee <ann@corp.example2>", "bob"))
    assert "none of the policy's approvers" in refusal(replace(WAIVER, approved_by=name), Waivers(), NOW, persons)


@pytest.mark.parametrize("name", ["bob", "Bob", "ann@corp.example2", "Ann  Lee <Ann@corp.example2>"])
def test_an_approver_whom_the_policy_names_counts(name: str) -> None:
    persons = Persons(approvers=("Ann Lee <ann@corp.example2>", "bob"))
    assert refusal(replace(WAIVER, approved_by=name), Waivers(approved=True), NOW, persons) == ""
    assert is_among(name, persons.approvers)


def test_an_environment_may_name_fewer_approvers_and_not_more() -> None:
    base = {"persons": {"approvers": ("ann", "bob")}}
    assert overlay(base, {"persons": {"approvers": ("ann",)}}, (), "p")["persons"]["approvers"] == ("ann",)
    with pytest.raises(Loosens):
        overlay(base, {"persons": {"approvers": ("ann", "raj")}}, (), "p")
    with pytest.raises(Loosens):
        overlay(base, {"persons": {"approvers": ()}}, (), "p")
