"""The files inside archives: all of them, at any depth, within bounds, and what cannot be read is said."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import replace

import pytest

from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats import unpack
from secpipe.formats.stream import upto
from tests.metamorphic.containers import Pack, tarred, twice, wheel, zipped

TEXT = b"import anthropic\n" * 20


def unpacked(data: bytes, name: str = "all.zip", limits: Limits = DEFAULT) -> dict[str, bytes | str]:
    """Return every file by its name, or the problem."""
    file = io.BytesIO(data)
    kind = unpack.kind_of(file, len(data))
    found = unpack.files(file, kind, name, limits) if kind else iter(())
    return {one.name: one.problem or read(one) for one in found}


def read(one: unpack.Packed) -> bytes | str:
    try:
        return upto(one.stream, 1 << 20)
    except InputError as error:
        return f"cannot be read: {error.message}"


@pytest.mark.parametrize(
    "pack",
    [zipped(), zipped(zipfile.ZIP_STORED), zipped(zipfile.ZIP_BZIP2), zipped(zipfile.ZIP_LZMA),
     zipped(prefix=b"#!/bin/sh\nexit 0\n"), tarred(), tarred("w:gz"), tarred("w:bz2"), tarred("w:xz")],
)  # fmt: skip
def test_a_file_is_found_in_every_container(pack: Pack) -> None:
    found = unpacked(pack("a/client.py", TEXT))
    assert [data for name, data in found.items() if name.endswith("a/client.py")] == [TEXT]


def test_files_are_found_at_any_depth_that_is_read_and_deeper_is_said() -> None:
    inner = twice(zipped(), tarred("w:gz"), "inner.tar.gz")
    assert TEXT in unpacked(inner("client.py", TEXT)).values()
    deep = TEXT
    for _ in range(DEFAULT.nesting + 1):
        deep = zipped()("x.zip", deep)
    assert any("nested deeper" in str(said) for said in unpacked(deep).values())


def test_a_compressed_file_bears_the_name_that_it_has_without_the_ending() -> None:
    assert unpacked(gzip.compress(TEXT), "src/client.py.gz") == {"client.py": TEXT}


def test_every_file_of_a_wheel_is_there() -> None:
    assert {"thing/client.py", "thing-1.0.dist-info/METADATA"} <= set(unpacked(wheel("client.py", TEXT)))


@pytest.mark.parametrize("data", [b"7z\xbc\xaf\x27\x1c" + bytes(40), b"Rar!\x1a\x07\0" + bytes(40)])
def test_an_archive_of_a_closed_kind_is_said(data: bytes) -> None:
    assert all("cannot be looked into" in str(said) for said in unpacked(data).values())


@pytest.mark.parametrize("cut", [20, 60, -30])
def test_a_broken_archive_is_said(cut: int) -> None:
    assert any("cannot be read" in str(said) for said in unpacked(gzip.compress(TEXT * 50)[:cut], "a.gz").values())


def test_what_expands_beyond_the_bound_together_is_said() -> None:
    small = replace(DEFAULT, archive_bytes=100_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.txt", b"x" * 40_000)
    said = [str(one) for one in unpacked(out.getvalue(), limits=small).values()]
    assert sum("expands beyond" in one for one in said) == 2
    assert not any("expands" in str(one) for one in unpacked(out.getvalue()).values())


def test_text_is_no_archive() -> None:
    assert unpacked(TEXT) == {}
    assert not unpack.may_be(TEXT[:64])
