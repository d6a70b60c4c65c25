"""Numbers that cannot be compared are no numbers: neither spelled out nor written too large."""

from __future__ import annotations

import pytest

from secpipe.core.documents import parse_json, parse_toml
from secpipe.core.errors import InputError


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400 + ".0", "NaN", "Infinity", "-Infinity"])
def test_json_holds_only_numbers_that_can_be_compared(number: str) -> None:
    with pytest.raises(InputError, match="is not strict JSON"):
        parse_json(f'{{"score": {number}}}'.encode(), "the result")


@pytest.mark.parametrize("number", ["inf", "-inf", "+inf", "nan", "-nan", "1e999"])
def test_toml_holds_only_numbers_that_can_be_compared(number: str) -> None:
    with pytest.raises(InputError, match="no number that can be compared"):
        parse_toml(f"score = {number}\n".encode(), "the policy")


def test_honest_numbers_stay() -> None:
    assert parse_json(b"[1.5, 1e308, -0.0, 5e-324]", "x") == [1.5, 1e308, -0.0, 5e-324]
    assert parse_toml(b"a = 1.5\nb = 1_0e2\n", "x") == {"a": 1.5, "b": 1000.0}
