"""Pickles that only use what the allow-list names, and yet call, import or unpickle: made by roles."""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from secpipe.scan.models.allow import shipped_list
from secpipe.scan.models.signatures import Role
from tests.metamorphic.models.writing import Do, Name, Writer

#: May be referred to, for a library carries it; nothing says that it is harmless to call.
SINKS: Final = tuple(map(Name, (
    "sklearn.utils.extmath.softmax", "numpy.core.fromnumeric.sort", "scipy.special._basic.factorial", "torch.nn.init.kaiming_",
)))  # fmt: skip
#: Classes that may be constructed by `__new__` without arguments, whose calls nothing says to be harmless.
CLASSES: Final = tuple(map(Name, ("sklearn.pipeline.Pipeline", "torch.utils.data.dataloader.DataLoader")))
_DANGER: Final = frozenset({"called", "imported", "attribute", "unpickled", "class", "base", "instance", "kept"})
#: Builtins that call an argument which only a keyword gives them.
KEYED: Final = (("builtins.max", "key"), ("builtins.min", "key"), ("builtins.sorted", "key"))
#: Iterate, compare, index or ask for the length: methods of the object's own class run.
USERS: Final = (
    "list",
    "tuple",
    "set",
    "sorted",
    "sum",
    "max",
    "any",
    "len",
    "iter",
    "repr",
    "dict",
    "bytes",
    "enumerate",
)


def forms(path: str) -> Iterator[list[Role]]:
    """Return the roles of a callable, as many as a caller would give."""
    for form in shipped_list().roles[path].forms:
        yield [*form, *([form[-1]] * 2 if form[-1].rest else [])]


PATHS: Final = sorted(shipped_list().roles)
#: Callables in whose arguments there is a role of danger.
KEEN: Final = [path for path in PATHS if any(role.kind in _DANGER for form in forms(path) for role in form)]
_PLAIN: Final = [
    path for path in PATHS if path.startswith(("builtins.", "collections.", "itertools.")) and path not in KEEN
]


