"""Every rule that code can report is described in policies/rules, and nothing is described that cannot be reported."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import pytest

from secpipe.api.rendering import known_rules
from secpipe.core.finding import RULE_ID
from secpipe.gate import rules

ROOT = Path(__file__).resolve().parents[2]
DESCRIBED = known_rules()
WINGS = {name.split("/")[0] for name in DESCRIBED}
CODE = "\n".join(path.read_text() for path in (ROOT / "secpipe").rglob("*.py"))
DATA = "\n".join(path.read_text() for path in (ROOT / "policies/models").glob("*.toml"))


#: Every rule of the gate, in the order of the report: they are found in their files, and none may get lost.
ORDER = [
    "trust", "files", "signatures", "models", "shadow_ai", "agents", "vulnerabilities", "sbom", "licenses",
    "provenance",
    "attestations", "promotion",
]  # fmt: skip


def test_every_rule_of_the_gate_is_found_and_has_its_place() -> None:
    assert [rule.__name__ for rule in rules.RULES] == ORDER


def test_two_rules_in_one_place_are_refused() -> None:
    one, other = ModuleType("one"), ModuleType("other")
    one.RULES, other.RULES = {10: print}, {10: repr}  # type: ignore[attr-defined]
    assert rules.placed([one]) == (print,)
    with pytest.raises(ValueError, match="place 10"):
        rules.placed([one, other])


def test_every_rule_in_the_code_is_described() -> None:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "secpipe").rglob("*.py")]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    used = {text for text in texts if isinstance(text, str) and RULE_ID.fullmatch(text) and text.split("/")[0] in WINGS}
    assert used - set(DESCRIBED) == set()


def test_every_described_rule_can_be_reported() -> None:
    names = {name for name in DESCRIBED if f'"{name}"' not in CODE and f'"{name.split("/")[1]}"' not in CODE + DATA}
    assert names == set()


def test_rule_ids_keep_the_grammar() -> None:
    assert [name for name in DESCRIBED if not RULE_ID.fullmatch(name)] == []
