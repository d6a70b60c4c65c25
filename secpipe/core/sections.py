"""Sections of a document as frozen dataclasses: what a key is by default, may be, and which way is tighter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from functools import cache
from typing import Any, get_type_hints

MOST = 1_000_000  # no day, hour, percent or version is larger


def key(
    default: Any,
    *,
    choice: tuple[Any, ...] = (),
    tighter: str = "",
    doc: str = "",
    globs: bool = False,
    least: int = 0,
    most: int = MOST,
    inner: bool = False,
    empty: tuple[str, ...] = (),
    pattern: str = "",
) -> Any:
    """Declare a key: its default, allowed words, and which way is tighter.

    `tighter` is `more` (a larger number, a later date, True, a later word of `choice`), `fewer` (a smaller number; 0 is
    no bound), `sooner` (an earlier date; none is no end), `subset` (of a list in which empty means all), `shorter` (a
    subset, empty means none), `superset`, or "" where values cannot be compared and any change counts as loosening.
    `globs` says that the words of a list are patterns, `least` and `most` are the bounds of a number, `empty` is what
    an empty list stands for, `pattern` is how each of its words looks, and an `inner` field is set by the gate and
    cannot be written in a file.
    """
    meta = {"choice": choice, "tighter": tighter, "doc": doc, "globs": globs, "least": least, "inner": inner}
    meta |= {"empty": empty, "most": most, "pattern": pattern}
    return field(default_factory=dict, metadata=meta) if default == {} else field(default=default, metadata=meta)


def hints(cls: Any) -> Mapping[str, Any]:
    """Return the types of a noun's fields, by name."""
    return _declared(cls)[0]


def keys_of(cls: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return what a file may say in a table read as `cls`: name -> what `key` declared, in order."""
    return _declared(cls)[1]


@cache
def _declared(cls: Any) -> tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]:
    known = {item.name: item.metadata for item in fields(cls) if not item.metadata.get("inner")}
    return get_type_hints(cls), known
