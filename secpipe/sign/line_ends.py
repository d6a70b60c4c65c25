"""Whether a changed file is the signed one with other line ends: git changes them (core.autocrlf) without a word."""

from __future__ import annotations

import hashlib

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import SecpipeError
from secpipe.core.limits import MIB
from secpipe.core.protocols import Tree

_LIMIT = 64 * MIB


def only_line_ends(tree: Tree, entry: FileEntry, signed: str) -> bool:
    """Whether `entry` with all its line ends as LF, or all as CRLF, has the SHA-256 `signed`."""
    if entry.size > _LIMIT:
        return False
    try:
        lf = tree.read(entry, _LIMIT).replace(b"\r\n", b"\n")
    except (SecpipeError, OSError):
        return False
    return signed in (hashlib.sha256(data).hexdigest() for data in (lf, lf.replace(b"\n", b"\r\n")))
