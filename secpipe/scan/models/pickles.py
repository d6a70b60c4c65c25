"""Pickles: what an unpickler would import, call and build, held against the allow-list."""

from __future__ import annotations

import gc
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from secpipe.formats.pickle.machine import SHOWN, Machine
from secpipe.formats.pickle.values import KEPT, Call, DictItems, Global, Items, Long, Value, render
from secpipe.formats.pickle.window import Broken, OverBound, Window
from secpipe.formats.sniff import HEAD, sniff
from secpipe.formats.stream import Readable
from secpipe.scan.models import arrays, embedded, roles, torch_storage
from secpipe.scan.models.allow import Use
from secpipe.scan.models.context import Context
from secpipe.scan.models.growth import Growth
from secpipe.scan.models.signatures import PLAIN

_TYPE: Final = "builtins.type"
_MAPPINGS: Final = frozenset({"collections.OrderedDict", "collections.defaultdict", "collections.Counter"})
#: Whatever a file on the path of imports may be called, and a name in it: no blank and no mark that prose has.
_NAME: Final = re.compile(r"[^\s()\[\]{}=#:;,!?\"'`*<>|]+")
_ENCODINGS: Final = {"latin1": "latin-1", "iso88591": "latin-1", "ascii": "ascii", "utf8": "utf-8"}
_CONSTRUCTIONS: Final = frozenset({"NEWOBJ", "NEWOBJ_EX"})


