"""Text of any size, as it streams by: what stands around the terms, piece by piece; memory does not grow with it."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from secpipe.core.artifact import FileEntry
from secpipe.core.bounds import Bound
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.formats.coding import CHUNK, pieces
from secpipe.formats.stream import Readable
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.prefilter import Prefilter
from secpipe.scan.shadow_ai.signal import EnvValue, Reading

_AROUND = 4000  # bytes on each side of a term
_KEPT = 4 << 20  # characters of what was near terms, kept to look for keys in


def read(
    tree: Tree,
    entry: FileEntry,
    prefilter: Prefilter,
    catalogue: Catalogue,
    limits: Limits,
    *,
    ends: bool = False,
    start: int = 0,
) -> tuple[Reading, str]:
    """Return the signs in a file of any size, and the text around them.

    With `ends`, of a file above the bound for text only the first and the last of it are searched: opaque bytes. With
    `start`, only what stands behind it is.
    Raises InputError when the file cannot be read.
    """
    with tree.open(entry) as file:
        file.seek(start)
        seek = file if ends and entry.size > limits.text_bytes else None
        head = b"" if start else entry.head
        return stream(file, entry.path, head, prefilter, catalogue, limits, ends=(seek, entry.size))


def stream(
    file: Readable, path: str, head: bytes, prefilter: Prefilter, catalogue: Catalogue, limits: Limits,
    *, ends: tuple[BinaryIO | None, int] = (None, 0),
) -> tuple[Reading, str]:  # fmt: skip
    """Return the signs in a stream, and the text around them; of `ends`, a file and its size, only its ends."""
    out = Reading()
    signs = Bound(limits.findings * 5, "signs of AI: the rest of it", out.unread.append)
    kept = Bound(_KEPT, "characters near terms: keys in the rest of it", out.unread.append)
    near: list[str] = []
    code, searched = readers.is_code(path, head), False
    seekable, size = ends
    for lines, data in pieces(file, head, _AROUND):
        around = prefilter.excerpt(data, _AROUND)
        if code and not around and not out.unread and prefilter.in_pieces(data):
            out.unread.append("words in pieces, which only a parser puts together")
        if around:
            content = around.decode("utf-8", "replace")
            if code:
                found = readers.read_excerpt(path, content, head, catalogue)
            else:
                found = readers.read_part(path, content, catalogue, comments=False)
            searched = True
            if not found.engine and not out.unread:
                out.unread.append("no reader could read a part of it")
            _add(out, found, lines, signs)
            if kept.allows(len(content)):
                near.append(content)
        if signs.cut:
            break
        if seekable:
            seekable.seek(max(CHUNK, size - CHUNK))
            seekable = None
    if code and searched:
        out.notes.append("is too long to be parsed")
    out.engine = "text"
    return out, "\n".join(near)


def _add(out: Reading, found: Reading, lines: int, signs: Bound) -> None:
    out.signals += [sign.at("", "", lines) for sign in signs.first(found.signals)]
    out.values += [EnvValue(value.name, value.value, "", value.line + lines) for value in signs.first(found.values)]
    out.reads |= found.reads
    moved = (replace(one, line=one.line + lines) for one in found.downloads)
    out.downloads += [one for one in signs.first(moved) if one not in out.downloads]
