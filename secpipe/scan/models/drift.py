"""Chat templates that say something of their own: text that is added where the conversation holds a certain word."""

from __future__ import annotations

import re
from typing import Any, Final

from secpipe.core.text import printable
from secpipe.formats import jinja
from secpipe.scan.models.context import Context

_ADDRESS: Final = re.compile(r"https?://|\bwww\.|[\w.+-]+@[\w-]+\.[a-z]{2,}|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)
_WORDS: Final = 4  # words of prose; marks of a turn have fewer
_PROSE: Final = re.compile(r"[A-Za-z]{2,}")
_MARKS: Final = re.compile(r"<[^<>]{0,80}>|\[[A-Z/_]{1,20}\]")
#: Methods that ask what a text holds.
_ASKING: Final = frozenset({"startswith", "endswith", "find", "index", "count", "rfind"})
_SPOKEN: Final = frozenset({"content", "text"})


def judge_drift(context: Context, tree: Any) -> None:
    """Tell of text that a template adds on a condition of what a message says."""
    for node in jinja.walk(tree):
        kind = type(node).__name__
        if kind not in {"If", "CondExpr"} or not any(_asks(part) for part in jinja.walk(node.test)):
            continue
        branch = node.body if kind == "If" else [node.expr1]
        for text in (text for part in branch for text in _texts(part)):
            said = _MARKS.sub(" ", text)
            if _ADDRESS.search(said) or len(_PROSE.findall(said)) >= _WORDS:
                shown = printable(" ".join(said.split()), 80)
                message = (
                    f"the template adds a text where a message holds a certain word, at line {node.lineno}: {shown}"
                )
                context.add("template-drift", message, subject=shown)


def _asks(node: Any) -> bool:
    """Whether an expression asks for a literal in what a message says."""
    kind = type(node).__name__
    if kind == "Compare":
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        literal = any(_is_text(side) for side in sides)
        return literal and any(_speaks(part) for side in sides for part in jinja.walk(side))
    if kind == "Call" and type(node.node).__name__ == "Getattr" and node.node.attr in _ASKING:
        return any(_is_text(part) for part in node.args) and any(_speaks(part) for part in jinja.walk(node.node.node))
    return kind == "Test" and node.name in {"in", "eq", "equalto"} and any(_speaks(part) for part in jinja.walk(node))


def _is_text(node: Any) -> bool:
    return type(node).__name__ == "Const" and isinstance(node.value, str) and bool(node.value.strip())


def _speaks(node: Any) -> bool:
    kind = type(node).__name__
    if kind == "Getattr":
        return node.attr in _SPOKEN
    if kind == "Getitem":
        return type(node.arg).__name__ == "Const" and node.arg.value in _SPOKEN
    return kind == "Name" and node.name in _SPOKEN


def _texts(node: Any) -> list[str]:
    found = []
    for part in jinja.walk(node):
        kind = type(part).__name__
        if kind == "TemplateData":
            found.append(part.data)
        elif kind == "Const" and isinstance(part.value, str):
            found.append(part.value)
    return found
