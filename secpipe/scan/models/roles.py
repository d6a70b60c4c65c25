"""Arguments judged by their roles: what a callable calls, imports or unpickles must stand in the pickle as such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from secpipe.formats.pickle.values import Call, DictItems, Global, Items, Long, Value, render
from secpipe.scan.models.allow import Use
from secpipe.scan.models.context import Context
from secpipe.scan.models.signatures import PLAIN, Role, Signature

_PARTIAL: Final = "functools.partial"
_CHAIN: Final = 16  # partials inside partials that are followed
#: What their callables make holds what they are given: it may be a text.
_GENERAL: Final = frozenset(
    {"builtins", "__builtin__", "itertools", "functools", "operator", "_operator", "collections"}
)
_DEPTH: Final = 4  # containers inside containers that are looked through
#: Make text or bytes while loading: what they make may be a file name.
_TEXTS: Final = frozenset({"str", "bytes", "bytearray", "encode", "format", "chr", "repr", "ascii", "str_", "bytes_"})


class Judge(Protocol):
    """Who judges a pickle: what the roles of arguments ask of it."""

    context: Context

    def imported(self, value: Global) -> None: ...
    def called(self, call: Call) -> Value: ...
    def judge(self, value: Global, use: Use, call: Call | None) -> None: ...
    def attribute(self, call: Call) -> Value: ...
    def encoded(self, call: Call) -> Value: ...
    def unpickled(self, data: bytes, offset: int) -> None: ...
    def tell(self, rule: str, message: str, value: Global | Call, subject: str = "", allow: str = "") -> None: ...


def judge_arguments(judge: Judge, call: Call, signature: Signature) -> Value:
    """Judge the arguments of a call of a listed callable; return what is known of the result, None if nothing is."""
    arguments = call.arguments
    if not isinstance(arguments, tuple):
        if signature is not PLAIN:
            judge.tell("computed-call", f"calls with arguments that it computes: {render(call)}", call)
        return None
    known = None
    for index, role in enumerate(signature.of(len(arguments))):
        if handler := _HANDLERS.get(role.kind):
            known = handler(judge, call, arguments, index, role) or known
    return known


def judge_construction(judge: Judge, made: Global, call: Call, arguments: Value) -> None:
    """Judge what `__new__` of a class is given: an unlisted one may open what it is told the name of."""
    signature = judge.context.allow.signature(made.module, made.name)
    if signature is not None:
        if isinstance(arguments, tuple):
            judge_arguments(judge, Call(made, arguments, call.how, call.offset), signature)
        _keywords(judge, made, call.keywords, call)
        return
    values = arguments if isinstance(arguments, tuple) else (arguments,)
    if _spells(values, str(made.name)):
        return
    keywords = call.keywords[1::2] if isinstance(call.keywords, DictItems) else []
    if isinstance(arguments, Call) or isinstance(call.keywords, Call):
        judge.tell("computed-call", f"constructs with arguments that it computes: {render(call)}", call)
    elif any(_names_something(value) for value in (*values, *keywords)):
        subject = f"{made.module}.{made.name}"
        allow = judge.context.allow.addition(made.module, made.name)
        judge.tell(
            "unlisted-class", f"constructs {render(call)} with a text that may name a file", call, subject, allow
        )


def _spells(values: tuple[Value, ...], name: str) -> bool:
    """Tell whether arguments are letters that spell the name of their class, as torchmetrics gives them."""
    letters = [value for value in values if isinstance(value, str) and len(value) == 1]
    return len(letters) == len(values) and "".join(letters).startswith(name)


def judge_partial(judge: Judge, target: Call, state: Value) -> None:
    """Judge the state of a `functools.partial`, which replaces what it calls and with what."""
    if target.lent or not (isinstance(state, tuple) and len(state) == 4 and isinstance(state[1], tuple)):
        judge.tell("computed-call", f"changes what {render(target)} calls", target)
    else:
        kept = Call(target.function, (state[0], *state[1]), "REDUCE", target.offset, state[2])
        _kept(judge, kept, (state[0], *state[1]), 0, Role("kept"))


def _keywords(judge: Judge, function: Global, keywords: Value, call: Call) -> None:
    """Judge keywords for a callable of the list: no role stands for them, so what can be called counts as called."""
    if isinstance(keywords, Call):
        judge.tell("computed-call", f"calls with keywords that it computes: {render(call)}", call)
    elif isinstance(keywords, Items) and judge.context.allow.signature(str(function.module), str(function.name)):
        for value in keywords[1::2]:
            if isinstance(value, Global) or (isinstance(value, Call) and not _is_datum(judge, value)):
                apply(judge, value, None, call)


def _is_datum(judge: Judge, value: Call) -> bool:
    """Tell whether a call of a listed callable makes something that cannot be called."""
    made = value.function
    if not isinstance(made, Global) or is_partial(judge, value):
        return False
    signature, path = judge.context.allow.signature(str(made.module), str(made.name)), _path(judge, made)
    return signature is not None and signature.is_plain and path not in judge.context.allow.returns


def is_partial(judge: Judge, value: Value) -> bool:
    """Tell whether a value is a call of `functools.partial`."""
    return isinstance(value, Call) and isinstance(value.function, Global) and _path(judge, value.function) == _PARTIAL


def handed_on(judge: Judge, value: Value, depth: int = _DEPTH) -> Global | None:
    """Return a callable in `value` that reaches anything for whoever calls it, None where there is none."""
    if isinstance(value, Global):
        signature = judge.context.allow.roles.get(_path(judge, value))
        return value if signature is not None and signature.is_keen else None
    if depth and isinstance(value, tuple | Items):
        return next((found for item in value if (found := handed_on(judge, item, depth - 1))), None)
    return None


def _path(judge: Judge, value: Global) -> str:
    return judge.context.allow.path(str(value.module), str(value.name))


def is_shared(judge: Judge, target: Call) -> bool:
    """Tell whether a container is only a view of one that was there before the pickle was loaded."""
    if not isinstance(target.function, Global) or not isinstance(target.arguments, tuple):
        return False
    signature = judge.context.allow.roles.get(_path(judge, target.function), PLAIN)
    for value, role in zip(target.arguments, signature.of(len(target.arguments)), strict=False):
        made = value.function if isinstance(value, Call) else value
        there = isinstance(made, Global) and (made is value or _path(judge, made) in judge.context.allow.returns)
        if there and role.kind in {"data", "used"}:
            return True
    return False


def makes_text(value: Value) -> bool:
    """Tell whether a value is a text, bytes or path that the pickle makes while loading."""
    made = value.function if isinstance(value, Call) else None
    return isinstance(made, Global) and (
        str(made.name).partition(".")[0] in _TEXTS or str(made.module).startswith("pathlib")
    )


def _names_something(value: Value, depth: int = _DEPTH) -> bool:
    if isinstance(value, Call):
        if makes_text(value):
            return True
        made, arguments = value.function, value.arguments
        if isinstance(made, Global) and made.name == "scalar" and isinstance(arguments, tuple) and arguments:
            dtype = arguments[0]  # of numpy: one of letters is a text
            return isinstance(dtype, Call) and render(dtype.arguments).lstrip("('<>|=")[:1] in {"U", "S"}
        if not isinstance(made, Global) or made.module not in _GENERAL:
            return False
        value = arguments if isinstance(arguments, tuple) else (arguments,)
    if isinstance(value, DictItems):
        value = tuple(value[1::2])  # keys are names of parts
    if depth and isinstance(value, tuple | Items):
        return any(_names_something(item, depth - 1) for item in value)
    return isinstance(value, str | bytes | Long) and bool(value)


def _is_callable(value: Value) -> bool:
    return isinstance(value, Global | Call)


def _called(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    callee = arguments[index]
    if not _is_callable(callee):
        return None  # text and numbers cannot be called
    given: tuple[Value, ...] | None = None
    if role.detail is not None:
        given = ()
        for word in role.detail.split():
            place = int(word.lstrip("*"))
            value = arguments[place] if place < len(arguments) else ()
            if not word.startswith("*"):
                given += (value,)
            elif isinstance(value, tuple):
                given += value
            else:
                judge.tell("computed-call", f"calls with arguments that it computes: {render(call)}", call)
    result = apply(judge, callee, given, call)
    if (role.detail or "").startswith("*") and (isinstance(result, Global) or _returns(judge, callee)):
        judge.tell("state-on-import", f"sets attributes of what {render(callee)} returns", call)
    return None


def apply(judge: Judge, callee: Value, given: tuple[Value, ...] | None, call: Call, chain: int = _CHAIN) -> Value:
    """Judge a call that a listed callable makes; `given` are the arguments, None if nobody knows them."""
    if isinstance(callee, Global) and not callee.extension:
        if given is not None:
            return judge.called(Call(callee, given, "REDUCE", call.offset))
        judge.judge(callee, Use.CALL, call)
        signature = judge.context.allow.roles.get(_path(judge, callee))
        if signature is not None and not signature.is_plain:
            judge.tell("computed-call", f"calls {render(callee)} with arguments that it computes", call)
    elif chain and is_partial(judge, callee):
        callee.lent = True
        function, *bound = _carried(callee) or (None,)
        return apply(judge, function, None if given is None else (*bound, *given), call, chain - 1)
    else:
        judge.tell("computed-call", f"calls a computed value: {render(call)}", call)
    return None


def _carried(partial: Call) -> tuple[Value, ...]:
    """Return what a partial calls, and its first arguments."""
    state = partial.state
    if isinstance(state, tuple) and len(state) == 4 and isinstance(state[1], tuple):
        return (state[0], *state[1])
    return partial.arguments if isinstance(partial.arguments, tuple) else ()


def _returns(judge: Judge, callee: Value) -> bool:
    return isinstance(callee, Global) and _path(judge, callee) in judge.context.allow.returns


def _kept(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    callee = arguments[index]
    if isinstance(callee, Global) and not callee.extension:
        signature = judge.context.allow.roles.get(_path(judge, callee))
        if signature is not None and not signature.is_plain:
            judge_arguments(judge, Call(callee, arguments[index + 1 :], "REDUCE", call.offset), signature)
        _keywords(judge, callee, call.keywords, call)
    elif _is_callable(callee) and not is_partial(judge, callee):
        judge.tell("computed-call", f"keeps a computed value to call it: {render(call)}", call)
    return None


def _used(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    made = _made_of_library(judge, arguments[index], _DEPTH if role.detail else 0)
    if made is not None:
        path = _path(judge, made)
        judge.tell("unlisted-class", f"runs methods of {render(made)}: {render(call)}", call, path, path)
    return None


def _made_of_library(judge: Judge, value: Value, depth: int) -> Global | None:
    """Return the class of an object that is made without a call, of which only the package is known."""
    if isinstance(value, Call):
        made, name = value.function, str(getattr(value.function, "name", ""))
        if name in {"_reconstructor", "__newobj__", "__newobj_ex__"} and isinstance(value.arguments, tuple):
            made = value.arguments[0] if value.arguments else None
        elif value.how not in {"NEWOBJ", "NEWOBJ_EX"}:
            return None
        unlisted = isinstance(made, Global) and judge.context.allow.signature(str(made.module), str(made.name)) is None
        return made if unlisted else None
    if depth and isinstance(value, tuple | Items):
        return next((made for item in value if (made := _made_of_library(judge, item, depth - 1))), None)
    return None


def _class(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    made = arguments[index]
    if not isinstance(made, Global) or made.extension:
        judge.tell("computed-call", f"constructs a computed class: {render(call)}", call)
        return None
    judge.judge(made, Use.CONSTRUCT, call)
    if role.detail and str(made.module).partition(".")[0] != role.detail:
        judge.tell("unlisted-class", f"constructs {render(made)}, which is none of {role.detail}", call)
    return None


def _arguments(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    made = arguments[0]
    if index == 1 and isinstance(made, Global):
        rest: Value = arguments[1:]
        if str(getattr(call.function, "name", "")).endswith("_ex__"):  # a tuple, and a dictionary of keywords
            rest = arguments[1]
            call = Call(call.function, call.arguments, call.how, call.offset, arguments[-1])
        judge_construction(judge, made, call, rest)
    return None


def _instance(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    value = arguments[index]
    made = value.function if isinstance(value, Call) else None
    if isinstance(made, Global) and made.name == "_reconstructor" and isinstance(value.arguments, tuple):
        made = value.arguments[0] if value.arguments else None
    own = isinstance(made, Global) and str(made.module).partition(".")[0] == role.detail
    state = value.state if own else None
    if not own or (isinstance(state, Items) and any(_is_callable_name(item) for item in state[1::2])):
        judge.tell("computed-call", f"calls methods of a computed value: {render(call)}", call)
    return None


def _is_callable_name(value: Value) -> bool:
    return isinstance(value, Global) and value.name[:1].islower()


def _base(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    base, allow = arguments[index], judge.context.allow
    if not isinstance(base, Global):
        judge.tell("computed-call", f"runs the __init__ of a computed class: {render(call)}", call)
    elif (path := _path(judge, base)) not in allow.bases and path not in allow.classes:
        judge.tell("unlisted-class", f"runs the __init__ of {render(base)}", base)
    return None


def _imported(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    module, name = (*arguments[index : index + 2], None)[:2]
    named = Global(module, name, call.offset)
    judge.imported(named)  # a name that is no text is told there
    return named


def _attribute(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    return judge.attribute(call)


def _encoded(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    _used(judge, call, arguments, index, role)
    return judge.encoded(call)


def _unpickled(judge: Judge, call: Call, arguments: tuple[Value, ...], index: int, role: Role) -> Value:
    value = arguments[index]
    if isinstance(value, bytes):
        judge.unpickled(value, call.offset)
    elif isinstance(value, Long):
        judge.context.unread("resource-limit", "bytes that are unpickled are too long to be looked into", call.offset)
    elif value is not None or not isinstance(call.arguments, tuple):
        judge.tell("computed-call", f"unpickles bytes that it makes while loading: {render(call)}", call)
    return None


_HANDLERS: Final[dict[str, Callable[[Judge, Call, tuple[Value, ...], int, Role], Value]]] = {
    "used": _used,
    "called": _called,
    "kept": _kept,
    "class": _class,
    "args": _arguments,
    "instance": _instance,
    "base": _base,
    "imported": _imported,
    "attribute": _attribute,
    "encoded": _encoded,
    "unpickled": _unpickled,
}
