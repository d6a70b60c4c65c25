"""Names of files on other systems: which two are one there, and which cannot stand there at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Source: Microsoft, "Naming Files, Paths, and Namespaces" (read 2026-11-29). A reserved name stays one with an ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>"|?*\\\x00-\x1f]')


def one_elsewhere(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two paths that name one file where letter case or Unicode form does not count (Windows, macOS), or None.

    A folder counts too: `Weights/a` and `weights/b` share a folder there.
    """
    seen: dict[str, str] = {}
    for path in paths:
        at = 0
        while at >= 0:
            at = path.find("/", at + 1)
            part = path if at < 0 else path[:at]
            if seen.setdefault(_folded(part), part) != part:
                return seen[_folded(part)], part
    return None


def windows_problem(path: str) -> str:
    """Return why a path cannot stand on Windows under exactly this name, "" if it can."""
    for part in path.split("/"):
        if ":" in part:
            return "a colon opens a hidden stream of another file there"
        if found := _FORBIDDEN.search(part):
            return f"{found.group()!r} is not allowed in a name there"
        if part.endswith((".", " ")):
            return "a dot or space at the end is cut off there"
        if _DEVICE.fullmatch(part.partition(".")[0].rstrip(" ")):
            return f"{part.partition('.')[0].strip().upper()} is a device there"
    return ""


def _folded(path: str) -> str:
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
