"""Transformations of what something lies in: archives, wheels, compressed streams, and several of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

from secpipe.core.errors import InputError
from secpipe.formats.zstd import ZstdDecoder
from tests.metamorphic.change import Change, Made, bent, without
from tests.metamorphic.seeds import PART, Files, Seed

Pack = Callable[[str, bytes], bytes]


def zipped(method: int = zipfile.ZIP_DEFLATED, prefix: bytes = b"") -> Pack:
    """Return what makes a zip of one file."""

    def pack(name: str, data: bytes) -> bytes:
        out = io.BytesIO()
        out.write(prefix)
        with zipfile.ZipFile(out, "a" if prefix else "w", method) as archive:
            archive.writestr(name, data)
        return out.getvalue()

    return pack


def tarred(mode: str = "w") -> Pack:
    """Return what makes a tar of one file, compressed as `mode` says."""

    def pack(name: str, data: bytes) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode) as archive:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        return out.getvalue()

    return pack


def wheel(name: str, data: bytes) -> bytes:
    """Return a wheel with the file in its package."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"thing/{name}", data)
        archive.writestr("thing/__init__.py", b"")
        archive.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("thing-1.0.dist-info/RECORD", "")
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    """Return a Zstandard frame of stored blocks (RFC 8878)."""
    blocks = [data[at : at + 100_000] for at in range(0, len(data), 100_000)] or [b""]
    out = [b"\x28\xb5\x2f\xfd\xa0", struct.pack("<I", len(data))]
    for number, block in enumerate(blocks):
        out += [struct.pack("<I", (len(block) << 3) | (number == len(blocks) - 1))[:3], block]
    return b"".join(out)


def _reads_zstd() -> bool:
    try:
        ZstdDecoder()
    except InputError:
        return False
    return True


def twice(outer: Pack, inner: Pack, name: str) -> Pack:
    """Return what packs a file into one archive, and that into another."""
    return lambda file, data: outer(name, inner(file, data))


_PACKS: dict[str, Pack] = {
    "all.zip": zipped(),
    "stored.zip": zipped(zipfile.ZIP_STORED),
    "bz2.zip": zipped(zipfile.ZIP_BZIP2),
    "lzma.zip": zipped(zipfile.ZIP_LZMA),
    "prefixed.zip": zipped(prefix=b"#!/bin/sh\nexit 0\n"),
    "all.tar": tarred(),
    "all.tar.gz": tarred("w:gz"),
    "all.tgz": tarred("w:gz"),
    "all.tar.bz2": tarred("w:bz2"),
    "all.tar.xz": tarred("w:xz"),
    "thing-1.0-py3-none-any.whl": wheel,
    "thing.jar": zipped(),
    "inner.zip": twice(zipped(), tarred("w:gz"), "inner.tar.gz"),
    "inner.tar": twice(tarred(), zipped(), "inner.zip"),
    "notes.dat": zipped(),
    "picture.png": tarred("w:gz"),
}


def _packed(archive: str, pack: Pack) -> Change:

    def make(seed: Seed, files: Files) -> Made:
        rest = without(files, seed.part)
        if seed.part not in files:
            return rest
        if seed.is_code:
            rest["main.py"] = b"import sys\nsys.path.insert(0, 'part/%s')\nimport client\n" % archive.encode()
        return {**rest, f"{PART}/{archive}": pack(seed.file, files[seed.part])}

    # A script before a ZIP makes a program of it, which is no honest way to keep a model.
    # What pip installs with a wheel stands in its METADATA, not in a requirements.txt.
    def fits(seed: Seed) -> bool:
        return seed.moves and _ships(seed) and (seed.wing != "audit" or pack is not wheel)

    return Change(f"in {archive}", make, fits, harms=archive == "prefixed.zip")


def _ships(seed: Seed) -> bool:
    """Whether what the rule is about can be used out of an archive."""
    return seed.wing in ("models", "shadow-ai") or (seed.wing == "audit" and "direct" not in seed.rule)


def _pressed(ending: str, press: Callable[[bytes], bytes], *, keeps: bool = True) -> Change:
    def make(seed: Seed, files: Files) -> Made:
        rest = without(files, seed.part)
        return {**rest, f"{seed.part}{ending}": press(files[seed.part])} if seed.part in files else rest

    return Change(f"as {ending}", make, lambda seed: seed.wing == "models" and _pickles(seed), keeps)


def _pickles(seed: Seed) -> bool:
    return seed.part.endswith((".pkl", ".npy", ".safetensors"))


def _at_once(name: str, press: Callable[[bytes], bytes]) -> Change:
    """joblib and its kin read compressed data under the plain name."""
    return bent(f"{name} under its own name", press, lambda seed: seed.wing == "models" and seed.part.endswith(".pkl"))


CHANGES = (
    *(_packed(name, pack) for name, pack in _PACKS.items()),
    _pressed(".gz", lambda data: gzip.compress(data, mtime=0)),
    _pressed(".bz2", bz2.compress),
    _pressed(".xz", lzma.compress),
    _pressed(".lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    _pressed(".z", zlib.compress),
    _pressed(".zst", zstd, keeps=_reads_zstd()),  # without its extra it is said and undecided
    _at_once("gzip", lambda data: gzip.compress(data, mtime=0)),
    _at_once("bzip2", bz2.compress),
    _at_once("xz", lzma.compress),
    _at_once("zlib", zlib.compress),
)
