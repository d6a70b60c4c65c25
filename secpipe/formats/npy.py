"""NPY files (numpy.lib.format 1.0 to 3.0): the header of an array, without numpy."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.formats.stream import Readable, take

_MOST = 1 << 20
#: Types of a fixed width, as numpy writes them; it reads words too (`object`), and lists of them.
_NUMBERS = re.compile(r"[<>|=]?[?bBhHiIlLqQpPefdgFDGSaUVMmcu]\d{0,9}(?:\[\d{0,9}[A-Za-zμ]{1,8}\])?")


@dataclass(frozen=True, slots=True)
class Npy:
    """What a header says. `has_objects`: the data is a pickle, which numpy loads when it is allowed to."""

    descr: Any
    shape: tuple[int, ...]
    fortran_order: bool
    has_objects: bool
    header_bytes: int


def read_header(stream: Readable) -> Npy:
    """Read the header at the beginning of `stream`, which then stands at the data; raises InputError."""
    start = take(stream, 8, "the header of the array")
    if start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise InputError("no array, or of an unknown version")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(take(stream, width, "the header of the array"), "little")
    if length > _MOST:
        raise UnsafeInput("the header of the array is too long")
    text = take(stream, length, "the header of the array").decode("utf-8" if start[6] == 3 else "latin-1", "replace")
    if text.count("(") + text.count("[") + text.count("{") > 2000:
        raise UnsafeInput("the header of the array is nested too deeply")
    try:
        header = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        raise InputError("the header of the array is no dictionary of literals") from None
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise InputError("the header of the array has other fields than descr, fortran_order and shape")
    shape = header["shape"]
    if not (isinstance(shape, tuple) and all(isinstance(size, int) and size >= 0 for size in shape)):
        raise InputError("the shape of the array is none")
    return Npy(header["descr"], shape, bool(header["fortran_order"]), _objects(header["descr"]), 8 + width + length)


def _objects(descr: Any, depth: int = 8) -> bool:
    """Tell whether a dtype description holds objects, at any depth; what is not understood counts as one."""
    if isinstance(descr, str):
        return _NUMBERS.fullmatch(descr) is None
    if depth == 0 or not isinstance(descr, list | tuple):
        return True
    if isinstance(descr, tuple) and descr and isinstance(descr[0], str) and len(descr) == 2:
        return _objects(descr[0], depth - 1)  # ('<f8', (3,)): a subarray
    return any(not isinstance(field, tuple) or len(field) < 2 or _objects(field[1], depth - 1) for field in descr)
