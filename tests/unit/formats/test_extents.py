"""Images, fonts and recordings say where they end; what stands behind the end is read by whoever can."""

from __future__ import annotations

import io
import struct
import wave
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.ledger import Thing
from secpipe.formats.extents import end_of
from secpipe.scan.models import scan as models
from secpipe.scan.shadow_ai import scan as shadow
from secpipe.system.tree import open_tree

EVIL = b"cposix\nsystem\n(S'id'\ntR."
CALL = b"\nfetch('https://api.deepseek.com/v1/chat/completions')\n"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setparams((1, 2, 8000, 0, "NONE", ""))
        made.writeframes(bytes(100))
    return out.getvalue()


def _zip(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, data)
    return out.getvalue()


_IMAGE = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + _chunk(b"IDAT", zlib.compress(b"\0\0"))
_TABLE = struct.pack(">IHHHH", 0x00010000, 1, 16, 0, 0) + struct.pack(">4sIII", b"name", 0, 28, 10)
WHOLE = {
    "a.png": b"\x89PNG\r\n\x1a\n" + _IMAGE + _chunk(b"tEXt", b"Software\0made by hand") + _chunk(b"IEND", b""),
    "a.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xfe\0\x07words\xff\xda\0\x08" + bytes(6)
    + b"\x12\xff\0\x34\xff\xd0\x56" * 20_000 + b"\xff\xd9",
    "a.gif": b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + b"!\xfe\5words\0" + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
    "a.ico": struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 1, 1, 0, 0, 1, 32, 40, 22) + bytes(40),
    "a.wav": _sound(),
    "a.webp": b"RIFF\x14\0\0\0WEBPVP8 \x07\0\0\0" + bytes(8),
    "a.ogg": (b"OggS" + bytes(22) + b"\2\xff\5" + bytes(260)) * 3,
    "a.ttf": _TABLE + bytes(12),
    "a.woff2": b"wOF2\0\1\0\0" + struct.pack(">I", 60) + bytes(48),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_the_end_is_the_last_byte_and_no_other(name: str) -> None:
    data = WHOLE[name]
    assert end_of(io.BytesIO(data), len(data)) == len(data)
    assert end_of(io.BytesIO(data + EVIL), len(data + EVIL)) == len(data)
    assert end_of(io.BytesIO(data[:-5]), len(data) - 5) in {-1, *range(len(data) - 5)}


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=60), st.integers(0, 80))
def test_nothing_hostile_raises_or_ends_outside(name: str, data: bytes, at: int) -> None:
    made = WHOLE[name][:at] + data
    assert -1 <= end_of(io.BytesIO(made), len(made)) <= len(made)


@pytest.mark.parametrize("name", WHOLE)
def test_an_honest_one_can_hold_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(WHOLE[name])
    for scan in (models.scan, shadow.scan):
        evidence = scan(open_tree(tmp_path))
        assert evidence.account is not None
        assert not evidence.findings
        assert evidence.account.not_read == 0
        assert sum(evidence.account.of(Thing.FILE).cannot.values()) == 1


@pytest.mark.parametrize("name", WHOLE)
def test_what_stands_behind_it_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(WHOLE[name] + bytes(9 << 20 if name == "a.png" else 99) + CALL)
    assert {use["provider"] for use in shadow.scan(open_tree(tmp_path)).facts["uses"]} == {"deepseek"}
    (tmp_path / name).write_bytes(WHOLE[name] + EVIL)
    assert models.scan(open_tree(tmp_path)).facts["files"][name]["outcome"] == "malicious"
    for behind in (_zip("a.pkl", EVIL), bytes(99) + _zip("a.pkl", EVIL)):
        (tmp_path / name).write_bytes(WHOLE[name] + behind)
        assert models.scan(open_tree(tmp_path)).facts["files"][name]["outcome"] == "malicious"
    (tmp_path / name).write_bytes(WHOLE[name] + _zip("a.py", CALL))
    found = shadow.scan(open_tree(tmp_path))
    assert found.skips or {use["provider"] for use in found.facts["uses"]} == {"deepseek"}


@pytest.mark.parametrize("name", ["a.png", "a.wav", "a.ttf"])
def test_first_bytes_alone_prove_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(WHOLE[name][:14] + b"\0" + CALL * 3)
    assert {use["provider"] for use in shadow.scan(open_tree(tmp_path)).facts["uses"]} == {"deepseek"}


def test_a_second_picture_behind_the_first_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(WHOLE["a.jpg"] * 2)
    for scan in (models.scan, shadow.scan):
        evidence = scan(open_tree(tmp_path))
        assert not evidence.findings
        assert not evidence.skips


def test_a_program_with_a_zip_behind_it_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"#!/usr/bin/env python3\n" + _zip("__main__.py", b"print(1)\n"))
    (tmp_path / "evil").write_bytes(b"\x01\x02\x03\xff" * 9 + _zip("a.pkl", EVIL))
    evidence = models.scan(open_tree(tmp_path))
    assert evidence.facts["files"]["evil"]["outcome"] == "malicious"
    assert not [one for one in evidence.findings if one.path == "run"]
