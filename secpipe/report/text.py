"""Words for people: what a hostile string may become, how wide it is, and how lines are laid out."""

from __future__ import annotations

import html
import unicodedata

from secpipe.core.text import printable

LIMIT = 4096


def safe(text: str, limit: int = LIMIT) -> str:
    """Return `text` with everything unprintable escaped, on one line; unlike `printable` it may be applied twice.

    Documents hold strings that `printable` escaped already, and a saved document may hold anything: backslashes are
    therefore left as they stand.
    """
    cut = text[:limit]
    if not (cut.isascii() and cut.isprintable()):
        cut = "\\".join(printable(part, limit) for part in cut.split("\\"))
    return cut if len(text) <= limit else cut + "…"


def markup(text: str) -> str:
    """Return `text` as character data or quoted attribute value of HTML and XML."""
    return html.escape(text, quote=True)


def width(text: str) -> int:
    """Return the columns that `text` takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def pad(text: str, columns: int) -> str:
    """Return `text` filled with spaces to at least `columns` columns."""
    return text + " " * (columns - width(text))


def clip(text: str, columns: int) -> str:
    """Return `text` cut to at most `columns` columns, with an ellipsis where it was cut."""
    if width(text) <= columns:
        return text
    kept, used = [], 1
    for char in text:
        used += _columns(char)
        if used > columns:
            break
        kept.append(char)
    return "".join(kept) + "…"


def wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """Return `text` in lines of at most `columns` columns, broken at spaces; a longer word keeps a line of its own."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if line and width(indent) + width(joined) > columns:
            lines.append(indent + line)
            line = word
        else:
            line = joined
    return [*lines, indent + line] if line or not lines else lines
