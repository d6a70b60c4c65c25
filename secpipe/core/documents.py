"""Strict, bounded JSON and TOML: duplicate keys, deep nesting and non-finite numbers are errors, never surprises."""

from __future__ import annotations

import json
import math
from typing import Any

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits


class _Duplicate(ValueError):
    pass


def parse_json(data: bytes, what: str, limits: Limits = DEFAULT) -> Any:
    """Return the value of a UTF-8 JSON text (RFC 8259); `what` names it in errors.

    Duplicate keys, NaN, Infinity, a number too large for a float, a byte order mark and invalid UTF-8 are refused.
    Raises InputError, or UnsafeInput over `document_bytes`, `json_depth` or `json_nodes`.
    """
    text = text_of(data, what, limits)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)
    except RecursionError:
        raise UnsafeInput(f"{what} is nested too deeply") from None
    except json.JSONDecodeError as error:
        message = f"{what} is not JSON: {error.msg.lower()} at line {error.lineno} column {error.colno}"
        raise InputError(message) from None
    except ValueError as error:
        raise InputError(f"{what} is not strict JSON: {error}") from None
    check_shape(value, what, limits)
    return value


def parse_toml(data: bytes, what: str, limits: Limits = DEFAULT) -> dict[str, Any]:
    """Return the tables of a TOML 1.0 text; raises as `parse_json`."""
    import tomllib  # who reads JSON only does not pay for it

    try:
        value = tomllib.loads(text_of(data, what, limits), parse_float=_finite)
    except RecursionError:
        raise UnsafeInput(f"{what} is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError; also an integer too long to convert
        text = str(error)
        raise InputError(f"{what} is not TOML: {text[:1].lower()}{text[1:]}") from None
    check_shape(value, what, limits)
    return value


def _finite(text: str) -> float:
    """Return a number that can be compared: `1e999` reads as infinity, and TOML has words for it and for NaN."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number that can be compared")
    return number


def check_shape(value: Any, what: str, limits: Limits = DEFAULT) -> None:
    """Raise UnsafeInput if a parsed value is deeper or larger than the limits; never recurses itself."""
    level: list[Any] = [value]
    nodes = 0
    for _ in range(limits.json_depth):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        nodes += len(below)
        if nodes > limits.json_nodes:
            raise UnsafeInput(f"{what} holds more than {limits.json_nodes:,} values")
        if not below:
            return
        level = below
    raise UnsafeInput(f"{what} is nested deeper than {limits.json_depth}")


def canonical(value: Any) -> bytes:
    """Return JSON in the one form that is signed or hashed: sorted keys, no spaces, UTF-8.

    Raises ValueError for a number that is not finite and for text that is not Unicode.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def text_of(data: bytes, what: str, limits: Limits) -> str:
    """Return a document as text; raises UnsafeInput where it is too large and InputError where it is not UTF-8."""
    if len(data) > limits.document_bytes:
        raise UnsafeInput(f"{what} is larger than {limits.document_bytes:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is not UTF-8 at byte {error.start}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Duplicate(f"key {twice!a} stands twice")
    return value


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")
