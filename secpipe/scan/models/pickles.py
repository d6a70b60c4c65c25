"""Pickles: what an unpickler would import, call and build, held against the allow-list."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from secpipe.formats.pickle.machine import Machine
from secpipe.formats.pickle.values import Call, DictItems, Global, Items, Long, Value, render
from secpipe.formats.pickle.window import Broken, OverBound, Window
from secpipe.formats.stream import Readable
from secpipe.scan.models import arrays, embedded, torch_storage
from secpipe.scan.models.allow import Use
from secpipe.scan.models.context import Context

_GETATTR: Final = "builtins.getattr"
_TYPE: Final = "builtins.type"
_ENCODERS: Final = frozenset({"_codecs.encode", "codecs.encode", "builtins.bytes", "builtins.bytearray"})
_CONSTRUCTIONS: Final = frozenset({"NEWOBJ", "NEWOBJ_EX"})


class Judge:
    """Listens to a pickle and records what is not on the allow-list."""

    def __init__(self, context: Context, *, torch: bool = False) -> None:
        self.context = context
        self.torch = torch  # persistent ids name tensor storages
        self.machine: Machine | None = None
        self.imports = self.calls = 0
        self.storages: dict[str, int] = {}  # bytes of each that a persistent id names

    def imported(self, value: Global) -> None:
        """An import alone: harmless or not by what it names."""
        if value.extension:
            self._tell("extension-code", "imports a name by a number that only the loading machine can resolve", value)
            return
        self.imports += 1
        if not (isinstance(value.module, str) and isinstance(value.name, str)):
            value.module, value.name = render(value.module), render(value.name)
            self._tell("computed-name", "imports a name that it computes while loading", value)
        else:
            self._judge(value, Use.REFERENCE, None)

    def called(self, call: Call) -> Value:
        """A call or construction; returns what is known of its result."""
        function = call.function
        self.calls += 1
        if call.how in {"INST", "OBJ"}:
            self._tell("legacy-call", "uses an opcode that no pickler of Python 3 writes", call)
        if not isinstance(function, Global) or function.extension:
            self._tell("computed-call", f"calls a computed value: {render(call)}", call)
            return None
        if call.how in _CONSTRUCTIONS:
            self._judge(function, Use.CONSTRUCT, call)
            return None
        path = self.context.allow.path(function.module, function.name)
        if path == _TYPE and isinstance(call.arguments, tuple) and len(call.arguments) == 1:
            return None  # asks for the type of a datum; with three arguments it would make a class
        self._judge(function, Use.CALL, call)
        if path in self.context.allow.constructors:
            self._constructed(call, self.context.allow.constructors[path])
        elif path in self.context.allow.appliers:
            self._applied(call, self.context.allow.appliers[path])
        elif path == _GETATTR:
            return self._attribute(call)
        elif path in _ENCODERS:
            return self._encoded(call)
        return None

    def built(self, target: Value, state: Value, offset: int) -> None:
        """BUILD: a state for an object; joblib reads an array right behind it."""
        if isinstance(target, Global):
            self._tell("state-on-import", f"sets attributes of {render(target)} itself", target)
        slots = state[1] if isinstance(state, tuple) and len(state) == 2 else None
        if isinstance(slots, DictItems) and any(type(key) is str and key.startswith("__") for key in slots[::2]):
            self._tell("attribute-path", f"sets special attributes of {render(target)}", target)
        if arrays.is_wrapper(target) and self.machine:
            arrays.skip_array(self.context, self.machine, target, self)

    def altered(self, target: Value, values: list[Value], offset: int) -> None:
        """Items put into something that is no container of the pickle's own."""
        if isinstance(target, Global):
            self._tell("state-on-import", f"puts items into {render(target)} itself", target)

    def content(self, value: str | bytes | Long, offset: int) -> None:
        """A string or bytes that may hold a pickle or archive of its own."""
        if embedded.worth_a_look(value):
            embedded.look(self.context, value, offset)

    def persistent(self, value: Value, offset: int) -> Value:
        """A reference to something outside the pickle."""
        if self.torch and (storage := torch_storage.declared(value)):
            self.storages[storage[0]] = storage[1]
        else:
            message = f"asks its loader for an object by an id: {render(value)}"
            self.context.add("persistent-id", message, subject=render(value), offset=offset)
        return torch_storage.Storage(value)

    def noted(self, fault: str, offset: int) -> None:
        """The structure departs from what any pickler writes."""
        self.context.add("pickle-structure", f"{fault}, which no pickler writes", subject=fault, offset=offset)

    def _judge(self, value: Global, use: Use, call: Call | None) -> None:
        rule = self.context.allow.fault(value.module, value.name, use)
        if rule:
            what, subject = render(call) if call else render(value), f"{value.module}.{value.name}"
            if call:
                self.context.drop("dangerous-import", subject)
                self.context.drop("unlisted-import", subject)
            self._tell(rule, f"{use.value} {what}", call or value, subject=subject)

    def _constructed(self, call: Call, index: int) -> None:
        """A listed function that makes an object of a class: judge the class as constructed."""
        arguments = call.arguments if isinstance(call.arguments, tuple) else ()
        made = arguments[index] if index < len(arguments) else None
        if not isinstance(made, Global):
            self._tell("computed-call", f"constructs a computed class: {render(call)}", call)
            return
        self._judge(made, Use.CONSTRUCT, call)
        base = arguments[1] if render(call.function).endswith("_reconstructor") and len(arguments) > 1 else None
        if isinstance(base, Global):
            path = self.context.allow.path(base.module, base.name)
            if path not in self.context.allow.bases and path not in self.context.allow.classes:
                self._tell("unlisted-class", f"runs the __init__ of {render(base)}", base)

    def _applied(self, call: Call, index: int) -> None:
        """A listed function that calls one of its arguments: judge that as called."""
        arguments = call.arguments if isinstance(call.arguments, tuple) else ()
        callee = arguments[index] if index < len(arguments) else None
        if isinstance(callee, Global):
            self._judge(callee, Use.CALL, call)
        else:
            self._tell("computed-call", f"calls a computed value: {render(call)}", call)

    def _attribute(self, call: Call) -> Value:
        """getattr: of an import it is one more dotted name; of data a bound method that may not be called."""
        match call.arguments:
            case (Global() as owner, str() as name):
                dotted = Global(owner.module, f"{owner.name}.{name}", call.offset)
                self.imported(dotted)
                return dotted
            case (str() | Items() | tuple() | int() | Call(), str() as name) if name.isidentifier() and name[0] != "_":
                return None
            case _:
                self._tell("attribute-path", f"takes an attribute by {render(call)}", call)
        return None

    def _encoded(self, call: Call) -> Value:
        """Bytes as protocols 0 to 2 write them: a string and its encoding; look into the bytes."""
        match call.arguments:
            case (str() as text, str() as encoding) if encoding.lower().replace("-", "") in {"latin1", "utf8", "ascii"}:
                return text.encode("latin-1", "replace")  # the string was looked into when it was read
            case (bytes() as data,) | (bytes() as data, _):
                return data
            case () | (Items() | int() | None,):
                return None
            case (Call() | Global() | Long(), *_):
                return None
            case _:
                self._tell("encoded-data", f"decodes data while loading: {render(call)}", call)
                return None

    def _tell(self, rule: str, message: str, value: Global | Call, subject: str = "") -> None:
        text = render(value)
        self.context.add(rule, message, subject=subject or text, offset=value.offset, call=text)


