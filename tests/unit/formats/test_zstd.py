"""Zstandard streams: every frame is read, within bounds, by whoever reads; without the library that is said."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.compressed import Expander
from secpipe.formats.stream import upto
from tests import skips
from tests.metamorphic.containers import zstd
from tests.unit.formats.test_unpack import TEXT, unpacked
from tests.unit.image_world import EVIL, Blobs, tar
from tests.unit.test_gate_images import CLEAN, denied, judged, unread

if sys.version_info < (3, 14):
    skips.module("backports.zstd")

ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
SKIPPED = b"\x50\x2a\x4d\x18\0\0\0\0"
NEEDS = "zstd is not read without secpipe[zstd]"


def run_of(count: int) -> bytes:
    """Return a frame of one RLE block: `count` times the same byte, up to 128 KiB."""
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", count) + struct.pack("<I", (count << 3) | 3)[:3] + b"x"


def wide(log: int) -> bytes:
    """Return a frame whose header asks for a window of 2**log bytes."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(log - 10) << 3]) + struct.pack("<I", (2 << 3) | 1)[:3] + b"ab"


def expanded(data: bytes, limits: Limits = DEFAULT, step: int = 1 << 20) -> bytes:
    expander, out = Expander(io.BytesIO(data), "zstd", limits), b""
    while part := expander.read(step):
        assert len(part) <= step
        out += part
    return out


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed."""
    for name in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)


def test_every_frame_is_read_and_skippable_ones_are_passed_over() -> None:
    assert expanded(SKIPPED + zstd(TEXT) + SKIPPED + zstd(b"two") + SKIPPED) == TEXT + b"two"
    assert expanded(run_of(100_000), step=1000) == b"x" * 100_000


@pytest.mark.parametrize(
    "data",
    [zstd(TEXT)[:-1], zstd(TEXT) + bytes(4), zstd(TEXT) + bytes(1 << 17) + zstd(b"two"), zstd(TEXT) + b"MZ\0\0\0",
     wide(28), wide(31), b"\x28\xb5\x2f\xfd" + bytes(600), b"\x28\xb5\x2f\xfd\x21\x07\x01\x01\0\0x"],
    ids=["cut", "zeros", "frame behind zeros", "trailing", "wide", "widest", "broken", "dictionary"],
)  # fmt: skip
def test_what_is_not_all_frames_that_we_read_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError):
        expanded(data)


def test_a_window_that_zstd_takes_unasked_is_read() -> None:
    assert expanded(wide(27)) == b"ab"


def test_bombs_and_streams_of_crumbs_end_at_a_bound() -> None:
    with pytest.raises(UnsafeInput, match="beyond 1,000,000 bytes"):
        expanded(run_of(100_000) * 20, replace(DEFAULT, archive_bytes=1_000_000))
    small = replace(DEFAULT, archive_members=50)
    for kind, crumb in (("zstd", SKIPPED), ("zstd", zstd(b"")), ("gzip", gzip.compress(b""))):
        with pytest.raises(UnsafeInput, match="more than 50 parts"):
            upto(Expander(io.BytesIO(crumb * 60), kind, small), 1)
    assert len(expanded(run_of(100_000) * 60, small)) == 6_000_000, "honest parts give something"


def test_it_is_an_archive_like_another() -> None:
    assert unpacked(zstd(TEXT), "src/client.py.zst") == {"client.py": TEXT}
    assert list(unpacked(zstd(tar({"a/b.py": TEXT})), "all.tar.zst").values()) == [TEXT]


@pytest.mark.usefixtures("without")
def test_without_the_library_that_is_said() -> None:
    with pytest.raises(InputError, match="not read without secpipe"):
        expanded(zstd(TEXT))
    assert all(NEEDS in str(said) for said in unpacked(zstd(TEXT), "a.zst").values())


def checked(folder: Path, files: dict[str, bytes]) -> tuple[set[str], set[str]]:
    """Return the rules of the findings of a model scan, and the reasons why something was not read."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    document: dict[str, Any] = judged(str(folder))[1]
    return {one["rule"] for one in document["findings"]}, {one["reason"] for one in document["skipped"]}


def test_a_model_inside_is_judged(tmp_path: Path) -> None:
    assert "models/dangerous-call" in checked(tmp_path / "evil", {"model.pkl.zst": zstd(EVIL)})[0]
    assert "models/dangerous-call" in checked(tmp_path / "plain", {"model.pkl": zstd(EVIL)})[0]
    nested = pickle.dumps(base64.b64encode(EVIL).decode())
    assert "models/hidden-pickle" in checked(tmp_path / "deep", {"model.pkl.zst": zstd(nested)})[0]
    fair = {"notes.txt.zst": zstd(b"words " * 50), "data.pkl.zst": zstd(pickle.dumps({"a": [1.0]}))}
    assert not checked(tmp_path / "fair", fair)[1]


def test_what_cannot_be_read_inside_a_string_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"model.pkl": pickle.dumps(zstd(EVIL)), "wide.pkl": pickle.dumps(wide(31) + bytes(40))}
    assert any("zstd" in reason for reason in checked(tmp_path / "one", held)[1])
    for name in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    del held["wide.pkl"]
    assert any(NEEDS in reason for reason in checked(tmp_path / "two", held)[1])
    assert any(NEEDS in reason for reason in checked(tmp_path / "three", {"model.pkl.zst": zstd(EVIL)})[1])


def test_layers_are_read(tmp_path: Path) -> None:
    blobs = Blobs()
    config = blobs.put(b"{}", "application/vnd.oci.empty.v1+json")

    def image(name: str, *layers: bytes) -> str:
        return blobs.write(tmp_path / name, blobs.manifest([blobs.put(one, ZSTD) for one in layers], config))

    assert denied(image("evil", zstd(tar({**CLEAN, "m.pkl": EVIL})))) == {"m.pkl"}
    chunked = zstd(tar(CLEAN)[:1000]) + zstd(tar(CLEAN)[1000:]) + b"\x51\x2a\x4d\x18\x04\0\0\0toc!"
    assert not unread(image("fair", chunked)), "as zstd:chunked ends: the table of contents is passed over"
    assert "behind the end" in unread(image("behind", zstd(tar(CLEAN)) + zstd(b"more" * 3000)))
    broken = image("broken", b"\x28\xb5\x2f\xfd" + bytes([0, 0, 7]) + bytes(600))
    assert "zstd stream is broken" in unread(broken)
    assert judged(broken)[0] == 3


@pytest.mark.usefixtures("without")
def test_layers_are_not_read_without_the_library(tmp_path: Path) -> None:
    blobs = Blobs()
    config = blobs.put(b"{}", "application/vnd.oci.empty.v1+json")
    place = blobs.write(tmp_path / "i", blobs.manifest([blobs.put(zstd(tar(CLEAN)), ZSTD)], config))
    assert NEEDS in unread(place)
    code, document = judged(place)
    assert (code, NEEDS in json.dumps(document["skipped"])) == (3, True)
