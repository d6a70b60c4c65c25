"""Collects what the names of a Python file stand for: imports, assignments, parameters and what is passed to them."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from secpipe.scan.shadow_ai.fold import Scope
from secpipe.scan.shadow_ai.values import MAX_VALUES

#: Nodes that give a name something to stand for.
BINDS = {
    ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.AugAssign, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef, ast.Call, ast.Dict, ast.For, ast.comprehension,
}  # fmt: skip
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")  # where statements stand in statements
_MAX_PER_NAME = MAX_VALUES + 1  # one more than is followed: folding sees that there were more


def collect(nodes: Iterable[ast.AST]) -> Scope:
    """Return the scope of a file, given all nodes of its syntax tree."""
    scope = Scope()
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    calls: list[ast.Call] = []
    fields: dict[str, list[str]] = {}
    loops: list[tuple[ast.expr, ast.expr]] = []
    for node in (node for node in nodes if type(node) in BINDS):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.split(".")[0]
                scope.modules[local] = alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                for alias in node.names:
                    scope.modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                _bind(scope, target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            if node.value is not None:
                _bind(scope, node.target, node.value)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name):
                pool = scope.names.setdefault(node.target.id, [])
                if pool:
                    pool[-1] = ast.copy_location(ast.BinOp(pool[-1], ast.Add(), node.value), node)
                    scope.grown[node.target.id] = pool[-1]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.setdefault(node.name, node)
            _defaults(scope, node)
        elif isinstance(node, ast.ClassDef):
            init = next(
                (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None
            )
            if init is not None:
                functions.setdefault(node.name, init)
            else:
                _fields(scope, fields, node)
        elif isinstance(node, ast.Call):
            calls.append(node)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    _add(scope.attributes, key.value, value)
        elif isinstance(node, ast.For | ast.comprehension):
            loops.append((node.target, node.iter))
    for target, iterated in loops:
        _loop(scope, target, iterated)
    for call in calls:
        _pass(scope, functions, call)
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        for own, value in zip(fields.get(name, ()), call.args, strict=False):
            _add(scope.attributes, own, value)
    return scope


def _loop(scope: Scope, target: ast.expr, iterated: ast.expr) -> None:
    """What a loop's names stand for, one after the other: items of a literal, rows of a table."""
    part, table = "", iterated
    if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Attribute) and not iterated.args:
        part, table = iterated.func.attr, iterated.func.value
    for one in [table] if isinstance(table, ast.Dict | ast.List | ast.Tuple) else scope.containers(table):
        if isinstance(one, ast.Dict):
            rows = zip(one.keys, one.values, strict=True)
            items = [
                value if part == "values" else _pair(key, value) if part == "items" else key for key, value in rows
            ]
        else:
            items = [] if part else list(one.elts)
        for item in items[:_MAX_PER_NAME]:
            if item is not None:
                _bind_only(scope, target, item)


def _pair(key: ast.expr | None, value: ast.expr) -> ast.expr | None:
    return ast.copy_location(ast.Tuple([key, value], ast.Load()), value) if key is not None else None


def _bind_only(scope: Scope, target: ast.expr, item: ast.expr) -> None:
    """Bind the names of a loop; they are no attributes of anything."""
    if isinstance(target, ast.Name):
        _add(scope.names, target.id, item)
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(item, ast.Tuple | ast.List):
        for name, part in zip(target.elts, item.elts, strict=False):
            _bind_only(scope, name, part)


def _fields(scope: Scope, fields: dict[str, list[str]], node: ast.ClassDef) -> None:
    """A class without `__init__`: its annotated fields are its arguments in order, and an enum's members its values."""
    fields[node.name] = [
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
    if any(ast.unparse(base).endswith(("Enum", "Flag")) for base in node.bases):
        for item in node.body:
            if isinstance(item, ast.Assign):
                _add(scope.attributes, "value", item.value)


def _add(pool: dict[str, list[ast.expr]], name: str, value: ast.expr) -> None:
    items = pool.setdefault(name, [])
    if len(items) < _MAX_PER_NAME:
        items.append(value)


def _bind(scope: Scope, target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name):
        if isinstance(value, ast.Lambda):
            _add(scope.returns, target.id, value.body)
        _add(scope.names, target.id, value)
        _add(scope.attributes, target.id, value)  # a class attribute or module constant read as `Config.URL`
    elif isinstance(target, ast.Attribute):
        _add(scope.attributes, target.attr, value)
    elif (
        isinstance(target, ast.Subscript)
        and isinstance(target.slice, ast.Constant)
        and isinstance(target.slice.value, str)
    ):
        _add(scope.attributes, target.slice.value, value)
    elif isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List):
            items: list[ast.expr] = value.elts
        elif isinstance(value, ast.Subscript):  # a row of a table, taken apart
            items = [
                ast.copy_location(ast.Subscript(value, ast.Constant(place), ast.Load()), value)
                for place in range(len(target.elts))
            ]
        else:
            return
        for name, item in zip(target.elts, items, strict=False):
            _bind(scope, name, item)


def _defaults(scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    arguments = [*node.args.posonlyargs, *node.args.args]
    for argument, default in zip(reversed(arguments), reversed(node.args.defaults), strict=False):
        _add(scope.names, argument.arg, default)
    for argument, only in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if only is not None:
            _add(scope.names, argument.arg, only)
    body: list[ast.AST] = [*node.body]
    while body:  # each statement once: functions inside are not entered
        item = body.pop()
        if isinstance(item, ast.Return) and item.value is not None:
            _add(scope.returns, node.name, item.value)
        elif not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for block in _BLOCKS:
                body += getattr(item, block, ())


def _pass(scope: Scope, functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef], call: ast.Call) -> None:
    """What is passed to a function of this file is a value of its parameter; a keyword also names an attribute."""
    name = (
        call.func.id
        if isinstance(call.func, ast.Name)
        else call.func.attr
        if isinstance(call.func, ast.Attribute)
        else ""
    )
    function = functions.get(name)
    if function is not None:
        parameters = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
        if parameters[:1] in (["self"], ["cls"]):
            del parameters[0]
        for parameter, value in zip(parameters, call.args, strict=False):
            _add(scope.names, parameter, value)
    for keyword in call.keywords:
        if keyword.arg:
            _add(scope.attributes, keyword.arg, keyword.value)
            if function is not None:
                _add(scope.names, keyword.arg, keyword.value)
