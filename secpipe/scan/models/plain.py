"""Texts that the model scan need not read twice: no model by content or name, and nothing that a loader acts on."""

from __future__ import annotations

from secpipe.core.artifact import FileEntry
from secpipe.formats import kinds
from secpipe.formats.sniff import HEAD, is_text, sniff
from secpipe.scan.models.configs import concerns
from secpipe.scan.models.documents import says_nothing
from secpipe.scan.models.routes import BY_ENDING

#: Marks of the order of bytes.
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def is_plain(entry: FileEntry, data: bytes) -> bool:
    """Tell whether a file with this whole content is a text in which `judge_content` finds nothing.

    It may say no of one in which nothing would be found, never yes of one in which something would.
    """
    # single bytes are found in a quarter of the time; one of them ends the mark of an archive
    if b"\0" in data or b"\x06" in data or (b"\x89" in data and b"\x89HDF" in data) or data.startswith(_MARKS):
        return False
    suffix = entry.suffix
    if suffix in BY_ENDING or not kinds.promises_nothing(entry.path, data):
        return False
    kind = sniff(data[:HEAD], len(data))
    if kind == "json?":
        return is_text(entry.head) and _is_utf8(data) and not concerns(data)
    return kind == "text" and says_nothing(entry.path, suffix, data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
