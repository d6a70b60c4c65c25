"""Refusal codes: each that is named is in the closed table, and each refusal on a verifier's way has one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from secpipe.core.errors import InputError, NetworkError, TrustError, UnsafeInput
from secpipe.core.refusals import CODES, UNDECIDED_CODES, code_of, result_of

PACKAGE = Path(__file__).resolve().parents[3] / "secpipe"
#: Where a bundle, a ring or a proof is verified: no refusal without a code.
VERIFYING = (
    "keys/ring.py",
    "keys/root.py",
    "keys/metadata.py",
    "keys/successor.py",
    "keys/identity.py",
    "keys/growth.py",
    "keystore/trust_bundle.py",
    "log/trusted.py",
)
#: What only a writer or a folder can meet.
ELSEWHERE = ("the folder changed while it was read",)


def raised(path: Path) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node, node.func.id


def code(call: ast.Call, name: str) -> str | None:
    found = next((each.value for each in call.keywords if each.arg == "code"), None)
    if found is None and name == "Refused" and len(call.args) > 2:
        found = call.args[2]
    return found.value if isinstance(found, ast.Constant) else None


def test_every_code_that_is_named_is_in_the_table() -> None:
    errors = {"Refused", "TrustError", "Undecided", "InputError", "Answer"}
    calls = [found for path in PACKAGE.rglob("*.py") for found in raised(path) if found[1] in errors]
    named = {text for call, name in calls if (text := code(call, name))}
    assert len(named) > 50
    assert named <= set(CODES)


@pytest.mark.parametrize("name", VERIFYING)
def test_no_refusal_of_a_verifier_is_without_a_code(name: str) -> None:
    bare = [ast.unparse(call) for call, what in raised(PACKAGE / name) if what == "TrustError" and not code(call, what)]
    assert [text for text in bare if not any(words in text for words in ELSEWHERE)] == []


def test_a_code_has_one_result() -> None:
    assert not UNDECIDED_CODES - set(CODES)
    assert {result_of(each) for each in CODES} == {"refused", "undecided"}
    assert result_of("") == "verified"
    with pytest.raises(KeyError):
        result_of("mood")


def test_the_code_of_an_error() -> None:
    assert code_of(TrustError("no", code="quorum"), "trust-malformed") == "quorum"
    assert (
        code_of(InputError("no"), "trust-malformed")
        == code_of(UnsafeInput("no"), "trust-malformed")
        == "trust-malformed"
    )
    for other in (NetworkError("no"), TrustError("no")):
        with pytest.raises(type(other)):
            code_of(other, "trust-malformed")
