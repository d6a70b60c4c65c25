"""Chat templates: Jinja that a runtime renders with whatever objects it has. Judged by allow-list over the syntax tree.

A chat template loops over messages and joins strings. Whatever reaches for attributes with underscores, builds names
out of pieces, loads other templates or calls what no runtime offers is no chat template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from secpipe.core.errors import InputError, MissingDependency
from secpipe.core.text import printable
from secpipe.formats import jinja
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data
from secpipe.scan.models.drift import judge_drift

_DUNDER: Final = re.compile(r"__[A-Za-z]\w*__")
#: Signs of an escape in a text that may or may not be a chat template.
DANGER: Final = re.compile(
    r"__\w+__|\blipsum\b|\bcycler\b|\bjoiner\b|\|\s*attr\b|\bself\._|\brequest\b|\bpopen\b|\bsystem\s*\(|\\x5f|\\u005f"
    r"|\{%-?\s*(?:import|include|extends|from)\b"
)
#: Signs of a page of a web application, and what Flask and its kin offer there; no chat runtime has any of it.
_PAGE: Final = re.compile(r"\{%-?\s*(?:extends|block)\b|\burl_for\s*\(|<html\b|<!doctype\b", re.IGNORECASE)
_WEB: Final = frozenset({"url_for", "get_flashed_messages", "request", "config", "session", "g"})
_WIDENING: Final = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "indent", "batch"})
#: Text that no person sees: tags of Unicode, and what turns the direction of writing.
_HIDDEN: Final = re.compile("[\U000e0001-\U000e007f\u202a-\u202e\u2066-\u2069]")
_WIDE: Final = re.compile(r"%[-+ #0]{0,5}(?:\d{7}|\d{0,9}\.\d{7})")  # of a value that is formatted
_LONGEST: Final = 1 << 13  # characters of a constant that an expression comes to
_LARGE: Final = 1_000_000  # of a range, power or repetition


@dataclass(slots=True)
class Scope:
    """Names that a template defines itself, and those of them that are constants."""

    defined: set[str] = field(default_factory=set)
    known: dict[str, Any] = field(default_factory=dict)
    page: bool = False  # of a web application, with its own objects
    cut: bool = False  # a constant is longer, or made in more steps, than is followed

    def fits(self, *parts: Any, between: int = 0) -> bool:
        """Tell whether the text that `parts` come to, `between` characters apart, is short enough to be followed."""
        pending, total = list(parts), 0
        while pending and total <= _LONGEST:
            item = pending.pop()
            total += between + (len(item) if isinstance(item, str) else 4)
            pending += item if isinstance(item, list) else ()
        self.cut = self.cut or total > _LONGEST
        return total <= _LONGEST


def parses(source: str) -> bool:
    """Whether a Jinja engine could read `source`; without one at hand, that it could is assumed."""
    try:
        jinja.parse(source)
    except InputError:
        return False
    except MissingDependency:
        return True
    return True


def judge_template(context: Context, source: str, name: str = "chat_template") -> None:
    """Judge one template; `name` says where it stands."""
    inner = context.inside(name) if name else context
    try:
        tree = jinja.parse(source)
    except MissingDependency as error:
        inner.unread("unreadable", error.message)
        return
    except InputError as error:
        inner.add("template-unparsed", f"the template cannot be read: {error.message}")
        if _DUNDER.search(source) or "|attr" in source.replace(" ", ""):
            inner.add("template-escape", "the template reaches for special attributes", subject="unparsed")
        return
    scope = Scope({node.name for node in jinja.walk(tree) if _defines(node)})
    scope.page = "chat" not in context.name and "messages" not in source and _PAGE.search(source) is not None
    for node in jinja.walk(tree):
        if type(node).__name__ == "Assign" and type(node.target).__name__ == "Name":
            scope.known[node.target.name] = fold(node.node, scope)
    for node in jinja.walk(tree):
        judge = _JUDGES.get(type(node).__name__)
        if judge is not None:
            judge(inner, node, scope)
    if _turns([tree], scope) > _LARGE:
        inner.add("template-bomb", "the template counts further than any conversation", subject="loops")
    if _HIDDEN.search(source):
        inner.add("template-drift", "the template holds characters that nobody sees", subject="hidden", allow="hidden")
    judge_drift(inner, tree)
    if scope.cut:
        inner.unread("resource-limit", "the template builds a text that is longer than is followed")


def _turns(nodes: list[Any], scope: Scope) -> int:
    """Return how often the innermost of nested loops over `range` is gone through, by the constants it names."""
    most = 1
    for node in nodes:
        held = [
            *getattr(node, "body", ()),
            *(getattr(node, "else_", None) or ()),
            *(getattr(node, "elif_", None) or ()),
        ]
        turns = _turns(held, scope) if held else 1
        if type(node).__name__ == "For" and type(node.iter).__name__ == "Call" and _is_range(node.iter.node):
            ends = [abs(value) for part in node.iter.args if isinstance(value := fold(part, scope), int)]
            turns = min(turns * max(ends, default=1), 1 << 62)
        most = max(most, turns)
    return most


def _is_range(node: Any) -> bool:
    return type(node).__name__ == "Name" and node.name == "range"


def _defines(node: Any) -> bool:
    kind = type(node).__name__
    return kind == "Macro" or (kind == "Name" and node.ctx in {"store", "param"})


def _escape(context: Context, node: Any, what: str) -> None:
    text = printable(what, 160)
    context.add("template-escape", f"the template {text} at line {node.lineno}", subject=text, call=text)


def _getattr(context: Context, node: Any, scope: Scope) -> None:
    if node.attr.startswith("_") or node.attr in formats_data().of("template", "attributes"):
        _escape(context, node, f"takes the attribute {node.attr}")


def _getitem(context: Context, node: Any, scope: Scope) -> None:
    key = fold(node.arg, scope)
    if isinstance(key, str):
        if key.startswith("__") or key in formats_data().of("template", "attributes"):
            _escape(context, node, f"takes the item {key!a}")
    elif pieces := _pieces(node.arg, scope):
        if any("_" in piece for piece in pieces):
            _escape(context, node, "takes an item whose name it builds out of pieces")
        else:
            context.add("template-call", "the template takes an item whose name it builds", subject="built name")


def _constant(context: Context, node: Any, scope: Scope) -> None:
    if isinstance(node.value, str) and (found := _DUNDER.search(node.value)):
        _escape(context, node, f"names {found.group(0)} in a string")


def _concat(context: Context, node: Any, scope: Scope) -> None:
    pattern = node.left if type(node).__name__ == "Mod" else getattr(node, "node", None)
    text = fold(pattern, scope) if type(node).__name__ == "Mod" or getattr(node, "name", "") == "format" else None
    if isinstance(text, str) and _WIDE.search(text):
        context.add("template-bomb", "the template makes a text of a huge width", subject="format")
    text = fold(node, scope)
    if isinstance(text, str) and (found := _DUNDER.search(text)):
        _escape(context, node, f"builds the name {found.group(0)}")


def _filter(context: Context, node: Any, scope: Scope) -> None:
    arguments = [*node.args, *(pair.value for pair in node.kwargs)]
    if node.name == "attr":
        key = fold(arguments[0], scope) if arguments else None
        if not isinstance(key, str) or key.startswith("_"):
            _escape(context, node, "takes an attribute by a computed or special name")
        else:
            message = f"the template takes the attribute {key!a} by a filter"
            context.add("template-call", message, subject=f"attr {key}", allow=f"attr {key}")
    elif node.name in {
        "map",
        "groupby",
        "selectattr",
        "rejectattr",
        "sort",
        "sum",
        "unique",
        "min",
        "max",
        "select",
        "reject",
    }:
        for argument in arguments:
            key = fold(argument, scope)
            if isinstance(key, str) and (key == "attr" or any(part.startswith("_") for part in key.split("."))):
                _escape(context, node, f"takes the attribute {key!a} by a filter")
    if node.name in _WIDENING and any(_is_large(argument, scope) for argument in arguments):
        context.add("template-bomb", "the template makes a text of a huge width", subject=node.name)
    if node.name not in formats_data().template_filters:
        subject = f"filter {node.name}"
        context.add(
            "template-call", f"the template uses the unknown filter {node.name!a}", subject=subject, allow=subject
        )
    _concat(context, node, scope)


def _call(context: Context, node: Any, scope: Scope) -> None:
    target, data = node.node, formats_data()
    kind = type(target).__name__
    if kind == "Name":
        if scope.page and target.name in _WEB:
            return
        if target.name in data.template_dangerous:
            _escape(context, node, f"calls {target.name}")
        elif target.name not in data.template_functions and target.name not in scope.defined:
            message = f"the template calls the unknown function {target.name!a}"
            context.add("template-call", message, subject=target.name, allow=target.name)
        elif target.name == "range" and any(_is_large(argument, scope) for argument in node.args):
            context.add("template-bomb", "the template counts further than any conversation", subject="range")
    elif kind == "Getattr":
        if target.attr in _WIDENING and any(_is_large(argument, scope) for argument in node.args):
            context.add("template-bomb", "the template makes a text of a huge width", subject=target.attr)
        if target.attr in data.template_dangerous:
            _escape(context, node, f"calls the method {target.attr}")
        elif target.attr not in data.template_methods and not target.attr.startswith("_"):
            message = f"the template calls the unknown method {target.attr!a}"
            context.add("template-call", message, subject=target.attr, allow=target.attr)
    else:
        _escape(context, node, "calls a value that it computes")


def _name(context: Context, node: Any, scope: Scope) -> None:
    if scope.page and node.name in _WEB:
        return
    if node.name.startswith("__") or node.name in formats_data().template_globals - scope.defined:
        _escape(context, node, f"uses {node.name}")


def _load(context: Context, node: Any, scope: Scope) -> None:
    if scope.page:
        return
    _escape(context, node, f"loads another template ({type(node).__name__.lower()})")


def _power(context: Context, node: Any, scope: Scope) -> None:
    if any(_is_large(side, scope) for side in (node.left, node.right)) or (
        type(node).__name__ == "Pow" and not (_is_small(node.left, scope) and _is_small(node.right, scope))
    ):
        context.add("template-bomb", "the template computes something huge", subject=type(node).__name__)


_JUDGES: Final = {
    "Getattr": _getattr,
    "Getitem": _getitem,
    "Const": _constant,
    "Concat": _concat,
    "Add": _concat,
    "Mod": _concat,
    "Filter": _filter,
    "Call": _call,
    "Name": _name,
    "Include": _load,
    "Import": _load,
    "FromImport": _load,
    "Extends": _load,
    "Pow": _power,
    "Mul": _power,
}


def fold(node: Any, scope: Scope, depth: int = 120) -> Any:
    """Return the constant an expression comes to, None where it is none; runs no template code."""
    if depth == 0 or node is None:
        scope.cut = scope.cut or node is not None
        return None
    kind = type(node).__name__
    if kind == "Const":
        return node.value
    if kind == "Name":
        return scope.known.get(node.name)
    if kind in {"Concat", "List", "Tuple"}:
        parts = [fold(part, scope, depth - 1) for part in (node.nodes if kind == "Concat" else node.items)]
        if any(part is None for part in parts):
            return None
        if kind == "Concat":
            return "".join(map(str, parts)) if scope.fits(*parts) else None
        return parts
    if kind == "Add":
        left, right = fold(node.left, scope, depth - 1), fold(node.right, scope, depth - 1)
        return left + right if isinstance(left, str) and isinstance(right, str) and scope.fits(left, right) else None
    if kind == "Mul":
        left, right = fold(node.left, scope, depth - 1), fold(node.right, scope, depth - 1)
        if type(left) is int and type(right) is int:
            return max(-(1 << 62), min(left * right, 1 << 62))
        if not isinstance(left, str) or type(right) is not int or right <= 0:
            return None
        return left * right if scope.fits("", between=len(left) * right) else None
    if kind == "Pow" and _is_small(node.left, scope) and _is_small(node.right, scope):
        left, right = fold(node.left, scope), fold(node.right, scope)
        return left**right if right >= 0 else None
    if kind == "Mod":
        return _percent(fold(node.left, scope, depth - 1), fold(node.right, scope, depth - 1), scope)
    if kind == "Getitem":
        return _part(fold(node.node, scope, depth - 1), node.arg, scope, depth)
    if kind == "Filter":
        return _filtered(node, scope, depth)
    return None


def _percent(left: Any, right: Any, scope: Scope) -> Any:
    values = right if isinstance(right, list) else [right]
    if not isinstance(left, str) or left.count("%") != left.count("%s") + left.count("%c") or None in values:
        return None
    result = left
    for value in values:
        text = chr(value) if isinstance(value, int) and 0 <= value < 0x110000 and "%c" in left else str(value)
        before, mark, after = re.split(r"(%[sc])", result, maxsplit=1) if "%" in result else (result, "", "")
        result = before + text + after if mark else before
        if not scope.fits(result):
            return None
    return result


def _part(value: Any, key: Any, scope: Scope, depth: int) -> Any:
    if not isinstance(value, str | list):
        return None
    if type(key).__name__ == "Slice":
        bounds = [fold(bound, scope, depth - 1) for bound in (key.start, key.stop, key.step)]
        return (
            value[slice(*bounds)] if bounds[2] != 0 and all(b is None or isinstance(b, int) for b in bounds) else None
        )
    index = fold(key, scope, depth - 1)
    return value[index] if isinstance(index, int) and -len(value) <= index < len(value) else None


def _filtered(node: Any, scope: Scope, depth: int) -> Any:
    value = fold(node.node, scope, depth - 1)
    arguments = [fold(argument, scope, depth - 1) for argument in node.args]
    if isinstance(value, list) and node.name == "join":
        mark = str(arguments[0] if arguments and arguments[0] is not None else "")
        return mark.join(map(str, value)) if scope.fits(*value, between=len(mark)) else None
    if not isinstance(value, str):
        return None
    if node.name == "replace" and len(arguments) >= 2 and all(isinstance(text, str) for text in arguments[:2]):
        grown = len(value) + value.count(arguments[0]) * len(arguments[1])
        return value.replace(*arguments[:2]) if scope.fits("", between=grown) else None
    simple = {
        "lower": value.lower(),
        "upper": value.upper(),
        "reverse": value[::-1],
        "trim": value.strip(),
        "string": value,
    }
    if node.name == "format" and None not in arguments:
        return _percent(value, arguments, scope)
    return simple.get(node.name, list(value) if node.name == "list" else None)


def _pieces(node: Any, scope: Scope) -> list[str]:
    """Return the constant pieces of an expression that makes a string, none where it makes none."""
    kind = type(node).__name__
    if kind == "Filter" and node.name in {"join", "format", "replace", "reverse"}:
        return [str(fold(node.node, scope)), *(str(fold(argument, scope)) for argument in node.args)]
    if kind == "Concat":
        return [str(fold(part, scope) or "") for part in node.nodes]
    if kind not in {"Add", "Mod", "Mul"}:
        return []
    sides = [fold(node.left, scope), fold(node.right, scope)]
    found = [side for side in sides if isinstance(side, str)]
    return found + _pieces(node.left, scope) + _pieces(node.right, scope)


def _is_large(node: Any, scope: Scope) -> bool:
    value = fold(node, scope)
    return isinstance(value, int) and abs(value) > _LARGE


def _is_small(node: Any, scope: Scope) -> bool:
    value = fold(node, scope)
    return isinstance(value, int) and abs(value) <= 64
