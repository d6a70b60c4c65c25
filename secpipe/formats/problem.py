"""What a reader found wrong with the structure of a file, and the bounded reads that find it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from secpipe.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Problem:
    """A structural fault of a file.

    `kind` is a kebab-case word (`overlap`, `trailing-data`, `script-text`, ...), `message` one plain sentence,
    `offset` the byte where it shows. A fatal problem ended the reading: what follows it was not looked at.
    """

    kind: str
    message: str
    offset: int | None = None
    fatal: bool = False


class Unreadable(Exception):
    """Raised inside a reader where nothing further can be read; never leaves it: it becomes a fatal `Problem`."""

    def __init__(self, kind: str, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(kind, message, offset, fatal=True)


def read_at(file: BinaryIO, offset: int, count: int, what: str) -> bytes:
    """Return exactly `count` bytes at `offset`; raise Unreadable where the file is shorter."""
    try:
        file.seek(offset)
        parts = []
        left = count
        while left > 0 and (part := file.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"cannot read {what}: {type(error).__name__}") from error
    if left:
        raise Unreadable("truncated", f"the file ends inside {what}", offset + count - left)
    return b"".join(parts)


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """Bytes `start` to `end` (exclusive) of a data area, and whose they are."""

    start: int
    end: int
    name: str


def check_extents(
    extents: Iterable[Extent], size: int, origin: int, report: Callable[[Problem], None], *, padding: int = 0
) -> None:
    """Report extents that overlap, reach beyond the data area of `size` bytes at `origin`, or leave holes.

    `padding` is the alignment gap that is allowed between extents and at the end. One report a kind at most, so that a
    hostile file cannot flood the reader.
    """
    told: set[str] = set()

    def tell(kind: str, message: str, at: int) -> None:
        if kind not in told:
            told.add(kind)
            report(Problem(kind, message, origin + max(at, 0)))

    reached = 0
    owner = ""
    for extent in sorted(extents):
        if extent.end > size:
            tell("out-of-range", f"tensor {extent.name!a:.120} ends beyond the file", extent.start)
            continue
        if extent.start < reached and extent.end > extent.start:
            tell("overlap", f"tensors {owner!a:.120} and {extent.name!a:.120} share bytes", extent.start)
        elif extent.start - reached > padding:
            tell("hole", f"bytes before tensor {extent.name!a:.120} belong to no tensor", reached)
        if extent.end > reached:
            reached, owner = extent.end, extent.name
    if size - reached > padding and "out-of-range" not in told:
        tell("trailing-data", f"{size - reached:,} bytes at the end belong to no tensor", reached)


# Every repetition is bounded or stays on its line: the text is hostile, the search must stay linear.
_SCRIPT = re.compile(
    r"__import__|__subclasses__|__globals__|__builtins__|\b(?:os\.system|os\.popen|subprocess\.|pty\.spawn)"
    r"|\b(?:exec|eval|compile)[ \t]{0,20}\("
    r"|^[ \t]{0,80}(?:import|from)[ \t]{1,20}[A-Za-z_][\w.]{0,80}[ \t]{0,20}(?:$|import|;|,|as\b)"
    r"|^#![ \t]{0,20}/|<script\b|\bpowershell\b|\bcurl[ \t]{1,20}[^|\n]{1,200}\|[ \t]{0,20}(?:ba|z)?sh\b"
    r"|\bb64decode\b|\bsocket\.socket\b",
    re.IGNORECASE | re.MULTILINE,
)


def script_sign(text: str) -> str:
    """Return the words in `text` that look like a script, or ""; data fields of a model have no use for one."""
    found = _SCRIPT.search(text)
    return found.group(0).strip()[:60] if found else ""
