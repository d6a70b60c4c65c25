"""Words for people: as markup, how wide they are, and how lines are laid out."""

from __future__ import annotations

import html
import unicodedata


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
