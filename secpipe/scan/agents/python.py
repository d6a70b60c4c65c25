"""Python that an agent brings, by its tree: constants put together, what goes out, what is saved and then run."""

from __future__ import annotations

import ast
import base64
import binascii
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secpipe.scan.agents.known import table

_PIECES = 4000
_READS_ENV = ("os.environ.get", "os.getenv", "environ.get", "getenv")
#: Modules that talk to others, calls that start a file or command, calls that save, calls that look for text.
_NETWORK, _RUNS, _SAVES, _LOOKS = (
    frozenset(table("frameworks")["python"][key]) for key in ("network", "runs", "saves", "looks")
)


@dataclass(frozen=True, slots=True)
class Tree:
    """What the tree of a program says: `text` is it without comments, prose and what it only looks for."""

    text: str
    sends: str = ""  # a call that hands something computed to the network
    ran: str = ""  # a file that is fetched, saved and started
    whole: str = ""  # of a program that talks to others: with what it looks for


def read(text: str) -> Tree | None:
    """Return what the tree of a Python text says, or None where it has none."""
    tree = parsed(text)
    if tree is None:
        return None
    try:
        names = _network_names(tree)
        whole = ast.unparse(tree) if names else ""  # asked for only where something is sent
        _blank(tree)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        sends = next((ast.unparse(one)[:200] for one in calls if names and _root(one) in names and _computed(one)), "")
        return Tree(_folded(tree), sends, _saved_and_run(tree, calls) if names else "", whole)
    except (RecursionError, MemoryError, ValueError):
        return None


def parsed(text: str) -> ast.Module | None:
    """Return the tree of a Python text, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _folded(tree: ast.Module) -> str:
    """Return the program without prose, with its constants put together."""
    told, nodes = [ast.unparse(tree)], list(ast.walk(tree))
    constants = {
        target.id: value
        for node in nodes
        if isinstance(node, ast.Assign) and (value := constant(node.value, {})) is not None
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        if isinstance(node, ast.BinOp | ast.JoinedStr | ast.Call) and (value := constant(node, constants)):
            told.append(value)
            if len(told) > _PIECES:
                break
    told += [f"{alias.name}." for node in nodes if isinstance(node, ast.Import) for alias in node.names if alias.asname]
    return "\n".join(told)


def _blank(tree: ast.Module) -> None:
    """Take out what is no act: docstrings, and text that the program compares with or looks for."""
    guards: set[str] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_prose(body[0]):
            body[0] = ast.Pass()
        if isinstance(node, ast.Compare):
            _empty([node.left, *node.comparators])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKS:
            _empty(node.args[:1])
        elif isinstance(node, ast.If | ast.While | ast.Assert):
            node.test = _asked(node.test)
        guards |= _guard_names(node)
    for node in ast.walk(tree) if guards else ():
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id in guards for one in node.targets):
            _empty([node.value])


def _asked(test: ast.expr) -> ast.expr:
    """Return a condition without the variables of which it asks only whether they are set."""
    if isinstance(test, ast.BoolOp):
        test.values = [_asked(one) for one in test.values]
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test.operand = _asked(test.operand)
    elif isinstance(test, ast.Call) and ast.unparse(test.func) in _READS_ENV and len(test.args) == 1:
        return ast.Constant(True)
    return test


def _guard_names(node: ast.AST) -> set[str]:
    """Return the names of lists whose entries are only looked for: `any(p in command for p in BLOCKED)`."""
    loops = (
        [(one.target, one.iter) for one in node.generators]
        if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp)
        else [(node.target, node.iter)]
        if isinstance(node, ast.For)
        else []
    )
    found: set[str] = set()
    for target, listed in loops:
        bound = {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
        if isinstance(listed, ast.Name) and any(_looks_for(one, bound) for one in ast.walk(node)):
            found.add(listed.id)
    return found


def _looks_for(node: ast.AST, bound: set[str]) -> bool:
    if isinstance(node, ast.Compare):
        return isinstance(node.left, ast.Name) and node.left.id in bound and isinstance(node.ops[0], ast.In)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKS:
        looked = [node.func.value, *node.args[:1]]
        return any(isinstance(one, ast.Name) and one.id in bound for one in looked)
    return False


def _empty(nodes: Iterable[ast.AST]) -> None:
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""


def _is_prose(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _network_names(tree: ast.Module) -> set[str]:
    """Return the names that stand for the network: modules, what is taken from them, what is made by their calls."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname or alias.name.partition(".")[0]
                for alias in node.names
                if alias.name.partition(".")[0] in _NETWORK
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _NETWORK:
            names |= {alias.asname or alias.name for alias in node.names}
    for node in ast.walk(tree) if names else ():
        for value, targets in _bound(node):
            if isinstance(value, ast.Call) and _root(value) in names:
                names |= {one.id for one in targets if isinstance(one, ast.Name)}
    return names - {"parse"}