class Judge:
    """Listens to a pickle and records what is not on the allow-list."""

    def __init__(self, context: Context, *, torch: bool = False) -> None:
        self.context = context
        self.torch = torch  # persistent ids name tensor storages
        self.machine: Machine | None = None
        self.imports = self.calls = 0
        self.stops: bool | None = None  # its first import names what no module can be called: an unpickler ends there
        self.storages: dict[str, int] = {}  # bytes of each that a persistent id names
        self.growth = Growth()
        self.faults: dict[tuple[str, str, Use], str] = {}  # of what was judged already
        self.filled: dict[int, tuple[Call, list[Value]]] = {}  # calls that items with such names are put into
        self.keen = False  # a callable is imported that reaches anything for whoever calls it
        #: Attributes that some class runs as code and this pickle may name; short ones are not told when they are read.
        self.executed = {name for name in context.allow.executed if len(name) <= SHOWN}

    def imported(self, value: Global) -> None:
        """An import alone: harmless or not by what it names."""
        if self.stops is None:
            names = (value.module, value.name)
            self.stops = not value.extension and any(type(one) is str and not _NAME.fullmatch(one) for one in names)
        if value.extension:
            self.tell("extension-code", "imports a name by a number that only the loading machine can resolve", value)
            return
        self.imports += 1
        if not (isinstance(value.module, str) and isinstance(value.name, str)):
            value.module, value.name = render(value.module), render(value.name)
            self.tell("computed-name", "imports a name that it computes while loading", value)
        else:
            self.judge(value, Use.REFERENCE, None)
            signature = self.context.allow.roles.get(self.context.allow.path(value.module, value.name), PLAIN)
            self.keen |= signature is not PLAIN and signature.is_keen

    def called(self, call: Call) -> Value:
        """A call or construction; returns what is known of its result."""
        function = call.function
        self.calls += 1
        if call.how in {"INST", "OBJ"}:
            self.tell("legacy-call", "uses an opcode that no pickler of Python 3 writes", call)
        if not isinstance(function, Global) or function.extension:
            self.tell("computed-call", f"calls a computed value: {render(call)}", call)
            return None
        path = self.context.allow.path(function.module, function.name)
        if reason := self.growth.of(call, path):
            self.context.unread("resource-limit", f"{reason} while loading: {render(call)}", call.offset)
        if path == _TYPE:
            if call.how in _CONSTRUCTIONS or not (isinstance(call.arguments, tuple) and len(call.arguments) == 1):
                self.tell("unlisted-call", f"makes a class: {render(call)}", call, path)
            return None  # with one argument it asks for the type of a datum
        if call.how in _CONSTRUCTIONS:
            self.judge(function, Use.CONSTRUCT, call)
            if call.arguments != () or call.keywords:
                roles.judge_construction(self, function, call, call.arguments)
            return None
        self.judge(function, Use.CALL, call)
        if self.keen and (found := roles.handed_on(self, self._as_data(call, path))):
            self.tell("unlisted-import", f"hands {render(found)} on, to be called with anything", found)
        signature = self.context.allow.roles.get(path) or self.context.allow.signature(function.module, function.name)
        return roles.judge_arguments(self, call, signature) if signature not in {PLAIN, None} else None

    def _as_data(self, call: Call, path: str) -> Value:
        """Return those arguments of a call that it does not judge by a role of their own."""
        signature = self.context.allow.roles.get(path, PLAIN)
        arguments = call.arguments if isinstance(call.arguments, tuple) else (call.arguments,)
        kinds = [role.kind for role in signature.of(len(arguments))]
        return tuple(
            value for value, kind in zip(arguments, kinds, strict=False) if kind in {"data", "used", "instance"}
        )

    def built(self, target: Value, state: Value, offset: int) -> None:
        """BUILD: a state for an object; joblib reads an array right behind it."""
        if isinstance(target, Global):
            self.tell("state-on-import", f"sets attributes of {render(target)} itself", target)
        elif isinstance(target, Call) and roles.is_partial(self, target):
            roles.judge_partial(self, target, state)
        elif isinstance(target, Call):
            self._set_on(target, "attributes of")
        for part in state if isinstance(state, tuple) and len(state) == 2 else (state,):  # of attributes, of slots
            if isinstance(part, DictItems):
                self._named(target, part)
            elif isinstance(part, Call) and part is not target:
                self._made_state(target, part)
        if arrays.is_beyond(target, state):
            self.tell("pickle-structure", f"has a field outside its own bytes: {render(target)}", target)
        if self.keen and (found := roles.handed_on(self, state)):
            self.tell("unlisted-import", f"hands {render(found)} on, to be called with anything", found)
        slots = state[1] if isinstance(state, tuple) and len(state) == 2 else None
        if isinstance(slots, DictItems) and any(type(key) is str and key.startswith("__") for key in slots[::2]):
            self.tell("attribute-path", f"sets special attributes of {render(target)}", target)
        if arrays.is_wrapper(target) and self.machine:
            arrays.skip_array(self.context, self.machine, target, self)

    def altered(self, target: Value, values: list[Value], offset: int) -> None:
        """Items put into something that is no container of the pickle's own."""
        if isinstance(target, Global):
            self.tell("state-on-import", f"puts items into {render(target)} itself", target)
        elif isinstance(target, Call):
            self._set_on(target, "items of")
            if target.state is not None:
                self.noted("items are put into an object that has its state already", offset)
            if roles.is_shared(self, target):
                self.tell("state-on-import", f"puts items into what {render(target)} stands over", target)
            if str(getattr(target.function, "name", "")).startswith("_rebuild_"):
                self.noted("items are put into a tensor", offset)
            if any(type(key) is str and key in self.context.allow.executed for key in values[::2]):
                self.filled[id(target)] = (target, values)

    def _set_on(self, target: Call, what: str) -> None:
        """State for the result of a call: not for one that was there before the pickle was loaded."""
        function = target.function
        if not isinstance(function, Global) or target.how in _CONSTRUCTIONS:
            return
        if self.context.allow.path(str(function.module), str(function.name)) in self.context.allow.returns:
            self.tell("state-on-import", f"sets {what} what {render(function)} returns", target)

    def _made_state(self, target: Value, state: Call) -> None:
        """A state that is made by a call: of a dictionary what is known of its items, of any other call nothing."""
        made = state.function
        path = self.context.allow.path(str(made.module), str(made.name)) if isinstance(made, Global) else ""
        arguments = state.arguments if isinstance(state.arguments, tuple) else (state.arguments,)
        if path == "builtins.dict" or (path in _MAPPINGS and any(isinstance(part, Call) for part in arguments)):
            self.tell("attribute-path", f"sets attributes of {render(target)} whose names it computes", target)
        pairs = DictItems(self.filled.get(id(state), (state, []))[1])
        if isinstance(state.state, DictItems):  # of a UserDict
            arguments += (state.state, *state.state[1::2])
        for part in arguments:
            if isinstance(part, DictItems):
                pairs += part
            elif isinstance(part, Items | tuple):
                pairs += [item for pair in part if isinstance(pair, tuple) and len(pair) == 2 for item in pair]
        self._named(target, pairs)

    def _named(self, target: Value, state: DictItems) -> None:
        """The names of attributes: none is computed, and none is run as code but what its library writes."""
        if Call in set(map(type, keys := state[::2])) and any(map(roles.makes_text, keys)):
            self.tell("attribute-path", f"sets an attribute of {render(target)} whose name it computes", target)
        for name in self.executed:
            text = state.value(name)
            unseen = text is None and len(state) >= KEPT  # only the first items of a large state are known
            written = isinstance(text, str) and self.context.allow.executed[name].fullmatch(text)
            if unseen or (text is not None and not written):
                self.tell("code-object", f"sets {name}, which {render(target, 1)} runs as code", target)

    def content(self, value: str | bytes | Long, offset: int) -> None:
        """A string or bytes that may hold a pickle or archive of its own."""
        if type(value) is str and len(value) < 64 and value in self.context.allow.executed:
            self.executed.add(value)
        elif embedded.worth_a_look(value):
            embedded.look(self.context, value, offset)

    def persistent(self, value: Value, offset: int) -> Value:
        """A reference to something outside the pickle."""
        if self.torch and (storage := torch_storage.declared(value)):
            self.storages[storage[0]] = storage[1]
        elif self.torch and (made := torch_storage.container(value)):
            return made  # PyTorch's loader puts the class itself in its place
        else:
            message = f"asks its loader for an object by an id: {render(value)}"
            self.context.add("persistent-id", message, subject=render(value), offset=offset)
        return torch_storage.Storage(value)

    def noted(self, fault: str, offset: int) -> None:
        """The structure departs from what any pickler writes."""
        self.context.add("pickle-structure", f"{fault}, which no pickler writes", subject=fault, offset=offset)

    def judge(self, value: Global, use: Use, call: Call | None) -> None:
        asked = (value.module, value.name, use)
        if (rule := self.faults.get(asked)) is None:
            rule = self.faults[asked] = self.context.allow.fault(*asked)
        if rule:
            what, subject = render(call) if call else render(value), f"{value.module}.{value.name}"
            if call:
                self.context.drop("dangerous-import", subject)
                self.context.drop("unlisted-import", subject)
            self.tell(
                rule,
                f"{use.value} {what}",
                call or value,
                subject,
                self.context.allow.addition(value.module, value.name),
            )

    def attribute(self, call: Call) -> Value:
        """getattr: of an import it is one more dotted name; of data a bound method that may not be called."""
        match call.arguments:
            case (Global() as owner, str() as name):
                dotted = Global(owner.module, f"{owner.name}.{name}", call.offset)
                self.imported(dotted)
                return dotted
            case (Call(how="REDUCE", function=Global() as made), str() as name) if self._is_listed(made, name):
                return Global(made.module, f"{made.name}.{name}", call.offset)  # a method of it, by its roles
            case (str() | Items() | tuple() | int() | Call(), str() as name) if name.isidentifier() and name[0] != "_":
                return None
            case (Call(how="NEWOBJ") | Call(function=Global(name="_reconstructor")), str() as name) if (
                name.isidentifier() and not name.startswith("__")
            ):
                return None  # a method of the object's own, as `randint` of scipy has
            case _:
                self.tell("attribute-path", f"takes an attribute by {render(call)}", call)
        return None

    def _is_listed(self, made: Global, name: str) -> bool:
        return f"{self.context.allow.path(str(made.module), str(made.name))}.{name}" in self.context.allow.roles

    def encoded(self, call: Call) -> Value:
        """Bytes as protocols 0 to 2 write them: a string and its encoding; look into the bytes."""
        match call.arguments:
            case (str() as text, str() as encoding) if name := _ENCODINGS.get(
                encoding.lower().replace("-", "").replace("_", "")
            ):
                try:
                    return text.encode(name)  # as latin-1 the string was looked into when it was read
                except UnicodeEncodeError:
                    return None  # so loading ends here
            case (bytes() as data,) | (bytes() as data, _):
                return data
            case () | (Items() | int() | None,):
                return None
            case (Call() | Global() | Long(), *_):
                return None
            case _:
                self.tell("encoded-data", f"decodes data while loading: {render(call)}", call)
                return None

    def unpickled(self, data: bytes, offset: int) -> None:
        """Bytes that the pickle unpickles itself: whatever they look like, they are taken for a pickle or archive."""
        context = self.context.inside(f"bytes at {offset}")
        if context.depth > context.limits.nesting:
            context.unread("resource-limit", f"nested deeper than {context.limits.nesting}")
        elif data[:4] == b"PK\x03\x04" or sniff(data[:HEAD], len(data)) == "tar":
            embedded.look(self.context, data, offset)
        else:
            scan_pickles(context, io.BytesIO(data), torch=True)

    def tell(self, rule: str, message: str, value: Global | Call, subject: str = "", allow: str = "") -> None:
        """Record a finding about a value of the pickle."""
        text = render(value)
        self.context.add(rule, message, subject=subject or text, offset=value.offset, call=text, allow=allow)


@dataclass(frozen=True, slots=True)
class Walked:
    """What a stream turned out to be."""

    pickles: int = 0  # that ended in STOP
    imports: int = 0
    calls: int = 0
    whole: bool = False  # nothing else follows
    stops: bool = False  # at its first import, before anything runs
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
    return Walked(count, judge.imports, judge.calls, whole, bool(judge.stops), judge.storages)


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
