"""Secrets are taken out of what is written: one table of their shapes, `policies/secrets/shapes.toml`.

Not for what is signed or named by its digest: there a secret must be kept out before the digest is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
        return re.compile(self.regex, re.IGNORECASE if self.any_case else 0)


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
    lowered = None
    for shape in shapes():
        if shape.any_case:
            lowered = text.lower() if lowered is None else lowered
        within = lowered if shape.any_case and lowered is not None else text
        if any(hint in within for hint in shape.hints):
            text = shape.pattern().sub(_marked, text)
            lowered = None
    return text


def redact_values(value: Any) -> Any:
    """Return a JSON-ready value with `redact` applied to each string in it, keys included."""
    if isinstance(value, str):
        return redact(value) if len(value) > 8 else value
    if isinstance(value, Mapping):
        return {redact_values(key): redact_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_values(item) for item in value]
    return value


def _marked(match: re.Match[str]) -> str:
    return f"{match['keep']}{MARK}"
