"""The opcodes outside the hot loop, one small function each: (machine, offset of the opcode) -> None."""

from __future__ import annotations

import codecs
import pickletools
from collections.abc import Callable
from typing import Final

from secpipe.core.limits import MIB
from secpipe.formats.pickle.state import State
from secpipe.formats.pickle.values import Call, DictItems, Global, Items, ListItems, Long, SetItems, Value
from secpipe.formats.pickle.window import Broken

Handler = Callable[[State, int], None]

_WHOLE: Final = 16 * MIB  # longest string or bytes handed over whole
_HEAD: Final = 4096  # of longer ones
_DIGITS: Final = 20  # of an index or number written as text
_INTEGER: Final = 64  # bytes of an integer that is kept

#: opcode name -> byte, as `pickletools` has it.
CODES: dict[str, int] = {op.name: ord(op.code) for op in pickletools.opcodes}


def underflow() -> IndexError:
    """Return the error of an opcode that takes more than there is."""
    return IndexError("stack underflow")


def _unknown(machine: State, offset: int) -> None:
    raise Broken("the byte is no opcode", offset)


def _push(value: Value) -> Handler:
    return lambda machine, offset: machine.stack.append(value)


def _empty(kind: type[Items]) -> Handler:
    return lambda machine, offset: machine.stack.append(kind())


def _skip_number(width: int) -> Handler:
    def handle(machine: State, offset: int) -> None:
        machine.window.take(width)
        machine.stack.append(None)

    return handle


def _long(width: int) -> Handler:
    def handle(machine: State, offset: int) -> None:
        length = machine.window.number(width, signed=width == 4)
        if length < 0:
            raise Broken("a length is negative", offset)
        if length <= _INTEGER:
            machine.stack.append(machine.window.number(length, signed=True))
        elif machine.window.skip(length) < length:
            raise Broken("the pickle ends inside an opcode", offset)
        else:
            machine.stack.append(None)

    return handle


def _counted(width: int, decode: Callable[[bytes], Value], signed: bool = False) -> Handler:
    def handle(machine: State, offset: int) -> None:
        window = machine.window
        length = window.number(width, signed)
        if length < 0:
            raise Broken("a length is negative", offset)
        value: Value
        if length > _WHOLE:
            value = Long(window.position, length, window.peek(_HEAD))
            if window.skip(length) < length:
                raise Broken("the pickle ends inside an opcode", offset)
        else:
            value = decode(window.take(length))
        machine.listener.content(value, offset)
        machine.stack.append(value)

    return handle


