"""What a Python expression amounts to, worked out from its syntax alone: strings put together, encoded, named, passed
on.

Nothing is executed. The result is every value the expression may have, bounded; parts that stay open are a HOLE.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeGuard

from secpipe.scan.shadow_ai.fold_methods import METHODS
from secpipe.scan.shadow_ai.values import (
    CUT,
    MAX_VALUES,
    OPEN,
    Value,
    concat,
    fill,
    join,
    text,
)

_MAX_DEPTH = 24
_MAX_STEPS = 4_000  # expressions looked at for one result
_MAX_TOTAL = 2_000_000  # expressions looked at and texts made for one file
_CHARS = 128  # characters that count as one expression
_ENVIRONMENTS = {"config", "env", "getenv", "get_env", "getEnv", "env_var"}
_TRANSPARENT = {
    "str",
    "SecretStr",
    "AnyUrl",
    "HttpUrl",
    "AnyHttpUrl",
    "URL",
    "cast",
    "Field",
    "unquote",
}


@dataclass(slots=True)
class Scope:
    """What the names of a file stand for: every expression ever assigned to a name, an attribute, a parameter."""

    names: dict[str, list[ast.expr]] = field(default_factory=dict)
    attributes: dict[str, list[ast.expr]] = field(default_factory=dict)
    returns: dict[str, list[ast.expr]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)  # local name -> dotted name of what was imported
    grown: dict[str, ast.expr] = field(default_factory=dict)  # names to which `+=` added, and what they became
    folder: Folder | None = None
    _dotted: dict[int, str] = field(default_factory=dict)
    _roots: set[str] | None = None

    def fold(self, node: ast.expr | None, depth: int = 0) -> Value:
        """Return what an expression of this file may be."""
        if self.folder is None:
            self.folder = Folder(self)
        return self.folder.fold(node, depth)

    def containers(self, node: ast.expr, depth: int = 0) -> list[ast.Dict | ast.List | ast.Tuple]:
        """Return every literal that a name or attribute may stand for."""
        pool = [node]
        if isinstance(node, ast.Name):
            pool = self.names.get(node.id, [])
        elif isinstance(node, ast.Attribute):
            pool = self.attributes.get(node.attr, [])
        elif isinstance(node, ast.Subscript):  # a row of a table
            tables = (
                [item for item in self.containers(node.value, depth + 1) if isinstance(item, ast.Dict)]
                if depth < 4
                else []
            )
            pool = [row for table in tables for row in table.values]
        return [item for item in pool if isinstance(item, ast.Dict | ast.List | ast.Tuple)]

    def dotted(self, node: ast.expr, depth: int = 0) -> str:
        """Return the dotted name behind an expression, imports and aliases resolved, or ""."""
        known = self._dotted.get(id(node))
        if known is None:
            self._dotted[id(node)] = ""  # what an expression that refers to itself amounts to
            known = self._dotted[id(node)] = self._resolve(node, depth)
        return known

    def _resolve(self, node: ast.expr, depth: int) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Call):
            root = self._dotted_call(node, depth) if depth < 8 else ""
        elif isinstance(node, ast.Name):
            root = self.modules.get(node.id, "") or self._alias(node.id, depth) or node.id
        else:
            return ""
        return ".".join([root, *reversed(parts)]) if root else ""

    def _alias(self, name: str, depth: int) -> str:
        """What was imported and is now called `name`: `Factory = openai.AsyncOpenAI`."""
        if self._roots is None:
            self._roots = {module.split(".")[0] for module in self.modules.values()}
        for value in self.names.get(name, ())[:3] if depth < 8 else ():
            if isinstance(value, ast.Attribute | ast.Call | ast.Name):
                found = self.dotted(value, depth + 1)
                if found and (found.split(".")[0] in self._roots or _is_made(value)):
                    return found
        return ""

    def _dotted_call(self, node: ast.Call, depth: int) -> str:
        """`importlib.import_module("open" + "ai")`, `__import__("openai")`, `getattr(openai, "OpenAI")`,
        `partial(C)`.
        """
        name = self.dotted(node.func, depth + 1)
        last = name.rpartition(".")[2]
        if last in {"import_module", "__import__", "import_string", "locate"} and node.args:
            texts = self.fold(node.args[0], depth + 1).texts
            return next(iter(sorted(texts)), "") if len(texts) == 1 else ""
        if last == "getattr" and len(node.args) >= 2:
            texts = self.fold(node.args[1], depth + 1).texts
            base = self.dotted(node.args[0], depth + 1)
            return f"{base}.{next(iter(texts))}" if base and len(texts) == 1 else ""
        return name


class Folder:
    """Folds expressions of one file; a name stands for everything that was ever assigned to it there.

    What refers to itself amounts to what else it may be. Each result is kept: for good where nothing was left out, else
    for as long as the same expressions are being worked out, whose own part in it was left out.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._known: dict[int, Value] = {}
        self._partly: dict[int, tuple[Value, frozenset[int], int]] = {}  # with what was left out, and how deep it stood
        self._busy: set[int] = set()
        self._left_out: set[int] = set()  # by the expression at work: those it refers to that are at work themselves
        self._too_deep = False  # whether the expression at work met the bound of depth
        self._steps = 0
        self._total = 0

    @property
    def spent(self) -> bool:
        """Whether the file made us look at more expressions than honest code of its size would."""
        return self._total > _MAX_TOTAL

    @property
    def looked_at(self) -> int:
        """How much work the file made so far: expressions looked at, and texts made."""
        return self._total

    def fold(self, node: ast.expr | None, depth: int = 0) -> Value:
        """Return what `node` may be; OPEN when nothing is known. Bounded in depth, width and steps; what is left is
        CUT.
        """
        handler = _HANDLERS.get(type(node))
        if handler is None or node is None:
            return OPEN
        return self._once(id(node), depth, lambda: handler(self, node, depth + 1))

    def _once(self, key: int, depth: int, work: Callable[[], Value]) -> Value:
        """Return the result of `work`, done once."""
        if key in self._known:
            return self._known[key]
        if key in self._partly:
            value, needs, deep = self._partly[key]
            if deep <= depth and needs <= self._busy:
                self._left_out |= needs
                self._too_deep = self._too_deep or deep > 0
                return value
        if depth == 0:
            self._steps = 0
        self._steps += 1
        self._total += 1
        if self.spent:
            return CUT
        if key in self._busy:
            self._left_out.add(key)
            return OPEN
        if depth > _MAX_DEPTH or self._steps > _MAX_STEPS:
            self._too_deep = True
            return CUT
        before = self._left_out, self._too_deep
        self._left_out, self._too_deep = set(), False
        self._busy.add(key)
        try:
            value = work()
        finally:
            self._busy.discard(key)
            needs, deep_ = frozenset(self._left_out - {key}), self._too_deep
            self._left_out, self._too_deep = before[0] | needs, before[1] or deep_
        self._total += len(value.texts) + sum(map(len, value.texts)) // _CHARS
        if depth == 0 or not (needs or deep_):
            self._known[key] = value
        elif self._steps <= _MAX_STEPS:
            self._partly[key] = value, needs, depth if deep_ else 0
        return value

    def _constant(self, node: ast.Constant, depth: int) -> Value:
        if isinstance(node.value, str):
            return text(node.value)
        if isinstance(node.value, bytes):
            return text(node.value.decode("latin-1"))
        if node.value is None:
            return Value(none=True)
        small = isinstance(node.value, int) and abs(node.value) < 1 << 64  # Python refuses to print very long ones
        return text(str(node.value)) if small else OPEN

    def _name(self, node: ast.Name, depth: int) -> Value:
        return self._pool(self.scope.names.get(node.id), depth)

    def _attribute(self, node: ast.Attribute, depth: int) -> Value:
        return self._pool(self.scope.attributes.get(node.attr), depth)

    def _pool(self, nodes: list[ast.expr] | None, depth: int) -> Value:
        """Any of what a name of the file stands for; the list lives as long as its scope, so it is its own key."""
        return self._once(id(nodes), depth, lambda: self._any(nodes, depth + 1)) if nodes else OPEN

    def _any(self, nodes: Sequence[ast.expr], depth: int) -> Value:
        """Any of the expressions; those beyond the bound make it cut."""
        few = [self.fold(item, depth) for item in nodes[:MAX_VALUES]]
        return join([*few, CUT] if len(nodes) > MAX_VALUES else few)

    def _joined(self, node: ast.JoinedStr, depth: int) -> Value:
        return reduce(concat, (self.fold(part, depth) for part in node.values), text(""))

    def _formatted(self, node: ast.FormattedValue, depth: int) -> Value:
        return self.fold(node.value, depth)

    def _binary(self, node: ast.BinOp, depth: int) -> Value:
        if _joins(node):
            return self._chain(node, depth)
        if isinstance(node.op, ast.Mod):
            return self._percent(node, depth)
        return OPEN

    def _chain(self, node: ast.BinOp, depth: int) -> Value:
        """`a + b + c` of any length: it is nested to the left, and each step of it is one expression."""
        links = [node]
        while _joins(left := links[-1].left) and id(left) not in self._known and id(left) not in self._busy:
            links.append(left)
        value = self.fold(links[-1].left, depth)
        for link in reversed(links):
            if isinstance(link.op, ast.Div):
                value = concat(value, text("/"))
            value = concat(value, self.fold(link.right, depth))
            self._total += sum(map(len, value.texts)) // _CHARS
            if not self._left_out and not self._too_deep:
                self._known[id(link)] = value
        return value

    def _percent(self, node: ast.BinOp, depth: int) -> Value:
        items = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        out = self.fold(node.left, depth)
        for item in items:
            out = fill(out, ("%s",), self.fold(item, depth))
        return out

    def _either(self, node: ast.BoolOp, depth: int) -> Value:
        return join(self.fold(value, depth) for value in node.values)

    def _conditional(self, node: ast.IfExp, depth: int) -> Value:
        return join((self.fold(node.body, depth), self.fold(node.orelse, depth)))

    def _walrus(self, node: ast.NamedExpr, depth: int) -> Value:
        return self.fold(node.value, depth)

    def _await(self, node: ast.Await, depth: int) -> Value:
        return self.fold(node.value, depth)

    def _subscript(self, node: ast.Subscript, depth: int) -> Value:
        if self.scope.dotted(node.value) in {"os.environ", "environ"}:
            name = self.fold(node.slice, depth)
            return Value(envs=name.texts, cut=name.cut)
        if isinstance(node.slice, ast.Slice):
            return self._slice(node, node.slice, depth)
        containers = self.scope.containers(node.value)
        if containers:
            return join(self._items(container, node.slice, depth) for container in containers)
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return self._pool(self.scope.attributes.get(node.slice.value), depth)
        return OPEN

    def _items(self, container: ast.Dict | ast.List | ast.Tuple, key: ast.expr, depth: int) -> Value:
        """What a literal may hold under a key: every item where the key is open."""
        if not isinstance(container, ast.Dict):
            place = key.value if isinstance(key, ast.Constant) else None
            if isinstance(container, ast.Tuple) and isinstance(place, int) and 0 <= place < len(container.elts):
                return self.fold(container.elts[place], depth)
            return self._any(container.elts, depth)
        wanted = self.fold(key, depth)
        fits = [
            value
            for own, value in zip(container.keys, container.values, strict=True)
            if own is None or not wanted.known or wanted.cut or self.fold(own, depth).texts & wanted.texts
        ]
        found = self._any(fits, depth)
        told = all(self.fold(item, depth) != OPEN for item in fits)
        return found if told or not found.texts else join([found, CUT])  # a member that cannot be told

    def container(self, node: ast.expr) -> ast.expr | None:
        """Return the literal behind a name or attribute."""
        return next(iter(self.scope.containers(node)), None)

    def _slice(self, node: ast.Subscript, part: ast.Slice, depth: int) -> Value:
        bounds = []
        for bound in (part.lower, part.upper, part.step):
            number = (
                ast.literal_eval(bound) if isinstance(bound, ast.Constant | ast.UnaryOp) and _is_int(bound) else None
            )
            if bound is not None and number is None:
                return OPEN
            bounds.append(number)
        if bounds[2] == 0:
            return OPEN
        value = self.fold(node.value, depth)
        return value.map(lambda item: item[slice(*bounds)])

    def _call(self, node: ast.Call, depth: int) -> Value:
        name = self.scope.dotted(node.func)
        last = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
        if last in {"getenv", "environ.get"} or name in {
            "os.environ.get",
            "environ.get",
            "os.environ.setdefault",
            "os.environ.pop",
        }:
            return self._environment(node, depth)
        called = node.func.id if isinstance(node.func, ast.Name) else last  # django-environ: `env = Env()`
        if {last, called} & _ENVIRONMENTS and node.args and name != "str":
            keys = self.fold(node.args[0], depth).texts
            if keys and all(key.isupper() for key in keys):
                return self._environment(node, depth)
        if last == "get" and isinstance(node.func, ast.Attribute) and node.args:
            tables = [one for one in self.scope.containers(node.func.value) if isinstance(one, ast.Dict)]
            if tables:
                default = [self.fold(item, depth) for item in node.args[1:2]]
                return join([*(self._items(one, node.args[0], depth) for one in tables), *default])
        method = METHODS.get(last)
        if method is not None:
            return method(self, node, depth)
        if last in _TRANSPARENT:
            inner = [*node.args[:1], *(word.value for word in node.keywords if word.arg in {"default", "url", "value"})]
            if isinstance(node.func, ast.Attribute) and not node.args:
                inner.insert(0, node.func.value)
            return join(self.fold(item, depth) for item in inner)
        return self._pool(self.scope.returns.get(last), depth)

    def _environment(self, node: ast.Call, depth: int) -> Value:
        if not node.args:
            return OPEN
        names = self.fold(node.args[0], depth)
        rest = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "default")]
        default = join(self.fold(item, depth) for item in rest)
        envs = names.texts | default.envs
        return Value(default.texts, envs, not rest or default.none, names.cut or default.cut)


def _joins(node: ast.expr) -> TypeGuard[ast.BinOp]:
    """Whether two texts become one: `/` joins the URL and path classes of several libraries."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div)


def _is_made(node: ast.expr) -> bool:
    """Whether an expression is a call, or an attribute of one: `import_module("x").Y`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Call)


def _is_int(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    return isinstance(inner, ast.Constant) and isinstance(inner.value, int) and abs(inner.value) < 100_000


_HANDLERS: Mapping[type, Callable[..., Value]] = {
    ast.Constant: Folder._constant,
    ast.Name: Folder._name,
    ast.Attribute: Folder._attribute,
    ast.JoinedStr: Folder._joined,
    ast.FormattedValue: Folder._formatted,
    ast.BinOp: Folder._binary,
    ast.BoolOp: Folder._either,
    ast.IfExp: Folder._conditional,
    ast.NamedExpr: Folder._walrus,
    ast.Await: Folder._await,
    ast.Subscript: Folder._subscript,
    ast.Call: Folder._call,
}
