"""Words for people: as markup, how wide they are, and how lines are laid out."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable

#: Columns of what is shown in a terminal, where words allow.
COLUMNS = 100
#: Gives a text an SGR code ("1", "31;1"), or leaves it as it is.
Paint = Callable[[str, str], str]


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


def hanging(lead: str, text: str) -> list[str]:
    """Return `text` wrapped behind `lead`, every further line indented as far.

    An option that it ends in is not broken, however long: who copies it gets it whole.
    """
    says, mark, option = text.partition(": --")
    if mark and width(lead) + width(text) > COLUMNS:
        first, *rest = [*wrap(f"{says}:", COLUMNS - width(lead)), f"--{option}"]
    else:
        first, *rest = wrap(text, COLUMNS - width(lead))
    return [lead + first, *(" " * width(lead) + line for line in rest)]


def painter(color: bool) -> Paint:
    """Return what colours a text, or does not."""

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if color and text else text

    return paint