def _utf8(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")  # UnicodeDecodeError is caught in Machine.run


def _latin(content: bytes) -> str:
    return content.decode("latin-1")


def _quoted(line: bytes) -> Value:
    line = line.strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ValueError("no quotes")
    decoded: bytes = codecs.escape_decode(line[1:-1])[0]
    return decoded.decode("latin-1")


def _raw_unicode(line: bytes) -> str:
    return line.decode("raw-unicode-escape", "surrogatepass")


def _integer(line: bytes) -> Value:
    return int(line.removesuffix(b"L")) if len(line) <= _DIGITS else None  # 00 and 01 are False and True


def _float(line: bytes) -> Value:
    float(line)
    return None


def _line(read: Callable[[bytes], Value]) -> Handler:
    def handle(machine: State, offset: int) -> None:
        try:
            value = read(machine.window.line())
        except ValueError:
            raise Broken("a line is not what its opcode takes", offset) from None
        if isinstance(value, str):
            machine.listener.content(value, offset)
        machine.stack.append(value)

    return handle


def _index(machine: State, offset: int) -> int:
    line = machine.window.line()
    try:
        return int(line if len(line) <= _DIGITS else b"")
    except ValueError:
        raise Broken("a memo index is no number", offset) from None


def _get(machine: State, offset: int) -> None:
    machine.stack.append(machine.memo[_index(machine, offset)])


def _put(machine: State, offset: int) -> None:
    machine.memo[_index(machine, offset)] = machine.stack[-1]


def _import(machine: State, module: Value, name: Value, offset: int) -> Global:
    value = Global(module, name, offset)
    machine.listener.imported(value)
    return value


def _global(machine: State, offset: int) -> None:
    module, name = _utf8(machine.window.line()), _utf8(machine.window.line())
    machine.stack.append(_import(machine, module, name, offset))


def _stack_global(machine: State, offset: int) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(_import(machine, module, name, offset))


def _extension(width: int) -> Handler:
    def handle(machine: State, offset: int) -> None:
        value = Global("copyreg", f"extension {machine.window.number(width)}", offset, extension=True)
        machine.listener.imported(value)
        machine.stack.append(value)

    return handle


def _call(machine: State, call: Call) -> None:
    replacement = machine.listener.called(call)
    machine.stack.append(call if replacement is None else replacement)


def _reduce(machine: State, offset: int) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    _call(machine, Call(function, arguments, "REDUCE", offset))


def _newobj(machine: State, offset: int) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    _call(machine, Call(function, arguments, "NEWOBJ", offset))


def _newobj_ex(machine: State, offset: int) -> None:
    keywords, arguments, function = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    _call(machine, Call(function, arguments, "NEWOBJ_EX", offset, keywords))


def _inst(machine: State, offset: int) -> None:
    module, name = _utf8(machine.window.line()), _utf8(machine.window.line())
    arguments = tuple(machine.pop_mark())
    _call(machine, Call(_import(machine, module, name, offset), arguments, "INST", offset))


def _obj(machine: State, offset: int) -> None:
    values = machine.pop_mark()
    _call(machine, Call(values[0], tuple(values[1:]), "OBJ", offset))


def _build(machine: State, offset: int) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if isinstance(target, Call):
        target.state = state
    machine.listener.built(target, state, offset)


def _alter(machine: State, values: list[Value], offset: int) -> None:
    target = machine.stack[-1]
    if isinstance(target, Items):
        target.add(values)
    else:
        machine.listener.altered(target, values, offset)


def _append(machine: State, offset: int) -> None:
    _alter(machine, [machine.stack.pop()], offset)


def _setitem(machine: State, offset: int) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _alter(machine, [key, value], offset)


def _additems(machine: State, offset: int) -> None:
    _alter(machine, machine.pop_mark(), offset)


def _filled(kind: type[Items]) -> Handler:
    def handle(machine: State, offset: int) -> None:
        container = kind()
        container.add(machine.pop_mark())
        machine.stack.append(container)

    return handle


def _tuple(machine: State, offset: int) -> None:
    machine.stack.append(tuple(machine.pop_mark()))


def _tuple_of(count: int) -> Handler:
    def handle(machine: State, offset: int) -> None:
        stack = machine.stack
        if len(stack) < count:
            raise underflow()
        stack[-count:] = [tuple(stack[-count:])]

    return handle


def _pop(machine: State, offset: int) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()  # POP on a mark drops the mark
    else:
        machine.stack.pop()


def _pop_mark(machine: State, offset: int) -> None:
    machine.pop_mark()


def _dup(machine: State, offset: int) -> None:
    machine.stack.append(machine.stack[-1])


def _proto(machine: State, offset: int) -> None:
    machine.protocol = machine.window.number(1)
    if machine.protocol > 5:
        raise Broken(f"protocol {machine.protocol} is unknown", offset)
    if offset != machine.start:
        machine.listener.noted("PROTO stands inside the pickle", offset)


def _frame(machine: State, offset: int) -> None:
    machine.enter_frame(machine.window.number(8), offset)


def _persid(machine: State, offset: int) -> None:
    machine.stack.append(machine.listener.persistent(_latin(machine.window.line()), offset))


def _binpersid(machine: State, offset: int) -> None:
    machine.stack.append(machine.listener.persistent(machine.stack.pop(), offset))


def _nothing(machine: State, offset: int) -> None:
    """READONLY_BUFFER changes no value."""


_HANDLERS: dict[str, Handler] = {
    "INT": _line(_integer), "LONG": _line(_integer), "FLOAT": _line(_float), "LONG1": _long(1), "LONG4": _long(4),
    "STRING": _line(_quoted), "UNICODE": _line(_raw_unicode), "BINFLOAT": _skip_number(8),
    "BINSTRING": _counted(4, _latin, signed=True), "SHORT_BINSTRING": _counted(1, _latin),
    "SHORT_BINUNICODE": _counted(1, _utf8), "BINUNICODE": _counted(4, _utf8), "BINUNICODE8": _counted(8, _utf8),
    "SHORT_BINBYTES": _counted(1, bytes), "BINBYTES": _counted(4, bytes), "BINBYTES8": _counted(8, bytes),
    "BYTEARRAY8": _counted(8, bytes), "NEXT_BUFFER": _push(None), "READONLY_BUFFER": _nothing,
    "NONE": _push(None), "NEWTRUE": _push(True), "NEWFALSE": _push(False), "EMPTY_LIST": _empty(ListItems),
    "EMPTY_DICT": _empty(DictItems), "EMPTY_SET": _empty(SetItems), "EMPTY_TUPLE": _push(()),
    "LIST": _filled(ListItems),
    "DICT": _filled(DictItems),
    "FROZENSET": _filled(SetItems), "TUPLE": _tuple, "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2), "TUPLE3": _tuple_of(3), "APPEND": _append, "SETITEM": _setitem, "ADDITEMS": _additems,
    "POP": _pop, "POP_MARK": _pop_mark, "DUP": _dup, "GET": _get, "PUT": _put, "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global, "EXT1": _extension(1), "EXT2": _extension(2), "EXT4": _extension(4),
    "REDUCE": _reduce, "BUILD": _build, "INST": _inst, "OBJ": _obj, "NEWOBJ": _newobj, "NEWOBJ_EX": _newobj_ex,
    "PROTO": _proto, "FRAME": _frame, "PERSID": _persid, "BINPERSID": _binpersid,
}  # fmt: skip

#: opcode byte -> handler; a byte that is no opcode has one that raises Broken.
SLOW: list[Handler] = [_unknown] * 256
for _name, _handler in _HANDLERS.items():
    SLOW[CODES[_name]] = _handler
