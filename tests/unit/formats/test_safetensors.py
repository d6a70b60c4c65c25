"""The safetensors reader against true files, broken files and hostile ones."""

from __future__ import annotations

import io
import json
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.limits import Limits
from secpipe.formats import safetensors


def build(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def read(blob: bytes, limits: Limits = Limits()) -> safetensors.Safetensors:  # noqa: B008  # frozen
    return safetensors.read(io.BytesIO(blob), len(blob), limits)


def tensor(start: int, end: int, dtype: str = "U8", shape: list[int] | None = None) -> dict[str, object]:
    return {"dtype": dtype, "shape": [end - start] if shape is None else shape, "data_offsets": [start, end]}


def kinds(blob: bytes) -> set[str]:
    return {problem.kind for problem in read(blob).problems}


GOOD = build(
    {"__metadata__": {"format": "pt"}, "b": tensor(8, 24, "F32", [2, 2]), "a": tensor(0, 8, "BF16", [4])}, bytes(24)
)


def test_a_sound_file_has_no_problems() -> None:
    seen = read(GOOD)
    assert seen.problems == ()
    assert seen.parameters == 8
    assert seen.dtypes == {"F32": 4, "BF16": 4}
    assert seen.metadata == {"format": "pt"}


def test_padding_a_scalar_and_an_empty_tensor_are_sound() -> None:
    header = json.dumps({"s": tensor(0, 4, "F32", []), "e": tensor(4, 4, "F32", [0, 7])}).encode() + b"   "
    assert read(build(header, bytes(4))).problems == ()


@pytest.mark.parametrize(
    ("blob", "kind"),
    [
        (b"", "truncated"),
        (b"\x01\x02", "truncated"),
        (build({}, length=1 << 63), "header-overflow"),
        (build({}, length=100), "header-overflow"),
        (build(b"[]"), "header-not-json"),
        (build(b' {"a":1}'), "header-not-json"),
        (build(b'{"a":"\xff"}'), "header-not-json"),
        (build(b'{"a":{},"a":{}}'), "duplicate-key"),
        (build(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), "header-not-json"),
        (build(b'{"a":NaN}'), "header-not-json"),
        (build({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)), "overlap"),
        (build({"a": tensor(0, 8), "b": tensor(0, 8)}, bytes(8)), "overlap"),
        (build({"a": tensor(0, 8)}, bytes(4)), "out-of-range"),
        (build({"a": tensor(0, 4), "b": tensor(6, 8)}, bytes(8)), "hole"),
        (build({"a": tensor(4, 8)}, bytes(8)), "hole"),
        (build({"a": tensor(0, 4)}, bytes(4) + b"PK\x03\x04"), "trailing-data"),
        (build({}, b"#!/bin/sh"), "trailing-data"),
        (build({"a": tensor(0, 4, "F32", [2])}, bytes(4)), "tensor"),
        (build({"a": tensor(0, 4, "F7")}, bytes(4)), "tensor"),
        (build({"a": tensor(4, 0, shape=[0])}, bytes(4)), "tensor"),
        (build({"a": {"dtype": "U8", "shape": [-4], "data_offsets": [0, 4]}}, bytes(4)), "tensor"),
        (build({"a": {"dtype": "U8", "shape": [True], "data_offsets": [0, 1]}}, bytes(1)), "tensor"),
        (build({"a": {"dtype": "U8", "shape": [1.0], "data_offsets": [0, 1]}}, bytes(1)), "tensor"),
        (build({"a": tensor(0, 4, "F32", [1 << 40, 1 << 40])}, bytes(4)), "tensor"),
        (build({"a": tensor(0, 4) | {"code": "x"}}, bytes(4)), "tensor"),
        (build({"__metadata__": {"a": 1}}), "metadata"),
        (build({"__metadata__": ["a"]}), "metadata"),
        (build({"__metadata__": {"x": "__import__('os').system('id')"}}), "script-text"),
    ],
)
def test_each_fault_is_named(blob: bytes, kind: str) -> None:
    assert kind in kinds(blob)


def test_many_values_are_refused_before_they_are_built() -> None:
    blob = build(b'{"a":[' + b"0," * 600_000 + b"0]}")
    tracemalloc.start()
    assert [problem.kind for problem in read(blob).problems] == ["header-overflow"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


def test_a_big_sparse_file_is_read_by_its_header_alone(tmp_path: os.PathLike[str]) -> None:
    size = 10 << 30
    blob = build({"w": tensor(0, size, "F16", [size // 2])})
    path = os.path.join(tmp_path, "m.safetensors")
    with open(path, "wb") as file:
        file.write(blob)
        file.truncate(len(blob) + size)
    with open(path, "rb") as file:
        seen = safetensors.read(file, len(blob) + size)
    assert seen.problems == ()
    assert seen.parameters == size // 2


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value(blob: bytes) -> None:
    read(blob)


@settings(max_examples=200)
@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4))
def test_truncation_and_mutation_give_a_value(cut: int, at: int, patch: bytes) -> None:
    assert read(GOOD[:cut]).problems or cut == len(GOOD)
    read(GOOD[:at] + patch + GOOD[at + len(patch) :])
