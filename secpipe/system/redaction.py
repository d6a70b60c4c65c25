"""Secrets are taken out of what is written: one table of their shapes, `policies/secrets/shapes.toml`.

Not for what is signed or named by its digest: there a secret must be kept out before the digest is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from secpipe.core.errors import SecpipeError
from secpipe.system import files, places

#: What stands where a secret stood: letters only, so that text, JSON, XML, URLs and purls stay what they were.
MARK = "REDACTED"
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """What one kind of secret looks like; `hints` are literals of which every match holds one."""

    name: str
    source: str
    hints: tuple[str, ...]
    any_case: bool
    regex: str

    def pattern(self) -> re.Pattern[str]:
        """Return the compiled expression; most runs never need one."""
        return _compiled(self.regex, self.any_case)


@cache
def _compiled(regex: str, any_case: bool) -> re.Pattern[str]:
    return re.compile(regex, re.IGNORECASE if any_case else 0)


@cache
def shapes() -> tuple[Shape, ...]:
    """Return the table; raises SecpipeError where this installation's is damaged: then nothing is written."""
    import tomllib

    path = places.shipped() / "secrets" / "shapes.toml"
    try:
        rows = tomllib.loads(files.read_bytes(path, _LIMIT).decode())["shape"]
        return tuple(
            Shape(row["name"], row["source"], tuple(row["hints"]), bool(row.get("any_case")), row["regex"])
            for row in rows
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SecpipeError("the table of secret shapes is damaged", hint="reinstall secpipe") from error


def redact(text: str) -> str:
    """Return `text` with every secret replaced by REDACTED; what names its kind stays. Twice changes nothing."""
    return _redact(text, _possible(text))


def cleaner(texts: Iterable[str]) -> Callable[[str], str]:
    """Return `redact` for just these texts and parts of them: what none of them hints at is not looked for in each."""
    possible = _possible("\n".join(texts))
    return cache(lambda text: _redact(text, possible)) if possible else str


def redact_values(value: Any) -> Any:
    """Return a JSON-ready value with `redact` applied to each string in it, keys included."""
    strings: set[str] = set()
    _collect(value, strings)
    clean = cleaner(strings)
    return value if clean is str else _redact_values(value, clean)


def _possible(text: str) -> tuple[Shape, ...]:
    """Return the shapes of which `text` holds a hint: no other can match in any part of it."""
    lowered = text.lower()
    found = []
    for shape in shapes():
        within = lowered if shape.any_case else text
        if any(hint in within for hint in shape.hints):
            found.append(shape)
    return tuple(found)


def _redact(text: str, possible: Iterable[Shape]) -> str:
    lowered = text.lower()
    for shape in possible:
        within = lowered if shape.any_case else text
        if any(hint in within for hint in shape.hints):
            text = shape.pattern().sub(_marked, text)
            lowered = text.lower()
    return text


def _collect(value: Any, strings: set[str]) -> None:
    if isinstance(value, str):
        strings.add(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _collect(key, strings)
            _collect(item, strings)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, strings)


def _redact_values(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value) if len(value) > 8 else value
    if isinstance(value, Mapping):
        return {_redact_values(key, clean): _redact_values(item, clean) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact_values(item, clean) for item in value]
    return value


def _marked(match: re.Match[str]) -> str:
    return f"{match['keep']}{MARK}"
