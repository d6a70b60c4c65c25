"""A pickle written from a tree of values, with every choice of opcode that an unpickler takes for the same thing."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Name:
    """An import, by its dotted path."""

    path: str


@dataclass(frozen=True, slots=True)
class Do:
    """A call: `how` is one of `call`, `new` and `new_ex`; `state` is given to BUILD, `items` to SETITEM."""

    function: Any
    arguments: tuple[Any, ...] = ()
    how: str = "call"
    keywords: tuple[tuple[str, Any], ...] = ()
    state: Any = None
    items: tuple[tuple[Any, Any], ...] = ()


class Writer:
    """Writes values; `chance` decides between opcodes of the same meaning, None takes the plainest of protocol 2."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self.chance = chance
        self.memo = 0

    def pick(self, *options: bytes) -> bytes:
        return self.chance.choice(options) if self.chance else options[0]

    def whole(self, value: Any) -> bytes:
        """Return a pickle that makes `value`."""
        body = self.value(value) + b"."
        if self.chance is None:
            return b"\x80\x02" + body
        framed = b"\x95" + struct.pack("<Q", len(body)) + body
        return self.pick(b"\x80\x02" + body, b"\x80\x04" + framed, b"\x80\x05" + body, b"\x80\x00" + body, body)

    def value(self, value: Any) -> bytes:
        return self._kept(self._value(value))

    def _kept(self, code: bytes) -> bytes:
        """Put the value into the memo, and perhaps take it from there."""
        if self.chance is None or self.chance.random() > 0.15:
            return code
        key = self.memo = self.memo + 1
        put = self.pick(b"p%d\n" % key, b"r" + struct.pack("<I", key))
        got = self.pick(b"g%d\n" % key, b"j" + struct.pack("<I", key))
        return code + put + self.pick(b"", b"0" + got, b"20")

    def _value(self, value: Any) -> bytes:
        match value:
            case None:
                return b"N"
            case bool():
                return self.pick(b"\x88" if value else b"\x89", b"I01\n" if value else b"I00\n")
            case int():
                return self.pick(b"I%d\n" % value, b"L%dL\n" % value, b"J" + struct.pack("<i", value))
            case str():
                return self._text(value)
            case bytes():
                return self.pick(*([b"C" + bytes([len(value)]) + value] if len(value) < 256 else []),
                                 b"B" + struct.pack("<I", len(value)) + value,
                                 b"\x8e" + struct.pack("<Q", len(value)) + value)  # fmt: skip
            case Name():
                return self._name(value.path)
            case Do():
                return self._do(value)
            case tuple():
                inner = b"".join(map(self.value, value))
                short = {0: b")", 1: inner + b"\x85", 2: inner + b"\x86", 3: inner + b"\x87"}
                return self.pick(b"(" + inner + b"t", short.get(len(value), b"(" + inner + b"t"))
            case list():
                inner = [self.value(item) for item in value]
                return self.pick(b"(" + b"".join(inner) + b"l", b"](" + b"".join(inner) + b"e",
                                 b"]" + b"".join(item + b"a" for item in inner))  # fmt: skip
            case dict():
                pairs = [self.value(key) + self.value(item) for key, item in value.items()]
                return self.pick(b"(" + b"".join(pairs) + b"d", b"}(" + b"".join(pairs) + b"u",
                                 b"}" + b"".join(pair + b"s" for pair in pairs))  # fmt: skip
        raise TypeError(value)

    def _text(self, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        lines = (
            [b"V" + text.encode("raw-unicode-escape").replace(b"\n", b"\\u000a") + b"\n"] if "\\" not in text else []
        )
        return self.pick(b"X" + struct.pack("<I", len(data)) + data, *lines,
                         *([b"\x8c" + bytes([len(data)]) + data] if len(data) < 256 else []),
                         *([b"U" + bytes([len(data)]) + data] if data.isascii() and len(data) < 256 else []),
                         *([b"S" + repr(text).encode() + b"\n"] if data.isascii() else []),
                         b"\x8d" + struct.pack("<Q", len(data)) + data)  # fmt: skip

    def _name(self, path: str) -> bytes:
        module, _, name = path.rpartition(".")
        plain = f"c{module}\n{name}\n".encode()
        return self.pick(plain, self._text(module) + self._text(name) + b"\x93")

    def _do(self, do: Do) -> bytes:
        function = self.value(do.function)
        if do.how == "new_ex" or do.keywords:
            code = function + self.value(do.arguments) + self.value(dict(do.keywords)) + b"\x92"
        elif do.how == "new":
            code = function + self.value(do.arguments) + b"\x81"
        else:
            arguments = b"".join(map(self.value, do.arguments))
            code = self.pick(function + self.value(do.arguments) + b"R", b"(" + function + arguments + b"o")
        if do.state is not None:
            code += self.value(do.state) + b"b"
        return code + b"".join(self.value(key) + self.value(item) + b"s" for key, item in do.items)
