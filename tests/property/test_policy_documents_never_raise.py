"""Policies, waivers and cases from anybody: a document is read or refused; nothing else ever happens."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import ConfigError, UnsafeInput
from secpipe.gate.policies import policy_diff, policy_file, policy_identity, policy_lint, policy_origin, waiver_file
from secpipe.gate.policy_cases import cases
from tests.unit.gate_builders import NOW

ROOT = Path(__file__).resolve().parents[2]
POLICY = b"""schema = "secpipe.policy/1"
name = "acme"
owner = "sec"
expires = 2027-06-30
profile = ["baseline", "strict"]
overridable = ["mode"]
[signatures]
roles = { reviewer = 1 }
[[signatures.phase]]
since = 2027-01-01
require = "pq"
[sbom]
profiles = { ntia = 90 }
[[waiver]]
id = "W-1"
rule = "models/*"
owner = "raj"
reason = "r"
expires = 2026-12-01
[[shadow_ai.allow]]
provider = "openai"
owner = "jane"
reason = "contract"
expires = 2027-03-31
[env.prod.promotion]
after = ["staging"]
"""
WAIVERS = b"""schema = "secpipe.waivers/1"
[[waiver]]
id = "W-1"
rule = "models/*"
owner = "raj"
approved_by = "jane"
reason = "r"
expires = 2026-12-01
"""
CASES = (ROOT / "policies/cases/baseline.cases.toml").read_bytes()
KNOWN = ["models/unlisted-call"]


def policy(data: bytes) -> None:
    loaded = policy_file.parse(data, "p.toml")
    assert len(loaded.digest) == 64
    for name in ("", "prod", *loaded.environments):
        try:
            resolved = loaded.resolve(name)
        except ConfigError:
            return
        assert len(policy_identity.resolved(resolved)) == 64
        for row in policy_origin.rows(loaded, name):
            assert row.origin
            policy_origin.toml(row.value)
    policy_lint.lint(loaded, NOW, KNOWN)
    assert policy_diff.diff(loaded, loaded) == []


READERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "policy": (policy, POLICY),
    "waivers": (lambda data: waiver_file.parse(data, "w.toml"), WAIVERS),
    "cases": (lambda data: cases.parse(data, Path("c.cases.toml")), CASES),
}
TOKENS = [
    b"[", b"]", b"[[", b"]]", b"{", b"}", b"=", b'"', b'"""', b"'''", b"\n", b".", b"#", b"\x00", b"\xff",
    b"\xe2\x80\xae",
    b"true", b"1", b"-1", b"1.0", b"1e400", b"2027-01-01", b"2027-01-01T00:00:00Z", b"07:00:00", b"9" * 30, b"nan",
    b"[]",
    b"{}", b"[env.prod]", b"[[waiver]]", b"mode", b"block", b"'x'",
]  # fmt: skip


def read(name: str, data: bytes) -> None:
    reader, _ = READERS[name]
    with contextlib.suppress(ConfigError, UnsafeInput):
        reader(data)


@pytest.mark.parametrize("name", READERS)
def test_every_truncation(name: str) -> None:
    data = READERS[name][1]
    step = 1 if len(data) < 1000 else 23
    for end in range(0, len(data), step):
        read(name, data[:end])


@pytest.mark.parametrize("name", READERS)
@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutations(name: str, data: st.DataObject) -> None:
    text = READERS[name][1]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.sampled_from(TOKENS)) + text[at + gone :]
    read(name, text)


@pytest.mark.parametrize("name", READERS)
@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes(name: str, data: bytes) -> None:
    read(name, data)
    read(name, READERS[name][1] + data)


def values_swapped(text: bytes, random_: random.Random) -> bytes:
    """Give a random key the value of another: types mix as no byte change would mix them."""
    lines = text.split(b"\n")
    assigned = [index for index, line in enumerate(lines) if b" = " in line]
    one, other = random_.choice(assigned), random_.choice(assigned)
    lines[one] = lines[one].partition(b" = ")[0] + b" = " + lines[other].partition(b" = ")[2]
    return b"\n".join(lines)


@pytest.mark.parametrize("name", READERS)
def test_swapped_values(name: str) -> None:
    random_ = random.Random(7)
    for _ in range(150):
        read(name, values_swapped(READERS[name][1], random_))


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_swapped_values_many_times(name: str) -> None:
    random_ = random.Random(11)
    for _ in range(5000):
        text = READERS[name][1]
        for _ in range(3):
            text = values_swapped(text, random_)
        read(name, text)
