"""joblib: raw arrays that stand between the opcodes. They are stepped over, so that what follows them is judged too.

The layout is that of joblib.numpy_pickle: behind the BUILD of a NumpyArrayWrapper comes an optional padding (one byte
with its length) and the array's bytes, or for an array of objects another pickle.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from secpipe.formats.pickle.machine import Machine
from secpipe.formats.pickle.values import Call, DictItems, Global, Listener, Value
from secpipe.formats.pickle.window import Broken
from secpipe.scan.models.context import Context

_WRAPPERS: Final = frozenset({"joblib.numpy_pickle", "sklearn.externals.joblib.numpy_pickle"})
_DTYPE: Final = re.compile(r"[<>|=]?([?bBhHiIlLqQpPefdgFDGSaUVMmOcu])(\d{0,9})")
_NATURAL: Final = {
    **dict.fromkeys("?bBc", 1), **dict.fromkeys("hHe", 2), **dict.fromkeys("iIf", 4),
    **dict.fromkeys("lLqQpPdFMmO", 8), **dict.fromkeys("Dg", 16), "G": 32,
}  # fmt: skip
_OBJECT_TYPES: Final = frozenset({"StringDType", "_convert_to_stringdtype_kwargs"})  # elements on the heap
_HAS_OBJECTS: Final = 0x01  # NPY_ITEM_REFCOUNT
_MOST: Final = 1 << 62


class Judge(Listener, Protocol):
    """Who listens, and the machine it steers."""

    machine: Machine | None


def is_wrapper(target: Value) -> bool:
    """Tell whether a built object announces an array of joblib."""
    if not (isinstance(target, Call) and isinstance(target.function, Global)):
        return False
    made = target.function
    if made.name == "_reconstructor" and isinstance(target.arguments, tuple) and target.arguments:
        made = target.arguments[0] if isinstance(target.arguments[0], Global) else made
    return made.name == "NumpyArrayWrapper" and made.module in _WRAPPERS


def skip_array(context: Context, machine: Machine, wrapper: Call, judge: Judge) -> None:
    """Step over the array behind `wrapper`, or judge the pickle that stands there; raises Broken."""
    state, window = wrapper.state, machine.window
    offset = window.position
    machine.leave_frame()
    if not isinstance(state, DictItems):
        raise Broken("an array wrapper of joblib has no readable state", offset)
    shape, dtype = state.value("shape"), state.value("dtype")
    size = element_size(dtype)
    if size is None:
        _objects(context, machine, judge)
        return
    count = 1
    for dimension in shape if isinstance(shape, tuple) else (None,):
        if not isinstance(dimension, int) or dimension < 0:
            raise Broken("an array of joblib has no readable shape", offset)
        count = min(count * dimension, _MOST)
    if state.value("numpy_array_alignment_bytes") is not None and (padding := window.peek(1)):
        window.skip(1 + padding[0])
    if window.skip(count * size) < count * size:
        raise Broken("the file ends inside an array of joblib", offset)


def element_size(dtype: Value) -> int | None:
    """Return the bytes an element takes, None where elements are objects; raises Broken for what is no dtype."""
    if not (isinstance(dtype, Call) and isinstance(dtype.function, Global) and dtype.function.name == "dtype"):
        if isinstance(dtype, Call) and isinstance(dtype.function, Global) and dtype.function.name in _OBJECT_TYPES:
            return None
        raise Broken("an array of joblib has no readable dtype", 0)
    code = dtype.arguments[0] if isinstance(dtype.arguments, tuple) and dtype.arguments else None
    found = _DTYPE.fullmatch(code) if isinstance(code, str) else None
    if found is None:
        raise Broken("an array of joblib has no readable dtype", dtype.offset)
    state = dtype.state if isinstance(dtype.state, tuple) else ()
    flags = state[7] if len(state) > 7 and isinstance(state[7], int) else 0
    if found[1] == "O" or flags & _HAS_OBJECTS:
        return None
    width = int(found[2] or 0) or _NATURAL.get(found[1], 0)
    if len(state) > 5 and isinstance(state[5], int) and state[5] >= 0:
        return state[5]
    return width * 4 if found[1] == "U" else 8 if found[1] in "Mm" else width


def _fits(repeated: tuple[Value, ...], size: int) -> bool:
    """Tell whether an element that is an array itself, (dtype, shape), takes the bytes that it says."""
    try:
        width = element_size(repeated[0]) or _NATURAL["O"]
    except Broken:
        return False
    shape = repeated[1] if len(repeated) > 1 and isinstance(repeated[1], tuple) else repeated[1:]
    count = 1
    for dimension in shape:
        count = min(count * dimension, _MOST) if isinstance(dimension, int) and dimension >= 0 else _MOST
    return width * count <= size


def is_beyond(target: Value, state: Value) -> bool:
    """Tell whether the state of a dtype puts a field where its elements have no bytes: numpy does not ask."""
    if not (isinstance(target, Call) and isinstance(target.function, Global) and target.function.name == "dtype"):
        return False
    if not isinstance(state, tuple) or len(state) < 6 or not isinstance(state[5], int):
        return False
    repeated, fields, size = state[2], state[4], state[5]
    if size < -1 or (isinstance(repeated, tuple) and not _fits(repeated, size)):
        return True
    for field in fields[1::2] if isinstance(fields, DictItems) else ():
        if not (isinstance(field, tuple) and len(field) >= 2 and isinstance(field[1], int)):
            return True
        try:
            width = element_size(field[0]) or _NATURAL["O"]
        except Broken:
            return True
        if not 0 <= field[1] <= size - width:
            return True
    return False


def _objects(context: Context, machine: Machine, judge: Judge) -> None:
    """An array of objects is a pickle of its own, in the middle of this one."""
    inner = Machine(machine.window, judge, context.limits)
    judge.machine = None  # the pickle module's own loader reads it, which knows no wrappers
    try:
        inner.run()
    finally:
        judge.machine = machine
