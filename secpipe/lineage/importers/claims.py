"""What a file says of how it was made; every fact of it is claimed, and prompts are still plain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.lineage.record import Input, Parameter, Tool
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

#: Inputs, parameters or prompts that are taken from one file.
MOST = 1000
_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one file; `prompts` are (role, text)."""

    source: str
    operation: str
    inputs: tuple[Input, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    prompts: tuple[tuple[str, str], ...] = ()
    tool: Tool | None = None

    def __repr__(self) -> str:
        return f"Claims({self.source!r})"  # prompts are private


@cache
def table(source: str) -> Mapping[str, Any]:
    """Return what is known of a generator: `policies/lineage/generators.toml`."""
    path = shipped() / "lineage" / "generators.toml"
    found: Mapping[str, Any] = parse_toml(read_bytes(path, 1 << 20), path.name)[source]
    return found


def number(text: str) -> str | int | float:
    """Return a number that is written as a record would write it, else the text."""
    for kind in (int, float):
        try:
            value = kind(text[:40])
        except ValueError:
            continue
        if str(value) == text and math.isfinite(value) and abs(value) < 2**64:
            return value
    return text[:_TEXT]


def parameters(named: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Return the plain values as parameters, sorted by name; what is no text, number or flag is left out."""
    found = []
    for name in sorted(named)[:MOST]:
        value = named[name]
        if isinstance(value, str):
            value = value[:_TEXT]
        elif isinstance(value, bool):
            pass
        elif not isinstance(value, int | float) or abs(value) >= 2**64 or not math.isfinite(value):
            continue
        found.append(Parameter(name[:256], value))
    return tuple(found)


def named(text: object) -> str:
    """Return a file's own name, whatever folders stand before it; "" for what is no text."""
    return text.replace("\\", "/").rpartition("/")[2].strip()[:_TEXT] if isinstance(text, str) else ""
