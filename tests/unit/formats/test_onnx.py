"""The ONNX walker against files made field by field."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.formats import onnx


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, *inner: bytes | str) -> bytes:
    data = b"".join(piece.encode() if isinstance(piece, str) else piece for piece in inner)
    return varint(field << 3 | 2) + varint(len(data)) + data


def pair(field: int, key: str, value: str) -> bytes:
    return part(field, part(1, key), part(2, value))


def tensor(field: int, name: str, *more: bytes) -> bytes:
    return part(field, part(1, varint(3) + varint(4)), number(2, 1), part(8, name), *more)


def model(*graph: bytes, more: bytes = b"") -> bytes:
    return number(1, 9) + part(2, "maker") + part(8, number(2, 17)) + more + part(7, part(2, "g"), *graph)


def read(blob: bytes) -> onnx.Onnx:
    return onnx.read(io.BytesIO(blob), len(blob))


def external(location: str, **more: str) -> bytes:
    rows = [pair(13, "location", location), *(pair(13, key, value) for key, value in more.items())]
    return model(tensor(5, "w", *rows))


SHAPE = part(2, part(1, number(1, 1), part(2, part(1, number(1, 3)), part(1, part(2, "n")))))
GOOD = model(
    part(1, part(1, "x"), part(2, "y"), part(4, "MatMul")),
    tensor(5, "w", part(9, bytes(48))),
    part(11, part(1, "x"), SHAPE),
    more=pair(14, "author", "me"),
)


def test_what_a_sound_file_says() -> None:
    seen = read(GOOD)
    assert seen.problems == ()
    assert (seen.ir_version, seen.producer, seen.graph) == (9, "maker", "g")
    assert seen.opsets == {"ai.onnx": 17}
    assert seen.operators == {"MatMul": 1}
    assert seen.dtypes == {"float32": 12}
    assert seen.metadata == {"author": "me"}
    assert seen.inputs == (onnx.Port("x", "float32", ("3", "n")),)


@pytest.mark.parametrize("location", ["/etc/passwd", "../../key", "a/../../b", "C:\\x", "\\\\host\\x", "", "a/..\\b"])
def test_external_data_outside_the_folder_is_named(location: str) -> None:
    assert {problem.kind for problem in read(external(location)).problems} == {"external-path"}


def test_external_data_inside_the_folder_is_listed() -> None:
    seen = read(external("weights/w.bin", offset="4096", length="48"))
    assert seen.problems == ()
    assert seen.external == (onnx.ExternalData("w", "weights/w.bin", 4096, 48),)
    assert read(external("w.bin", offset="-1")).problems[0].kind == "external-range"


def test_external_data_in_an_attribute_is_seen() -> None:
    blob = model(part(1, part(4, "Constant"), part(5, tensor(5, "c", pair(13, "location", "/x")))))
    assert read(blob).problems[0].kind == "external-path"


def test_custom_domains_are_named_also_in_subgraphs_and_functions() -> None:
    inner = part(1, part(4, "Run"), part(7, "evil.ops"))
    assert read(model(inner)).custom_domains == ("evil.ops",)
    assert read(model(part(1, part(4, "If"), part(5, part(6, inner))))).custom_domains == ("evil.ops",)
    function = part(25, part(1, "f"), part(10, "mine"), part(7, part(4, "Run"), part(7, "evil.ops")))
    assert read(model(more=function)).custom_domains == ("evil.ops",)


def test_a_script_in_an_attribute_or_in_metadata_is_named() -> None:
    node = part(1, part(4, "PyOp"), part(5, part(1, "code"), part(4, "import os\nos.system('id')")))
    assert [problem.kind for problem in read(model(node)).problems] == ["script-text"]
    assert read(model(more=pair(14, "x", "#!/bin/sh"))).problems[0].kind == "script-text"


@pytest.mark.parametrize(
    ("blob", "kind"),
    [
        (b"", "not-onnx"),
        (b"hello world, this is text", "wire-type"),
        (varint(7 << 3 | 2) + varint(1 << 40), "truncated"),
        (varint(7 << 3 | 2) + b"\xff" * 12, "truncated"),
        (part(99, "x") + GOOD, "unknown-field"),
        (GOOD + part(7, part(2, "second")), "duplicate-key"),
        (number(0, 1), "wire-type"),
    ],
)
def test_each_fault_is_named(blob: bytes, kind: str) -> None:
    assert kind in {problem.kind for problem in read(blob).problems}


def test_nesting_is_bounded() -> None:
    graph = part(2, "g")
    for _ in range(60):
        graph = part(1, part(5, part(6, graph)))
    assert "depth" in {problem.kind for problem in read(number(1, 9) + part(7, graph)).problems}


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value(blob: bytes) -> None:
    read(blob)
    read(model(blob))


@settings(max_examples=300)
@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_truncation_and_mutation_give_a_value(cut: int, at: int, patch: bytes) -> None:
    read(GOOD[:cut])
    read(GOOD[:at] + patch + GOOD[at + len(patch) :])


@pytest.mark.parametrize(
    "item",
    [part(1), part(5), part(11), part(1, part(5)), part(4) + part(4), number(4, 1), varint(4 << 3 | 5) + b"abcd"],
    ids=["nodes", "tensors", "ports", "attributes", "unknown fields", "numbers", "fixed32"],
)
def test_what_a_million_small_things_cost_is_counted(item: bytes) -> None:
    """A file of a megabyte must not buy seconds: opening a message and each byte of a number count."""
    blob = model(item * 950_000)
    problem = read(blob).problems[-1]
    assert (problem.kind, problem.fatal) == ("header-overflow", True)


def test_padded_numbers_count_by_their_bytes() -> None:
    padded = b"\xa0\x80\x80\x00" + b"\x80" * 8 + b"\x01"
    assert read(model(padded * 150_000)).problems[-1].kind == "header-overflow"


def test_a_graph_of_thirty_thousand_nodes_is_read_whole() -> None:
    attribute = part(5, part(1, "axis"), number(3, 1), number(20, 2))
    node = part(1, part(1, "x"), part(1, "w"), part(2, "y"), part(3, "/layer/MatMul"), part(4, "MatMul"), attribute)
    seen = read(model(node * 30_000))
    assert (seen.problems, seen.operators) == ((), {"MatMul": 30_000})
