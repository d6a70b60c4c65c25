"""Every reader of the model scan, fed with cut and bent files: an answer each time, never an exception of another kind."""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.limits import Limits
from secpipe.scan.models.allow import shipped_list
from secpipe.scan.models.context import Context, Sink
from secpipe.scan.models.routes import LOOK, look_into

LIMITS = Limits(pickle_stack=20_000, pickle_memo=20_000, archive_bytes=1 << 24)


def judge(data: bytes, name: str = "model.bin") -> Sink:
    """Look at bytes without the net that `scan` spans: what is raised here is raised."""
    sink = Sink(name, LIMITS, LOOK)
    look_into(Context(sink, shipped_list(), name=name), io.BytesIO(data), len(data))
    return sink


def _load(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / "unit" / "scan" / "models" / name
    spec = importlib.util.spec_from_file_location(f"samples_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _samples() -> list[tuple[str, bytes]]:
    rules, formats = _load("test_pickle_rules.py"), _load("test_other_formats.py")
    found = [("x.pkl", data) for data, _ in rules.CRAFTED.values()]
    found += [("x.bin", data) for data in rules.CONTAINERS.values()]
    found += [(name, data) for name, data, _ in formats.BAD.values()]
    found += list(formats.GOOD.values())
    found += [("x.pkl", pickle.dumps(rules.HONEST[:20], protocol)) for protocol in range(6)]
    return found


SAMPLES = _samples()


def test_every_sample_cut_at_every_byte() -> None:
    for name, data in SAMPLES:
        step = max(1, len(data) // 400)
        for end in range(0, len(data), step):
            judge(data[:end], name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SAMPLES), st.data())
def test_samples_with_bent_bytes(sample: tuple[str, bytes], data: st.DataObject) -> None:
    name, content = sample
    bent = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        if bent:
            bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    judge(bytes(bent), name)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(
        [
            b"",
            b"\x80\x04",
            b"PK\x03\x04",
            b"\x93NUMPY\x01\x00",
            b"GGUF\x03\0\0\0",
            b"\x1f\x8b\x08\0",
            b"\x89HDF\r\n\x1a\n",
            b"\x08\x01\x12",
            b"\0\0\0\0TFL3",
            b"\x04\x22\x4d\x18\x64\x40\xa7",
            b'{"chat_template": "',
        ]
    ),
)
def test_rubbish_behind_every_mark(rubbish: bytes, mark: bytes) -> None:
    for name in ("model.bin", "m.onnx", "m.pb", "m.tflite", "m.mlmodel", "m.safetensors"):
        judge(mark + rubbish, name)


OPCODES = [
    bytes([code])
    for code in b".0123()l]}tdeuasbRQPcigphqjrNKMJGIFLSVTUXBC\x80\x81\x82\x85\x86\x87\x88\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98"
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(OPCODES), st.binary(max_size=4), st.just(b"os\nsystem\n")), max_size=60))
def test_any_sequence_of_opcodes(parts: list[bytes]) -> None:
    judge(b"\x80\x04" + b"".join(parts))


def test_a_truncated_payload_is_never_ok() -> None:
    payload = b"\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R."
    for end in range(2, len(payload) + 1):
        assert judge(payload[:end], "x.pkl").outcome > 0


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_bomb_ends(pack: object) -> None:
    bomb = pack(b"\0" * (1 << 25))  # type: ignore[operator]
    assert judge(bomb).outcome <= 1


def test_nested_archives_end() -> None:
    data = b"\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R."
    for _ in range(10):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("x", data)
        data = out.getvalue()
    assert judge(data).outcome == 1
    for _ in range(20):
        data = gzip.compress(data)
    assert judge(data).outcome == 1


def test_deep_templates_and_documents_end() -> None:
    for template in (
        "{{ " + "(" * 50_000,
        "{% if x %}" * 20_000,
        "{{ " + "not " * 50_000 + "x }}",
        "{{ " + "x." * 50_000 + "y }}",
        "{{ " + "x|" * 9000 + "y }}",
        "{{" + "-" * 90_000 + "1}}",
    ):
        judge(json.dumps({"chat_template": template}).encode(), "tokenizer_config.json")
    judge(b'{"auto_map":' * 50_000, "config.json")
    judge(b"\x89HDF\r\n\x1a\n" + b'{"class_name": "x", "config": ' * 50_000, "m.h5")


def test_many_members_stay_bounded() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(300):
            archive.addfile(tarfile.TarInfo(f"../{number}"))
    assert len(judge(out.getvalue()).findings) <= 1000
    header = struct.pack("<Q", 1 << 62)
    assert judge(header + b"{" * 100, "x.safetensors").outcome == 1