def _bound(node: ast.AST) -> Iterator[tuple[ast.AST, list[ast.AST]]]:
    if isinstance(node, ast.Assign):
        yield node.value, list(node.targets)
    elif isinstance(node, ast.With | ast.AsyncWith):
        for one in node.items:
            if one.optional_vars is not None:
                yield one.context_expr, [one.optional_vars]


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _computed(call: ast.Call) -> bool:
    """Whether a call is handed something that is no constant, other than how to talk."""
    handed = [
        *call.args,
        *(one.value for one in call.keywords if one.arg not in {"timeout", "headers", "verify", "context"}),
    ]
    return any(not isinstance(one, ast.Constant) and not _constant_parts(one) for one in handed)


def _constant_parts(node: ast.AST) -> bool:
    return isinstance(node, ast.Tuple | ast.List) and all(isinstance(one, ast.Constant) for one in node.elts)


def _saved_and_run(tree: ast.Module, calls: list[ast.Call]) -> str:
    """Return the file that is written from elsewhere and then started, or ""."""
    saved: set[str] = set()
    for call in calls:
        name = name_of(call)
        if name in _SAVES:
            places = call.args[1:2] if name == "urlretrieve" else call.args[:1] if name == "open" else [call.func]
            saved |= {atom for one in places for atom in _atoms(one)}
    if not saved:
        return ""
    for call in calls:
        if name_of(call) in _RUNS:
            where = [*call.args, call.func.value] if isinstance(call.func, ast.Attribute) else call.args
            ran = {atom for one in where for atom in _atoms(one)} & saved
            if ran:
                return ast.unparse(call)[:200]
    return ""


def name_of(call: ast.Call) -> str:
    """Return the last name of what a call calls."""
    return (
        call.func.attr
        if isinstance(call.func, ast.Attribute)
        else call.func.id
        if isinstance(call.func, ast.Name)
        else ""
    )


def _atoms(node: ast.AST) -> set[str]:
    """Return the names and the longer texts in an expression, but for names of modules."""
    known = {
        "os",
        "subprocess",
        "sys",
        "pathlib",
        "Path",
        "tempfile",
        "str",
        "shutil",
        "urllib",
        "requests",
        "open",
        "self",
        "args",
        "w",
        "wb",
    }
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - known
    texts = {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and len(one.value) > 3
    }
    return names | texts


def constant(node: ast.AST, names: dict[str, str]) -> str | None:
    """Return the text that an expression of constants is, or None."""
    if isinstance(node, ast.Constant):
        value = node.value
        return value if isinstance(value, str) else value.decode("latin-1") if isinstance(value, bytes) else None
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        left, right = constant(node.left, names), constant(node.right, names)
        joint = "/" if isinstance(node.op, ast.Div) else ""
        return f"{left or ''}{joint}{right or ''}" if left is not None or right is not None else None
    if isinstance(node, ast.JoinedStr):
        parts = [constant(part.value if isinstance(part, ast.FormattedValue) else part, names) for part in node.values]
        return "".join(part or "" for part in parts)
    return _called(node, names) if isinstance(node, ast.Call) else None


def _called(node: ast.Call, names: dict[str, str]) -> str | None:
    """Fold the calls that put text together: join, decode, path joining, base64, hex, reversed codes."""
    name = name_of(node)
    values = [constant(one, names) for one in node.args]
    if name in {"b64decode", "urlsafe_b64decode", "fromhex", "unhexlify", "a85decode"} and values and values[0]:
        try:
            raw = bytes.fromhex(values[0]) if name in {"fromhex", "unhexlify"} else base64.b64decode(values[0] + "==")
            return raw.decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return None
    if name == "decode" and isinstance(node.func, ast.Attribute):
        return constant(node.func.value, names)
    if name == "join" and isinstance(node.func, ast.Attribute):
        if len(node.args) == 1 and isinstance(node.args[0], ast.List | ast.Tuple):
            joint = constant(node.func.value, names) or ""
            if all(isinstance(one, ast.Call | ast.Constant) for one in node.args[0].elts):
                return joint.join(constant(one, names) or "" for one in node.args[0].elts)
        return "/".join(value or "" for value in values)
    if name == "chr" and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int):
        return chr(node.args[0].value) if 0 <= node.args[0].value < 0x110000 else None
    if name in {"Path", "expanduser", "joinpath", "home"}:
        return "/".join(value or "" for value in values) or ("~" if name == "home" else None)
    return None
