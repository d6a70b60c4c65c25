"""JSON: the document itself, keys in the order they were made, one final newline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from secpipe.core.foreign import Sink, neutral


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as indented JSON; characters that hide or reorder text are `\\u` escapes."""
    return dump(document)


def dump(value: Any) -> str:
    """Return strict JSON text, readable and safe in a terminal."""
    return neutral(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), Sink.JSON) + "\n"
