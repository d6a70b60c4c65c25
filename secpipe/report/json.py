"""JSON: the document itself, keys in the order they were made, one final newline."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from secpipe.core.text import printable

_OUTSIDE_ASCII = re.compile(r"[\x7f-\U0010ffff]+")


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as indented JSON; characters that hide or reorder text are `\\u` escapes."""
    return dump(document)


def dump(value: Any) -> str:
    """Return strict JSON text, readable and safe in a terminal."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return _OUTSIDE_ASCII.sub(_escape, text) + "\n"


def _escape(match: re.Match[str]) -> str:
    # Such characters stand only inside JSON strings, where their escape means the same.
    return "".join(char if printable(char) == char else json.dumps(char)[1:-1] for char in match[0])
