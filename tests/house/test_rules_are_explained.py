"""Every rule that code can report is described in policies/rules, and nothing is described that cannot be reported."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from secpipe.core.finding import RULE_ID

ROOT = Path(__file__).resolve().parents[2]
DESCRIBED = {
    rule["id"]: path.name
    for path in sorted((ROOT / "policies/rules").glob("*.toml"))
    for rule in tomllib.loads(path.read_text())["rule"]
}
WINGS = {name.split("/")[0] for name in DESCRIBED}
CODE = "\n".join(path.read_text() for path in (ROOT / "secpipe").rglob("*.py"))
DATA = "\n".join(path.read_text() for path in (ROOT / "policies/models").glob("*.toml"))


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
