"""What an expression may be: texts with open parts, environment names, and how encoded texts are read."""

from __future__ import annotations

import ast
import base64
import binascii
import codecs
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Protocol

from secpipe.scan.shadow_ai.hosts import HOLE

MAX_VALUES = 128  # texts of one value; a longer set is marked as cut
MAX_CHARS = 1 << 16  # of one text; a longer one is marked as cut
_LONGER = MAX_CHARS + 1


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression may be: `texts` (a HOLE for each open part) and the environment names it may come from.

    `cut` says that a bound left some of it out: a destination made of it is also an unknown one.
    """

    texts: frozenset[str] = frozenset()
    envs: frozenset[str] = frozenset()
    none: bool = False  # may be None: the SDK's own default applies
    cut: bool = False

    @property
    def known(self) -> bool:
        return bool(self.texts) and all(text.strip(HOLE) for text in self.texts)

    def map(self, change: Callable[[str], str]) -> Value:
        """Return the value with every text changed."""
        return _bounded(map(change, sorted(self.texts)), self)


OPEN = Value()
#: What is said of a destination of which a bound left values out.
TOO_MANY = "an address of more possible values than are followed"


def is_address(text: str) -> bool:
    """Whether a text is an address, and no sentence or page that holds one."""
    return "://" in text and not any(map(str.isspace, text.strip()))


_SHOWN = 3  # lines of a file that are named


def cut_at(lines: Collection[int]) -> list[str]:
    """Return the sentence, if any, on the lines of a file at which a bound left values of an address out."""
    if not lines:
        return []
    first = ", ".join(map(str, sorted(lines)[:_SHOWN]))
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return [f"{'lines' if len(lines) > 1 else 'line'} {first}{more}: {TOO_MANY}"]


CUT = Value(cut=True)  # a bound was met before anything was known


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
    parts = list(values)
    texts = (item for value in parts for item in sorted(value.texts))
    envs = frozenset(name for value in parts for name in value.envs)
    ends = Value(frozenset(), envs, any(value.none for value in parts), any(value.cut for value in parts))
    return _bounded(texts, ends)


def concat(left: Value, right: Value) -> Value:
    """One after the other; an open side becomes a HOLE."""
    pairs = product(sorted(left.texts or {HOLE}), sorted(right.texts or {HOLE}))
    return _bounded((a[:_LONGER] + b[:_LONGER] for a, b in pairs), _both(left, right))


def _both(left: Value, right: Value) -> Value:
    return Value(frozenset(), left.envs | right.envs, cut=left.cut or right.cut)


def _bounded(texts: Iterable[str], rest: Value) -> Value:
    """Return `rest` with at most MAX_VALUES texts; what is left out or shortened is told by `cut`."""
    kept: set[str] = set()
    cut = rest.cut
    for item in texts:
        cut = cut or len(item) > MAX_CHARS
        if len(kept) == MAX_VALUES and item not in kept:
            return replace(rest, texts=frozenset(kept), cut=True)
        kept.add(item[:MAX_CHARS])
    return replace(rest, texts=frozenset(kept), cut=cut)


def text(value: str) -> Value:
    """Return the value of a literal, whatever its length."""
    return Value(frozenset({value}))


def character(value: Value) -> Value:
    """Return the character of a number written in a text; other texts stay."""

    def one(item: str) -> str:
        number = int(item) if len(item) <= 7 and item.isdecimal() else -1
        return chr(number) if 0 <= number < 0x110000 else item

    return value.map(one)


def fill(form: Value, marks: tuple[str, ...], value: Value) -> Value:
    """Put a value in the place of the first of `marks` in each form."""
    mark = {item: next((m for m in marks if m in item), "") for item in form.texts}
    texts = (
        item[:_LONGER].replace(mark[item], piece[:_LONGER], 1) if mark[item] else item
        for item in sorted(form.texts)
        for piece in sorted(value.texts or {HOLE})
    )
    return _bounded(texts, _both(form, value))


def replaced(value: Value, before: str, after: str) -> Value:
    """Return every text with `before` replaced by `after`."""
    times = MAX_CHARS // len(after) + 1 if after else -1  # no more than can show in what is kept
    return value.map(lambda item: item.replace(before, after, times))


def decoded(value: Value, decode: Callable[[str], str]) -> Value:
    """Return every text that `decode` can read, decoded."""
    texts = []
    for item in sorted(value.texts):
        try:
            texts.append(decode(item))
        except (ValueError, LookupError, binascii.Error, UnicodeError):
            continue
    return _bounded(texts, Value(frozenset(), value.envs, cut=value.cut))


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
