"""TensorFlow Lite (schema.fbs): the operators of a model, without reading a weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from secpipe.formats.flatbuffers import Buffer

_OPERATOR_CODES, _DESCRIPTION, _METADATA = 1, 3, 6  # fields of Model
_BUILTIN_OLD, _CUSTOM, _BUILTIN = 0, 1, 3  # fields of OperatorCode
_IS_CUSTOM = 32  # BuiltinOperator.CUSTOM


@dataclass(frozen=True, slots=True)
class Tflite:
    """What a model says: `custom` are the names of operators that the runtime does not have built in."""

    description: str = ""
    operators: int = 0
    custom: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()


def read(file: BinaryIO, size: int) -> Tflite:
    """Read the tables of a TFLite file; raises InputError where it is none."""
    buffer = Buffer(file, size)
    model = buffer.root()
    codes = buffer.vector(model, _OPERATOR_CODES)
    custom = set()
    for code in codes:
        new, old = buffer.field(code, _BUILTIN), buffer.field(code, _BUILTIN_OLD)
        kind = max(buffer.number(new) if new else 0, buffer.number(old, 1) if old else 0)
        name = buffer.text(code, _CUSTOM)
        if name or kind == _IS_CUSTOM:
            custom.add(name or "(unnamed)")
    names = tuple(buffer.text(entry, 0) for entry in buffer.vector(model, _METADATA, 1000))
    return Tflite(buffer.text(model, _DESCRIPTION), len(codes), tuple(sorted(custom)), names)
