"""Where keys stand: line and column in the TOML that people write, and in the TOML that tries to mislead."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.errors import ConfigError
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy_places import Places, dotted

TEXT = '''\
schema = "secpipe.policy/1"
name = """
[models]
block = "never"
"""
licenses.deny = [   # [signatures]
  "AGPL-*", '[sbom]',
  "SSPL-*",
]
  "quoted key" . sub = 1
[signatures]
cover = ["models"]   # = ]
[[waiver]]
id = "W-1"
[[waiver]]
id = 'W-2'
[shadow_ai]
default = "deny"
[[shadow_ai.allow]]
host = "a"
[[shadow_ai.allow]]
host = "b"
[env.prod.models]
block = "low"
[env."a.b"]
mode = 'warn'
'''


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("schema",), (1, 1)),
        (("name",), (2, 1)),
        (("models",), (0, 0)),
        (("models", "block"), (0, 0)),
        (("licenses", "deny"), (6, 1)),
        (("sbom",), (0, 0)),
        (("quoted key", "sub"), (10, 3)),
        (("signatures",), (11, 1)),
        (("signatures", "cover"), (12, 1)),
        (("signatures", "absent"), (11, 1)),
        (("waiver",), (13, 1)),
        (("waiver", 0, "id"), (14, 1)),
        (("waiver", 1), (15, 1)),
        (("waiver", 1, "id"), (16, 1)),
        (("waiver", 2), (13, 1)),
        (("shadow_ai", "allow", 1, "host"), (22, 1)),
        (("env", "prod", "models", "block"), (24, 1)),
        (("env", "a.b", "mode"), (26, 1)),
        ((), (0, 0)),
    ],
)
def test_places(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    tomllib.loads(TEXT)
    assert Places(TEXT.encode(), "p").find(path) == place


def test_an_error_leads_with_the_place() -> None:
    where = Places(TEXT.encode(), "p.toml")
    assert where.error(("waiver", 1, "id"), "no").message == "p.toml:16:1: no"
    assert where.error(("absent",), "no").message == "p.toml: no"
    assert dotted(("waiver", 1, "id")) == "waiver.id"


@given(st.text(max_size=200), st.lists(st.text(max_size=3) | st.integers(0, 3), max_size=3).map(tuple))
def test_any_text_has_places(text: str, path: tuple[str | int, ...]) -> None:
    line, column = Places(text.encode("utf-8", "replace"), "p").find(path)
    assert 0 <= line <= text.count("\n") + 1
    assert (line == 0) == (column == 0)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("local_only = 3", "8:1"),
        ('regions = ["code", "cloud"]', "8:1"),
        ('default = "maybe"', "8:1"),
        ('[[shadow_ai.allow]]\nowner = "a"\nreason = "b"\nexpires = 2098-01-01\nprovider = 7', "12:1"),
        ('[[shadow_ai.allow]]\nowner = "a"\nreason = "b"\nexpires = "soon"\nprovider = "x"', "11:1"),
        ('[[shadow_ai.allow]]\nowner = "shadow_ai.default"\nreason = "b"\nexpires = 2098-01-01', "8:1"),
    ],
)
def test_a_mistake_in_shadow_ai_is_told_where_it_stands(line: str, place: str) -> None:
    head = 'schema = "secpipe.policy/1"\nname = "a"\nowner = "o@a.example"\nexpires = 2099-01-01\n\n\n[shadow_ai]\n'
    with pytest.raises(ConfigError, match=f"^policy.toml:{place}: "):
        policy_file.parse(f"{head}{line}\n".encode(), "policy.toml")
