"""What is written in an image beside its pixels: text chunks of PNG, comments and Exif of JPEG and WebP, within bounds.

Sources: PNG (ISO 15948) 11.3.4, JPEG (ITU T.81 annex B), WebP (RFC 9649). Pixels are stepped over, never decoded.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from secpipe.core.limits import MIB
from secpipe.formats import exif
from secpipe.formats.stream import at

_PARTS = 100_000  # chunks or segments of one image
_TEXT = 16 * MIB  # bytes of all texts of one image, unpacked: a large ComfyUI workflow takes one
_TEXTS = 256
PNG, JPEG, WEBP = "png", "jpeg", "webp"


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts by keyword; `kind` is "" for what is no image of these; `problem` says why some may be missing."""

    kind: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class _Found:
    """Collects texts; the first of a keyword counts, and a bound that is met is told."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.left, self.problem = _TEXT, ""

    def add(self, name: str, text: str) -> None:
        if len(self.texts) >= _TEXTS or len(text) > self.left:
            self.problem = self.problem or "the image holds more text than is read"
        elif name in self.texts:
            self.problem = self.problem or "a keyword stands twice in the image"
        else:
            self.texts[name] = text
            self.left -= len(text)


def read(file: BinaryIO, size: int) -> Texts:
    """Return the texts of an image of `size` bytes; never raises for what the bytes are."""
    head, found = at(file, 0, 12), _Found()
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        kind = PNG
        _png(file, size, found)
    elif head.startswith(b"\xff\xd8\xff"):
        kind = JPEG
        _jpeg(file, size, found)
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        kind = WEBP
        _webp(file, size, found)
    else:
        return Texts()
    return Texts(kind, found.texts, found.problem)


def _png(file: BinaryIO, size: int, found: _Found) -> None:
    place = 8
    for _ in range(_PARTS):
        head = at(file, place, 8)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if len(head) < 8 or not name.isalpha() or place + 12 + length > size:
            found.problem = found.problem or "the image ends inside a chunk"
            return
        if name == b"IEND":
            return
        if name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
            _png_text(name, at(file, place + 8, length + 4) if length <= _TEXT else b"", found)
        place += 12 + length
    found.problem = found.problem or "the image has too many chunks"


def _png_text(name: bytes, data: bytes, found: _Found) -> None:
    data, sum_ = data[:-4], data[-4:]
    if zlib.crc32(name + data).to_bytes(4, "big") != sum_:
        found.problem = found.problem or "a text chunk is damaged or too large"
        return
    if name == b"eXIf":
        _exif(data, found)
        return
    keyword, _, rest = data.partition(b"\0")
    coding = "latin-1"
    packed = name == b"zTXt"
    if packed:
        rest = rest[1:]
    elif name == b"iTXt":
        coding, packed = "utf-8", rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if packed:
        unpacked = _unpacked(rest, found.left)
        if unpacked is None:
            found.problem = found.problem or "a text chunk does not unpack, or to too much"
            return
        rest = unpacked
    found.add(keyword.decode("latin-1"), rest.decode(coding, "replace"))


def _unpacked(data: bytes, most: int) -> bytes | None:
    try:
        engine = zlib.decompressobj()
        out = engine.decompress(data, most)
        return out if engine.eof else None
    except zlib.error:
        return None


def _jpeg(file: BinaryIO, size: int, found: _Found) -> None:
    place = 2
    for _ in range(_PARTS):
        head = at(file, place, 4)
        if len(head) < 4 or head[0] != 0xFF:
            found.problem = found.problem or "the image ends inside its header"
            return
        if head[1] in (0xDA, 0xD9):  # pixels begin: what generators write stands before
            return
        if head[1] == 0xFF:
            place += 1
            continue
        length = int.from_bytes(head[2:4], "big")
        if length < 2 or place + 2 + length > size:
            found.problem = found.problem or "the image ends inside a segment"
            return
        data = at(file, place + 4, length - 2)
        if head[1] == 0xE1 and data.startswith(b"Exif\0\0"):
            _exif(data, found)
        elif head[1] == 0xFE:
            found.add("comment", data.decode("utf-8", "replace"))
        place += 2 + length
    found.problem = found.problem or "the image has too many segments"


def _webp(file: BinaryIO, size: int, found: _Found) -> None:
    place, end = 12, min(size, 8 + int.from_bytes(at(file, 4, 4), "little"))
    for _ in range(_PARTS):
        if place + 8 > end:
            return
        head = at(file, place, 8)
        length = int.from_bytes(head[4:8], "little")
        if place + 8 + length > end:
            found.problem = found.problem or "the image ends inside a chunk"
            return
        if head[:4] == b"EXIF" and length <= _TEXT:
            _exif(at(file, place + 8, length), found)
        place += 8 + length + (length & 1)
    found.problem = found.problem or "the image has too many chunks"


def _exif(data: bytes, found: _Found) -> None:
    for name, text in exif.texts(data).items():
        found.add(name, text)
