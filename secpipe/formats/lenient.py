"""JSON as the programs read it that load a model: whatever those accept is read, what is left is an error.

Our own documents are read by `core.documents`, which is strict. Here a file is under test: NaN, a byte order mark,
UTF-16 and UTF-32, and duplicate keys are what Python's `json` takes without a word (YAML: `yaml.parse_tagged`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from secpipe.core.errors import InputError, UnsafeInput

#: A vocabulary of a language model has about two million values.
_NODES: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Read:
    """A value, and the tables that a later table under the same key hides (`hidden`)."""

    value: Any
    hidden: tuple[Any, ...] = ()


def decode_json(data: bytes) -> str:
    """Return the text of a JSON file in the encoding that its first bytes show (RFC 4627, as `json.loads` finds it)."""
    try:
        return data.decode(json.detect_encoding(data), "surrogatepass").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(f"no {error.encoding} at byte {error.start}") from None


def parse_json(text: str, what: str) -> Read:
    """Return the value of a JSON text; raises InputError, UnsafeInput for one nested too deeply or too large."""
    hidden: list[Any] = []
    nodes = 0

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal nodes
        nodes += len(pairs)
        if nodes > _NODES:
            raise UnsafeInput(f"{what} holds more than {_NODES:,} values")
        value = dict(pairs)
        if len(value) != len(pairs):
            hidden.extend({key: item} for key, item in pairs if item is not value[key])
        return value

    try:
        return Read(json.loads(text, object_pairs_hook=table), tuple(hidden))
    except RecursionError:
        raise UnsafeInput(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{what} is not JSON: {error}") from None
