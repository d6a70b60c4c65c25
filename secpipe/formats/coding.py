"""How text is written: UTF-8, or UTF-16 and UTF-32 by their mark or, without one, by their NULs."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final

from secpipe.formats.stream import Readable

#: How many of the first bytes `coding_of` looks at.
HEAD: Final = 64
#: How much of a file is read at once.
CHUNK: Final = 1 << 20
_WIDE: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f"))


def coding_of(head: bytes) -> str:
    """Return the codec of text whose characters take two or four bytes, or "".

    Without a mark, text that is nearly all ASCII at first and has no control characters is told from numbers.
    """
    if head.startswith(_WIDE):
        return "utf-32" if head.startswith(_WIDE[:2]) else "utf-16"
    head = head[:HEAD]
    if b"\0" not in head or len(head) < 8:
        return ""
    nuls = [head[at::4].count(0) for at in range(4)]
    quads = len(head) // 4
    if _is_plain(head[0::4]) and min(nuls[1:]) >= quads:
        return "utf-32-le"
    if _is_plain(head[3::4]) and min(nuls[:3]) >= quads:
        return "utf-32-be"
    if not nuls[0] + nuls[2] and nuls[1] + nuls[3] >= quads * 1.6 and _is_plain(head[0::2]):
        return "utf-16-le"
    if not nuls[1] + nuls[3] and nuls[0] + nuls[2] >= quads * 1.6 and _is_plain(head[1::2]):
        return "utf-16-be"
    return ""


def as_utf8(data: bytes) -> bytes:
    """Return text as UTF-8 bytes without a byte order mark; undecodable parts are replaced."""
    coding = coding_of(data[:HEAD])
    if coding:
        return data.decode(coding, "replace").removeprefix("\ufeff").encode("utf-8", "replace")
    return data.removeprefix(codecs.BOM_UTF8)


def pieces(file: Readable, head: bytes, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Yield a file of any size as UTF-8, in pieces that repeat the last `overlap` bytes of the one before.

    Each comes with the number of lines that stand before it.
    """
    coding = coding_of(head)
    decoder = codecs.getincrementaldecoder(coding)("replace") if coding else None
    lines = 0
    tail = b""
    while chunk := file.read(CHUNK):
        data = tail + (decoder.decode(chunk).encode("utf-8", "replace") if decoder else chunk)
        yield lines, data
        tail = data[-overlap:]
        lines += data.count(b"\n", 0, len(data) - len(tail))


def _is_plain(data: bytes) -> bool:
    """Whether the bytes that are no NUL may be letters."""
    return len(data.translate(None, _CONTROLS)) == len(data)
