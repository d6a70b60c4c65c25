"""docs/policy-conditions.md agrees with the code: its fields are the declared ones, its examples are allowed."""

from __future__ import annotations

import re
from pathlib import Path

from secpipe.gate.conditions import cel
from secpipe.gate.conditions.expression import FUNCTIONS, MACROS
from secpipe.gate.conditions.fields import FIELDS
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import ITEMS
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/policy-conditions.md").read_text()
HEAD = b'schema = "secpipe.policy/1"\nname = "t"\nowner = "o"\nexpires = 2027-06-30\n'
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_every_declared_field_is_in_the_table_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| ([a-z]+\??) \| (.+) \|$", PAGE, re.MULTILINE)
    wanted = [(on, name, field.kind, field.doc) for on, fields in FIELDS.items() for name, field in fields.items()]
    assert rows == wanted, "python docs/generate.py"
    assert set(FIELDS) == set(ITEMS)
    assert {kind.rstrip("?") for _, _, kind, _ in wanted} <= {"string", "int", "double", "bool", "list"}


def test_every_function_is_named() -> None:
    assert [name for name in (*FUNCTIONS, *MACROS) if f"{name}(" not in PAGE] == []


@skips.unless_installed(cel.available(), "secpipe[cel] is not installed")
def test_the_examples_are_policies() -> None:
    assert EXAMPLES
    loaded = [policy_file.parse(HEAD + text.encode(), "page").resolve("prod") for text in EXAMPLES]
    assert {condition.on for policy in loaded for condition in policy.condition} == set(ITEMS)
    assert any(policy.waiver for policy in loaded)
