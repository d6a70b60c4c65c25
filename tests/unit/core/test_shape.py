"""Typed access to what others wrote: what is of another shape is absent or an error, never something else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from secpipe.core import shape
from secpipe.core.errors import InputError

ODD: tuple[Any, ...] = (None, 7, True, 1.5, "text", b"bytes", [7], {"a": 1}, ({"a": 1}, "b"), complex(1, 2))


@pytest.mark.parametrize("value", ODD, ids=ascii)
def test_the_lenient_readers_take_anything(value: Any) -> None:
    assert shape.text(value) == (value if isinstance(value, str) else "")
    assert shape.mapping(value) == (value if isinstance(value, dict) else {})
    assert all(isinstance(item, dict) for item in shape.tables(value))
    assert all(isinstance(item, str) for item in shape.texts(value))


def test_of_a_mixed_array_each_takes_its_own() -> None:
    value = [{"a": 1}, "b", 7, None, ["c"]]
    assert (shape.tables(value), shape.texts(value)) == ([{"a": 1}], ["b"])


@pytest.mark.parametrize(("kind", "value"), [(int, True), (str, None), (bool, 1), (dict, []), (list, ())])
def test_exactly_takes_no_relative(kind: type, value: Any) -> None:
    with pytest.raises(TypeError):
        shape.exactly(kind, value)
    assert shape.exactly(kind, kind()) == kind()


@pytest.mark.parametrize("value", [None, 7, "", "soon", "2026-11-21", "2026-11-21T12:00:00"])
def test_a_time_is_told_with_its_place(value: Any) -> None:
    with pytest.raises(InputError, match=r"verdict\.at "):
        shape.Table({"at": value}, "verdict").instant("at")
    with pytest.raises(InputError, match='feed has no valid "at"'):
        shape.Fields({"at": value}, "feed").instant("at")


def test_a_time_is_read_in_utc() -> None:
    row = {"at": "2026-11-21T14:00:00+02:00"}
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert shape.Table(row).instant("at") == shape.Fields(row, "feed").instant("at") == noon
