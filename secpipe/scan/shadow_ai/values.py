"""What an expression may be: texts with open parts, environment names, and how encoded texts are read."""

from __future__ import annotations

import ast
import base64
import binascii
import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from secpipe.scan.shadow_ai.hosts import HOLE

MAX_VALUES = 8
MAX_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression may be: `texts` (a HOLE for each open part) and the environment names it may come from."""

    texts: frozenset[str] = frozenset()
    envs: frozenset[str] = frozenset()
    none: bool = False  # may be None: the SDK's own default applies

    @property
    def known(self) -> bool:
        return bool(self.texts) and all(text.strip(HOLE) for text in self.texts)


OPEN = Value()


class Names(Protocol):
    """What the names of a file stand for."""

    def dotted(self, node: ast.expr, depth: int = 0) -> str:
        """Return the dotted name behind an expression, imports and aliases resolved, or ""."""


class Folds(Protocol):
    """Works out what expressions of one file may be."""

    @property
    def scope(self) -> Names: ...

    def fold(self, node: ast.expr | None, depth: int = 0) -> Value:
        """Return what `node` may be; OPEN when nothing is known."""

    def container(self, node: ast.expr) -> ast.expr | None:
        """Return the literal behind a name or attribute."""


def join(values: Iterable[Value]) -> Value:
    """Any of the values."""
    texts: set[str] = set()
    envs: set[str] = set()
    none = False
    for value in values:
        texts |= value.texts
        envs |= value.envs
        none = none or value.none
    return Value(frozenset(sorted(texts)[:MAX_VALUES]), frozenset(envs), none)


def concat(left: Value, right: Value) -> Value:
    """One after the other; an open side becomes a HOLE."""
    texts = {
        (a + b)[:MAX_CHARS]
        for a in sorted(left.texts or {HOLE})[:MAX_VALUES]
        for b in sorted(right.texts or {HOLE})[:MAX_VALUES]
    }
    return Value(frozenset(sorted(texts)[:MAX_VALUES]), left.envs | right.envs)


def text(value: str) -> Value:
    """Return the value of a literal."""
    return Value(frozenset({value[:MAX_CHARS]}))


def character(value: Value) -> Value:
    """Return the character of a number written in a text; other texts stay."""
    texts = set()
    for item in value.texts:
        number = int(item) if len(item) <= 7 and item.isdecimal() else -1
        texts.add(chr(number) if 0 <= number < 0x110000 else item)
    return Value(frozenset(texts), value.envs)


def fill(form: Value, marks: tuple[str, ...], value: Value) -> Value:
    """Put a value in the place of the first of `marks` in each form."""
    mark = {item: next((m for m in marks if m in item), "") for item in form.texts}
    texts = {
        item.replace(mark[item], piece, 1)[:MAX_CHARS] if mark[item] else item
        for item in form.texts
        for piece in sorted(value.texts or {HOLE})[:MAX_VALUES]
    }
    return Value(frozenset(sorted(texts)[:MAX_VALUES]), form.envs | value.envs)


def decoded(value: Value, decode: Callable[[str], str]) -> Value:
    """Return every text that `decode` can read, decoded."""
    texts = set()
    for item in value.texts:
        try:
            texts.add(decode(item)[:MAX_CHARS])
        except (ValueError, LookupError, binascii.Error, UnicodeError):
            continue
    return Value(frozenset(texts), value.envs)


def from_base64(data: str) -> str:
    """Return the text behind base64, in either alphabet, padded or not."""
    padded = data.strip().replace("-", "+").replace("_", "/")
    return base64.b64decode(padded + "=" * (-len(padded) % 4)).decode("latin-1")


def from_codec(data: str, coding: str) -> str:
    """Return what `codecs.decode` makes of a text in the codings that hide one."""
    if coding.lower().replace("-", "_") in {"rot13", "rot_13"}:
        return codecs.encode(data, "rot13")
    if coding.lower() in {"base64", "base_64", "base64_codec"}:
        return from_base64(data)
    return bytes.fromhex(data).decode("latin-1") if coding.lower() in {"hex", "hex_codec"} else data
