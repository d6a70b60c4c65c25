"""The symbolic pickle machine: every opcode of PEP 307, 3154 and 574 over symbolic values, told to a listener.

The machine imports, calls and builds nothing; it says what an unpickler would import, call and build. The hot loop
handles in
place the few opcodes that make up most of any pickle; `opcodes.SLOW` has the others, one small function each.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from secpipe.formats.pickle.opcodes import SLOW
from secpipe.formats.pickle.state import State
from secpipe.formats.pickle.values import KEPT, DictItems, Global, Items, ListItems, Value
from secpipe.formats.pickle.window import AHEAD, Broken, OverBound

_NUMBERS: Final = re.compile(rb"(?:K.|M..|J....|G.{8}|[N\x88\x89]){16,}+", re.DOTALL)
_ONE_NUMBER: Final = re.compile(rb"K.|M..|J....|G.{8}|[N\x88\x89]", re.DOTALL)
_CONSTANTS: Final = {0x4E: None, 0x88: True, 0x89: False, 0x29: ()}
_EMPTIES: Final[dict[int, type[Items]]] = {0x7D: DictItems, 0x5D: ListItems}
_FILLED: Final[dict[int, type[Items]]] = {0x64: DictItems, 0x6C: ListItems}
_FOUR: Final = struct.Struct("<I")
_SIGNED: Final = struct.Struct("<i")
#: PUT, GET, INT, FLOAT, UNICODE: an argument on a line of its own.
_LINES: Final = frozenset(b"pgIFV")
_NUMERIC: Final = frozenset(b"KMJGN\x88\x89")
#: What is kept of a list even beyond its bound.
_NAMED: Final = frozenset({str, Global})
#: Shortest string that is shown to the listener; no import statement, pickle or archive is shorter.
SHOWN: Final = 12


class Machine(State):
    """Walks consecutive pickles of one stream.

    `run()` walks one, up to STOP, and returns its value; raises Broken or OverBound. What was told to the listener
    before stands: a stream that breaks has already acted. `window.position` is exact whenever the listener is called
    for BUILD, and after `run()`.
    """

    def run(self) -> Value:
        """Walk the pickle that begins here; return the value it leaves."""
        self.stack, self.marks, self.memo = [], [], {}
        self.protocol, self.frame_end, self.start = 0, 0, self.window.position
        try:
            self._walk()
            value = self.stack.pop()
        except UnicodeDecodeError:
            raise Broken("a string is not UTF-8", self.window.position) from None
        except (IndexError, KeyError, struct.error, ValueError):
            raise Broken("an opcode takes what the stack or memo does not hold", self.window.position) from None
        if self.stack or self.marks:
            self.listener.noted("values are left on the stack", self.window.position)
        if self.frame_end > self.window.position:
            self.listener.noted("the pickle ends before its frame", self.window.position)
        return value

    def _walk(self) -> None:
        window, stack, marks, memo, listener = self.window, self.stack, self.marks, self.memo, self.listener
        push, numeric, constants, empties, four = stack.append, _NUMERIC, _CONSTANTS, _EMPTIES, _FOUR.unpack_from
        signed, lines, filled, named = _SIGNED.unpack_from, _LINES, _FILLED, _NAMED
        data, at, bound = window.data, window.at, 0
        while True:
            if at >= bound:
                window.at = at
                bound = self._boundary()
                data, at = window.data, window.at
            code = data[at]
            if code == 0x94:  # MEMOIZE
                memo[len(memo)] = stack[-1]
                at += 1
            elif code == 0x72:  # LONG_BINPUT
                memo[four(data, at + 1)[0]] = stack[-1]
                at += 5
            elif code == 0x68:  # BINGET
                push(memo[data[at + 1]])
                at += 2
            elif code == 0x8C and (end := at + 2 + data[at + 1]) <= len(data):  # SHORT_BINUNICODE
                text = str(data[at + 2 : end], "utf-8", "surrogatepass")
                if end - at > SHOWN:
                    listener.content(text, window.base + at)
                push(text)
                at = end
            elif code == 0x4B:  # BININT1
                push(data[at + 1])
                at += 2
            elif code == 0x28:  # MARK
                marks.append(len(stack))
                at += 1
                if at < bound and data[at] in filled:  # EMPTY_LIST and EMPTY_DICT as protocol 0 has them
                    marks.pop()
                    push(filled[data[at]]())
                    at += 1
                elif data[at] in numeric and (run := _NUMBERS.match(data, at)):
                    stack.extend([None] * len(_ONE_NUMBER.findall(data, at, run.end())))
                    at = run.end()
            elif code == 0x4D:  # BININT2
                push(data[at + 1] | data[at + 2] << 8)
                at += 3
            elif code == 0x4A:  # BININT
                push(signed(data, at + 1)[0])
                at += 5
            elif code == 0x71:  # BINPUT
                memo[data[at + 1]] = stack[-1]
                at += 2
            elif code in lines and (end := data.find(b"\n", at, at + 256)) > 0:
                argument = data[at + 1 : end]
                at = end + 1
                if code == 0x70:  # PUT
                    memo[int(argument)] = stack[-1]
                    continue
                if code == 0x49:
                    value: Value = int(argument)
                elif code == 0x67:  # GET
                    value = memo[int(argument)]
                elif code == 0x56:  # UNICODE
                    value = argument.decode("raw-unicode-escape", "surrogatepass")
                    if len(value) > SHOWN:
                        listener.content(value, window.base + at - len(argument) - 2)
                else:  # FLOAT: a line that is no number ends an unpickler here
                    float(argument)
                    value = None
                follows = data[at] if at < bound else 0
                if follows == 0x61 and type(stack[-1]) is ListItems and len(stack[-1]) < KEPT:  # APPEND
                    stack[-1].append(value)
                    at += 1
                elif follows == 0x73 and type(stack[-2]) is DictItems and len(stack[-2]) < KEPT:  # SETITEM
                    key = stack.pop()
                    stack[-1].extend((key, value))
                    at += 1
                else:
                    push(value)
            elif code == 0x58 and (end := at + 5 + four(data, at + 1)[0]) <= len(data):  # BINUNICODE
                text = str(data[at + 5 : end], "utf-8", "surrogatepass")
                if end - at > SHOWN:
                    listener.content(text, window.base + at)
                push(text)
                at = end
            elif code == 0x75 or code == 0x65:  # SETITEMS, APPENDS
                start = marks.pop()
                target, values = stack[start - 1], stack[start:]
                del stack[start:]
                at += 1
                if not isinstance(target, Items):
                    listener.altered(target, values, window.base + at - 1)
                elif len(target) + len(values) <= KEPT:
                    target += values
                else:
                    target.add(values)
            elif code in constants:  # NONE, NEWTRUE, NEWFALSE, EMPTY_TUPLE
                push(constants[code])
                at += 1
            elif code == 0x47:  # BINFLOAT
                push(None)
                at += 9
            elif code in empties:  # EMPTY_DICT, EMPTY_LIST
                push(empties[code]())
                at += 1
            elif 0x85 <= code <= 0x87:  # TUPLE1, TUPLE2, TUPLE3
                stack[0x84 - code :] = [tuple(stack[0x84 - code :])]
                at += 1
            elif code == 0x6A:  # LONG_BINGET
                push(memo[four(data, at + 1)[0]])
                at += 5
            elif code == 0x61 and isinstance(stack[-2], Items):  # APPEND
                value = stack.pop()
                if len(stack[-1]) < KEPT:
                    stack[-1].append(value)
                elif type(value) in named:
                    stack[-1].add([value])
                at += 1
            elif code == 0x73 and isinstance(stack[-3], Items) and len(stack[-3]) < KEPT:  # SETITEM
                stack[-3].extend(stack[-2:])
                del stack[-2:]
                at += 1
            elif code == 0x2E:  # STOP
                window.at = at + 1
                return
            else:
                window.at = at + 1
                SLOW[code](self, window.base + at)
                if window.data is not data or code == 0x95:  # FRAME
                    data, bound = window.data, 0
                at = window.at

    def _boundary(self) -> int:
        """Settle what happens at the end of a frame or window; return where that is next."""
        window = self.window
        if self.frame_end and window.position >= self.frame_end:
            if window.position > self.frame_end:
                self.listener.noted("an opcode straddles the end of its frame", self.frame_end)
            self.frame_end = 0
        if not window.ended and len(window.data) - window.at < AHEAD:
            if len(self.stack) + len(self.marks) > self._stack_bound or len(self.memo) > self._memo_bound:
                raise OverBound("the pickle's stack or memo is larger than is followed", window.position)
            if self.stack and _deep(self.stack[-1]):
                self.stack[-1] = None  # a chain of tuples nobody looks into; the next window would make it longer
            window.fill(AHEAD)
        if window.at >= len(window.data):
            raise Broken("the pickle ends without STOP", window.position)
        return self._bound()

    def _bound(self) -> int:
        window = self.window
        bound = len(window.data) if window.ended else max(len(window.data) - AHEAD, window.at + 1)
        return min(bound, self.frame_end - window.base) if self.frame_end else bound


def _deep(value: Value, most: int = 1000) -> bool:
    """Tell whether tuples are nested in each other deeper than `most`."""
    for _ in range(most):
        if type(value) is not tuple:
            return False
        value = next((item for item in value if type(item) is tuple), None)
    return True
