"""Turning hostile strings into something safe to print, and near misses into suggestions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Cc control, Cf format (bidi overrides, zero width), Cs surrogate, Co private use, Cn unassigned, Zl/Zp separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


_WORD = re.compile(r"[\w.@/-]+?(?=[\s:=?#&;,<>~!'\"()\[\]{}]|@\w+[:+]|$)")
_SHOWN = 40

#: Characters of one string that anybody is shown.
LIMIT = 4096


def printable(text: str, limit: int = LIMIT) -> str:
    """Return `text` with every character that could move a cursor, hide or reorder text escaped.

    Undecodable bytes (surrogate escapes, PEP 383) come out as `\\xNN`. The result is plain text of at most `limit`
    characters and an ellipsis, safe in a terminal, a log, JSON and SARIF. Escaping twice changes nothing: backslashes
    stay as they are, so this is for people, not for finding the file again.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    cut = text[:limit]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(_escape(char) for char in cut)
    return cut if len(text) <= limit else cut + "…"


def as_bytes(text: str) -> bytes:
    """Return a text as the UTF-8 it was read from; one with lone surrogates, as JSON may spell them, never fails."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def opening(text: str) -> str:
    """Return the word that a foreign line begins with, as `printable`: behind it may stand an address with a secret.

    A secret that is cut is none that anybody recognises, so a long word is not shown at all.
    """
    word = _WORD.match(text.strip())
    return printable(word[0]) + ("" if word[0] == text.strip() else " …") if word and len(word[0]) <= _SHOWN else "…"


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(char) not in _UNPRINTABLE:
        return char
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char) or (
        f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "x"?` for the nearest known word, or an empty string."""
    import difflib  # only who mistyped pays for it

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return `1 file`, `2 files`, `2 policies`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
