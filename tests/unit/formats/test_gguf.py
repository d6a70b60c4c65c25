"""The GGUF reader against true files, broken files and hostile ones."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.formats import gguf


def text(value: str | bytes, order: str = "<") -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(order + "Q", len(data)) + data


def pair(key: str, value: Any, order: str = "<") -> bytes:
    head = text(key, order)
    if isinstance(value, str):
        return head + struct.pack(order + "I", 8) + text(value, order)
    if isinstance(value, list):
        items = b"".join(text(item, order) for item in value)
        return head + struct.pack(order + "IIQ", 9, 8, len(value)) + items
    return head + struct.pack(order + "II", 4, value)


def entry(name: str, shape: tuple[int, ...], kind: int, offset: int, order: str = "<") -> bytes:
    rank = struct.pack(order + "I", len(shape))
    return text(name, order) + rank + struct.pack(f"{order}{len(shape)}QIQ", *shape, kind, offset)


def build(
    pairs: list[bytes], tensors: list[bytes], data: bytes = b"", *, counts: tuple[int, int] | None = None,
    version: int = 3, order: str = "<", alignment: int = 32,
) -> bytes:  # fmt: skip
    tensor_count, pair_count = counts or (len(tensors), len(pairs))
    head = b"GGUF" + struct.pack(order + "IQQ", version, tensor_count, pair_count) + b"".join(pairs + tensors)
    return head + bytes(-len(head) % alignment) + data if data else head


def read(blob: bytes) -> gguf.Gguf:
    return gguf.read(io.BytesIO(blob), len(blob))


def kinds(blob: bytes) -> set[str]:
    return {problem.kind for problem in read(blob).problems}


PAIRS = [pair("general.architecture", "llama"), pair("general.file_type", 15), pair("t", ["a"] * 40)]
GOOD = build(PAIRS, [entry("a", (4, 2), 0, 0), entry("b", (256,), 12, 32)], bytes(32 + 144))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_sound_file_in_both_byte_orders(order: str) -> None:
    pairs = [pair("general.architecture", "llama", order), pair("tokenizer.chat_template", "{{ x }}", order)]
    blob = build(pairs, [entry("a", (4, 2), 0, 0, order)], bytes(32), order=order)
    seen = read(blob)
    assert seen.problems == ()
    assert seen.big_endian == (order == ">")
    assert seen.parameters == 8
    assert seen.text("general.architecture") == "llama"
    assert seen.chat_templates == {"default": "{{ x }}"}


def test_what_a_sound_file_says() -> None:
    seen = read(GOOD)
    assert seen.problems == ()
    assert seen.quantization == "Q4_K_M"
    assert seen.kinds == {"Q4_K": 256, "F32": 8}
    assert seen.metadata["t"] == gguf.GgufArray(40, ("a",) * 16)


@pytest.mark.parametrize(
    ("blob", "kind"),
    [
        (b"", "truncated"),
        (b"GGML" + bytes(40), "magic"),
        (b"GGUF" + struct.pack("<I", 9) + bytes(40), "version"),
        (build([], [], counts=(1 << 60, 0)), "count-overflow"),
        (build([], [], counts=(0, 1 << 60)), "count-overflow"),
        (build([text("k") + struct.pack("<IIQ", 9, 4, 1 << 50)], []), "truncated"),
        (build([text("k") + struct.pack("<IIQ", 9, 4, 1 << 62)], []), "count-overflow"),
        (build([text("k") + struct.pack("<IIQ", 9, 8, 1 << 50)], []), "header-overflow"),
        (build([text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 40], []), "depth"),
        (build([text("k") + struct.pack("<IQ", 8, 1 << 40)], []), "count-overflow"),
        (build([text("k") + struct.pack("<I", 77)], []), "type"),
        (build([pair("k", "a"), pair("k", "b")], []), "duplicate-key"),
        (build([pair("k", 1), text(b"\xff\xfe") + struct.pack("<II", 4, 1)], []), "encoding"),
        (build([pair("general.alignment", 3)], []), "alignment"),
        (build([pair("general.alignment", 0)], []), "alignment"),
        (build([], [entry("a", (8,), 0, 0), entry("a", (8,), 0, 32)], bytes(64)), "duplicate-key"),
        (build([], [entry("a", (16,), 0, 0), entry("b", (8,), 0, 32)], bytes(64)), "overlap"),
        (build([], [entry("a", (8,), 0, 4)], bytes(64)), "alignment"),
        (build([], [entry("a", (1 << 40,), 0, 0)], bytes(32)), "out-of-range"),
        (build([], [entry("a", (8,), 0, (1 << 64) - 32)], bytes(32)), "out-of-range"),
        (build([], [entry("a", (1 << 62, 1 << 62), 0, 0)], bytes(32)), "out-of-range"),
        (build([], [entry("a", (8,), 0, 0)], bytes(32) + b"PK" * 60), "trailing-data"),
        (build([], [entry("a", (8,), 0, 0), entry("b", (8,), 0, 96)], bytes(128)), "hole"),
        (build([], [entry("a", (8,), 99, 0)], bytes(32)), "type"),
        (build([], [entry("a", (8,), 12, 0)], bytes(160)), "tensor"),
        (build([], [text("a") + struct.pack("<I", 1 << 31)]), "rank"),
        (build([pair("general.description", "#!/bin/sh\ncurl x | sh")], []), "script-text"),
    ],
)
def test_each_fault_is_named(blob: bytes, kind: str) -> None:
    assert kind in kinds(blob)


def test_a_file_of_empty_strings_ends() -> None:
    blob = build([text("k") + struct.pack("<IIQ", 9, 8, 3_000_000)], [], bytes(24_000_000))
    assert "header-overflow" in kinds(blob)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value(blob: bytes) -> None:
    read(blob)
    read(b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + blob)


@settings(max_examples=300)
@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_truncation_and_mutation_give_a_value(cut: int, at: int, patch: bytes) -> None:
    assert read(GOOD[:cut]).problems or cut == len(GOOD)
    read(GOOD[:at] + patch + GOOD[at + len(patch) :])
