"""Addresses spelled in numbers or base64, in any language: a list of character codes, a value of a Secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secpipe.scan.shadow_ai.values import decoded, from_base64
from secpipe.scan.shadow_ai.values import text as literal

_NUMBER = r"(?:0[xX][0-9a-fA-F]{1,2}|\d{1,3})(?:[uU]8|[iI]32)?"
_LIST = re.compile(rf"(?<![\w.]){_NUMBER}(?:(?:[ \t]*[,;]\s*|\s+){_NUMBER}){{9,}}(?![\w.])")
_LISTED = re.compile(rb"(?:(?:0x[0-9a-f]{1,2}|\d{1,3})(?:u8|i32)?[\s,;]+){9}")
_OCTAL = re.compile(rb"(?:\\0?[0-7]{3}){6}")
_ONE = re.compile(r"0[xX][0-9a-fA-F]{1,2}|\d{1,3}")
#: Bounds keep the search linear: no longer line, and no more lines, of an address.
_BASE64 = re.compile(r"(?<![\w+/=-])[\w+/-]{12,4000}(?:\n[ \t]{1,80}[\w+/-]{4,200}){0,100}={0,2}(?![\w+/=-])", re.ASCII)
_STARTS = ("https://", "http://")


def is_encoded(text: bytes) -> bool:
    """Tell whether lower-case text holds characters as numbers, enough of them for an address."""
    return bool(_LISTED.search(text) or _OCTAL.search(text))


def numbers(text: str) -> Iterator[tuple[str, int]]:
    """Yield what lists of numbers spell, and the line where each starts: as they stand, or shifted or masked by one
    number where that makes an address.
    """
    for match in _LIST.finditer(text):
        codes = [int(one, 0) if one[:2] in {"0x", "0X"} else int(one) for one in _ONE.findall(match[0])]
        said = next(filter(None, (_read(codes, change) for change in _changes(codes))), "")
        if said:
            yield said, text.count("\n", 0, match.start()) + 1


def _changes(codes: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (added, masked) as may have been done to every number."""
    yield 0, 0
    yield codes[0] - ord("h"), 0
    yield 0, codes[0] ^ ord("h")


def _read(codes: list[int], change: tuple[int, int]) -> str:
    added, masked = change
    plain = [(code - added) ^ masked for code in codes]
    if not all(0x20 <= code < 0x7F for code in plain):
        return ""
    said = "".join(map(chr, plain))
    return said if said.lower().startswith(_STARTS) or (change == (0, 0) and "." in said) else ""


def plain(text: str) -> str:
    """Return a text with what base64 in it spells in its place, where that is words with a dot; lines stay."""

    def shown(match: re.Match[str]) -> str:
        said = next(iter(decoded(literal("".join(match[0].split())), from_base64).texts), "").strip()
        lines = "\n" * match[0].count("\n")
        return said + lines if said.isascii() and said.isprintable() and "." in said else match[0]

    return _BASE64.sub(shown, text)