@dataclass(frozen=True, slots=True)
class Walked:
    """What a stream turned out to be."""

    pickles: int = 0  # that ended in STOP
    imports: int = 0
    calls: int = 0
    whole: bool = False  # nothing else follows
    storages: Mapping[str, int] = field(default_factory=dict)  # that PyTorch's persistent ids name, with their bytes


def scan_pickles(context: Context, stream: Readable, *, torch: bool = False) -> Walked:
    """Judge all pickles that follow each other in `stream`; never raises for what the stream holds."""
    judge = Judge(context, torch=torch)
    window = Window(stream, context.limits, context.expired)
    machine = judge.machine = Machine(window, judge, context.limits)
    count, whole = 0, False
    with without_collector():
        try:
            while True:
                value = machine.run()
                count += 1
                if count == 1 and torch_storage.is_legacy_magic(value):
                    count += torch_storage.scan_legacy(judge, machine)
                    whole = True  # raw storages follow
                    break
                rest = window.peek(64)
                whole = not rest
                if whole or not _another(rest):
                    break
        except Broken as error:
            message = f"{error.message}; an unpickler has already run what stands before"
            context.add("broken-pickle", message, offset=error.offset)
        except OverBound as error:
            context.unread("resource-limit", error.message, error.offset)
        else:
            if not whole:
                whole = _trailing(context, window)
            if count > 1 and not judge.torch:
                context.add("several-streams", f"{count} pickles follow each other in one file")
    return Walked(count, judge.imports, judge.calls, whole, judge.storages)


def _another(rest: bytes) -> bool:
    return rest[0] == 0x80 or rest[:1] in (
        b"c",
        b"(",
        b"]",
        b"}",
        b"i",
        b")",
        b"\x8c",
        b"\x95",
        b"S",
        b"V",
        b"U",
        b"X",
        b"K",
    )


def _trailing(context: Context, window: Window) -> bool:
    """Bytes behind the last STOP: padding is nothing, the rest is something to ask about."""
    offset, rest = window.position, window.peek(1 << 16)
    if not rest.strip(b"\0\r\n\t "):
        return True
    context.add("trailing-data", "bytes that are no pickle follow the pickle", offset=offset)
    embedded.look(context, rest, offset)
    return False


@contextmanager
def without_collector() -> Iterator[None]:
    """Hold back the cyclic collector: a walk makes a million live objects and no garbage (a third of the time)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
