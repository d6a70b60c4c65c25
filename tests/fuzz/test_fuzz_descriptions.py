"""Long fuzzing of every reader of descriptions; what was found stays as a case in the unit tests."""
# ruff: noqa: E501

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT
from secpipe.formats import gguf, huggingface, metadata, onnx, safetensors

pytestmark = pytest.mark.slow

HEADERS: dict[str, tuple[Callable[..., Any], bytes]] = {
    "safetensors": (safetensors.read, struct.pack("<Q", 64) + b'{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}' + b" " * 10 + bytes(4)),
    "gguf": (gguf.read, b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, 1) + struct.pack("<Q", 1) + b"v"
             + struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 8, 0, 0) + bytes(64)),
    "onnx": (onnx.read, b"\x08\x09\x12\x01m\x42\x02\x10\x11\x3a\x14\x0a\x08\x0a\x01x\x22\x03Add\x2a\x08\x08\x02\x10\x01\x42\x01w"),
}  # fmt: skip
TEXTS: dict[str, Callable[[bytes], Any]] = {
    "card": huggingface.read_card,
    "config": huggingface.read_config,
    "adapter": huggingface.read_adapter,
    "templates": huggingface.read_templates,
    "metadata": metadata.parse,
}


@pytest.mark.parametrize("name", HEADERS)
@settings(max_examples=20_000, deadline=1000, suppress_health_check=list(HealthCheck))
@given(
    edits=st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=9)), max_size=6),
    cut=st.integers(0, 400),
)
def test_a_damaged_header_gives_a_value(name: str, edits: list[tuple[int, bytes]], cut: int) -> None:
    reader, blob = HEADERS[name]
    data = bytearray(blob)
    for at, patch in edits:
        data[at : at + len(patch)] = patch
    damaged = bytes(data[: cut or None])
    reader(io.BytesIO(damaged), len(damaged), DEFAULT)


@pytest.mark.parametrize("name", TEXTS)
@settings(max_examples=10_000, deadline=1000, suppress_health_check=list(HealthCheck))
@given(
    blob=st.one_of(
        st.binary(max_size=400),
        st.text(alphabet="-:{}[]\"'&*!|> \n#abc1,", max_size=200).map(
            lambda text: b"---\n" + text.encode() + b"\n---\n"
        ),
    )
)
def test_any_text_gives_a_value_or_an_input_error(name: str, blob: bytes) -> None:
    with contextlib.suppress(InputError):
        TEXTS[name](blob)