@dataclass(slots=True)
class Maker:
    """Composes gadgets of at most `depth` callables."""

    chance: random.Random
    evil: bytes = b"cposix\nsystem\n(X\x02\x00\x00\x00idtR."

    def gadget(self, depth: int = 4) -> Any:
        """Return a value whose making does what no datum does."""
        kind = self.chance.choice(
            (self.by_role, self.by_role, self.by_role, self.by_keyword, self.by_method, self.by_call)
        )
        return self.wrapped(kind(depth), depth - 1)

    def by_call(self, depth: int) -> Any:
        return Do(self.callable(depth), (1,))

    def by_role(self, depth: int) -> Any:
        """A callable of the list with the sink where it calls, imports, takes an attribute or unpickles."""
        path = self.chance.choice(KEEN)
        form = self.chance.choice(list(forms(path)))
        places = [place for place, role in enumerate(form) if role.kind in _DANGER]
        if not places:
            return Do(Name("builtins.iter"), (self.callable(depth), 0))
        place = self.chance.choice(places)
        arguments = [self.fitting(role, depth - 1) for role in form]
        arguments[place : place + 2] = self.hostile(form[place], depth)[: len(form) - place] or [self.callable(depth)]
        if len(arguments) < len(form):
            arguments += [self.datum(1) for _ in form[len(arguments) :]]
        made = Do(Name(path), tuple(arguments), self._how(path))
        if form[place].kind == "kept":
            return self.run(made)
        return Do(Name("builtins.list"), (made,)) if path in {"builtins.map", "builtins.filter"} else made

    def _how(self, path: str) -> str:
        return (
            self.chance.choice(("call", "new"))
            if path in {"builtins.map", "builtins.filter", "functools.partial"}
            else "call"
        )

    def hostile(self, role: Role, depth: int) -> list[Any]:
        """Return what makes a role dangerous, and what follows it."""
        match role.kind:
            case "imported":
                return self.chance.choice(([self.text("posix"), self.text("system")], [self.computed(depth), "x"]))
            case "attribute":
                return [self.chance.choice(("__globals__", "__class__", self.computed(depth))), None]
            case "unpickled":
                return [self.bytes()]
            case "class":
                return [
                    self.chance.choice((self.computed(depth), Name("os._wrap_close"), Name("zipimport.zipimporter")))
                ]
            case "base":
                return [self.chance.choice((Name("sklearn.pipeline.Pipeline"), self.computed(depth)))]
            case "instance":
                return [
                    self.chance.choice(
                        (Do(Name("types.SimpleNamespace"), (), "new", state={"rvs": SINKS[0]}), self.callable(depth))
                    )
                ]
        return [self.callable(depth)]

    def callable(self, depth: int) -> Any:
        """Return something that runs unknown code for whoever calls it."""
        sink = self.chance.choice(SINKS)
        if depth <= 1 or self.chance.random() < 0.3:
            return sink
        inner = self.callable(depth - 1)
        makers: list[Callable[[], Any]] = [
            lambda: Do(Name("functools.partial"), (inner, 1)),
            lambda: Do(Name("functools.partial"), (inner,), "new"),
            lambda: Do(Name("functools.partial"), (Name("builtins.int"),), state=(inner, (), {}, None)),
            lambda: Do(Name("functools.partial"), (Name("builtins.int"),), "new", state=(inner, (), {}, None)),
            lambda: Do(Name("builtins.next"), (Do(Name("builtins.iter"), ([inner],)),)),
            lambda: Do(Name("builtins.max"), ([inner],)),
            lambda: Do(Name("numpy.vectorize"), (inner,)),
            lambda: Do(Name("builtins.getattr"), (inner, "__call__")),
            lambda: Do(Name("types.GenericAlias"), (inner, (Name("builtins.int"),))),
            lambda: Do(Name("functools.partial"), (Name("builtins.max"),), state=(Name("builtins.max"), (), {"key": inner}, None)),
        ]  # fmt: skip
        return self.chance.choice(makers)()

    def run(self, value: Any) -> Any:
        """Return something that calls a callable value."""
        return self.chance.choice((
            Do(Name("collections.defaultdict"), (value,)), Do(Name("builtins.list"), (Do(Name("builtins.map"), (value, [1])),)),
            Do(Name("builtins.iter"), (value, 0)), Do(value, (1,)), Do(Name("configparser.RawConfigParser"), (None, value)),
        ))  # fmt: skip

    def by_keyword(self, depth: int) -> Any:
        """A keyword that is called, given to what calls it."""
        path, key = self.chance.choice(KEYED)
        given = self.callable(depth - 1)
        partial = self.chance.choice((
            Do(Name("functools.partial"), (Name(path),), state=(Name(path), (), {key: given}, None)),
            Do(Name("functools.partial"), (Name(path),), "new_ex", ((key, given),)),
            Do(Name("copyreg.__newobj_ex__"), (Name("functools.partial"), (Name(path),), {key: given})),
        ))  # fmt: skip
        return self.run(partial)

    def by_method(self, depth: int) -> Any:
        """An object of a library, holding a callable, whose methods a builtin runs."""
        made = Do(self.chance.choice(CLASSES), (), "new", state={"collate_fn": self.callable(depth - 1), "steps": [1]})
        user = Name(f"builtins.{self.chance.choice(USERS)}")
        return self.chance.choice((
            Do(user, (made,)), Do(Name("builtins.sorted"), ([made, made],)), Do(Name("builtins.sum"), ([made],)),
            Do(Name("builtins.list"), (Do(Name("builtins.map"), (user, [made])),)), Do(Name("builtins.iter"), (Do(Name("functools.partial"), (user, made)), 0)),
            Do(Name("builtins.str.format"), ("{0}", made)), Do(Name("builtins.str.join"), ("", made)),
            Do(Name("collections.deque"), (made,)), Do(Name("collections.Counter"), (made,)), Do(Name("math.prod"), (made,)),
            Do(Name("copyreg.__newobj__"), (Name("builtins.tuple"), made)), Do(Name("builtins.frozenset"), (made,), "new"),
            Do(made.function, (), "new", state=made.state, items=((1, 2),)), Do(Name("numpy.matrix"), (made,)),
            Do(Name("builtins.list"), (Do(Name("copyreg._reconstructor"), (made.function, Name("builtins.object"), None), state=made.state),)),
        ))  # fmt: skip

    def bytes(self) -> Any:
        text = self.evil.decode("latin-1")
        return self.chance.choice((
            self.evil, b"K\x000" + self.evil, b"\x80\x04" + self.evil, Do(Name("builtins.bytes"), (list(self.evil),)),
            Do(Name("builtins.bytearray"), (Do(Name("collections.deque"), (list(self.evil),)),)),
            Do(Name("_codecs.encode"), (text, self.chance.choice(("latin1", "utf-8", "ascii", "raw_unicode_escape")))),
            Do(Name("builtins.bytes.join"), (b"", [self.evil[:9], self.evil[9:]])),
            Do(Name("builtins.str.encode"), (text,)), Do(Name("builtins.bytes.replace"), (b"#" + self.evil, b"#", b"")),
            Do(Name("builtins.max"), ([self.evil],)), Do(Name("builtins.bytes.fromhex"), (self.evil.hex(),)),
            Do(Name("builtins.int.to_bytes"), (5, 1, "big")), Do(Name("numpy.bytes_"), (self.evil,)),
        ))  # fmt: skip

    def text(self, text: str) -> Any:
        return self.chance.choice(
            (text, text, Do(Name("builtins.str"), (text,)), Do(Name("builtins.str.join"), ("", list(text))))
        )

    def computed(self, depth: int) -> Any:
        return self.chance.choice((
            Do(Name("builtins.next"), (Do(Name("builtins.iter"), ([self.callable(depth - 1)],)),)),
            Do(Name("builtins.max"), ([self.callable(depth - 1)],)), Do(Name("functools.partial"), (self.callable(depth - 1),)),
        ))  # fmt: skip

    def fitting(self, role: Role, depth: int) -> Any:
        """Return what a library would give in this role."""
        match role.kind:
            case "called" | "kept":
                return Name("builtins.int")
            case "class" | "base":
                return Name("collections.OrderedDict")
            case "imported":
                return "numpy"
            case "attribute":
                return "real"
            case "unpickled":
                return b"\x80\x02N."
        return self.datum(depth)

    def datum(self, depth: int) -> Any:
        if depth <= 0:
            return self.chance.choice((1, "text", None, True, b"bytes"))
        return self.chance.choice((
            1, "text", [self.datum(depth - 1)], (self.datum(depth - 1),), {"a": self.datum(depth - 1)},
            Do(Name("builtins.list"), ([1],)), Do(Name("collections.OrderedDict"), ()),
        ))  # fmt: skip

    def wrapped(self, value: Any, depth: int) -> Any:
        """Put a value where a library keeps data."""
        while depth > 0 and self.chance.random() < 0.6:
            depth -= 1
            value = self.chance.choice((
                [value], (value, 1), {"a": value}, Do(Name("collections.OrderedDict"), (), items=(("k", value),)),
                Do(Name("sklearn.pipeline.Pipeline"), (), "new", state={"steps": value}),
                Do(Name("types.SimpleNamespace"), (), state={"a": value}), Do(Name(self.chance.choice(_PLAIN)), (value,)),
            ))  # fmt: skip
        return value


def made(seed: int) -> tuple[Any, bytes]:
    """Return one gadget and a pickle of it; the same for the same seed."""
    chance = random.Random(seed)
    value = Maker(chance).gadget()
    return value, Writer(chance).whole(value)
