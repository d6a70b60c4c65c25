"""NPY files (numpy.lib.format 1.0 to 3.0): the header of an array, without numpy."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Any

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.formats.stream import Readable, take

#: How every file begins.
MAGIC = b"\x93NUMPY"
_MOST = 1 << 20
_PARTS = re.compile(r"[<>|=]?([?bBhHiIlLqQpPefdgFDGSaUVMmcu])(\d{0,9})")
_WIDTHS = {
    **dict.fromkeys("?bBc", 1), **dict.fromkeys("hHe", 2), **dict.fromkeys("iIf", 4), **dict.fromkeys("lLqQpPdFMm", 8),
    **dict.fromkeys("Dg", 16), "G": 32,
}  # fmt: skip
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
    if start[:6] != MAGIC or start[6] not in (1, 2, 3):
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


def width_of(descr: Any, depth: int = 8) -> int:
    """Return the bytes that an element of a dtype description takes, -1 where that is not known."""
    if isinstance(descr, str):
        found = _PARTS.match(descr)
        if found is None:
            return -1
        count = int(found[2]) if found[2] else 0
        if found[1] in "SaVU" or (found[1] in "bcefiu" and count):
            return count * (4 if found[1] == "U" else 1)
        return _WIDTHS.get(found[1], -1)
    if depth == 0 or not isinstance(descr, list | tuple):
        return -1
    if isinstance(descr, tuple):
        inner, shape = (width_of(descr[0], depth - 1), descr[1]) if len(descr) == 2 else (-1, 0)
        sizes = shape if isinstance(shape, tuple) else (shape,)
        return inner * math.prod(sizes) if inner >= 0 and all(type(size) is int for size in sizes) else -1
    widths = [
        width_of(tuple(field[1:]) if len(field) == 3 else field[1], depth - 1) if isinstance(field, tuple) else -1
        for field in descr
    ]
    return sum(widths) if min(widths, default=-1) >= 0 else -1


def _objects(descr: Any, depth: int = 8) -> bool:
    """Tell whether a dtype description holds objects, at any depth; what is not understood counts as one."""
    if isinstance(descr, str):
        return _NUMBERS.fullmatch(descr) is None
    if depth == 0 or not isinstance(descr, list | tuple):
        return True
    if isinstance(descr, tuple) and descr and isinstance(descr[0], str) and len(descr) == 2:
        return _objects(descr[0], depth - 1)  # ('<f8', (3,)): a subarray
    return any(not isinstance(field, tuple) or len(field) < 2 or _objects(field[1], depth - 1) for field in descr)
