"""Chat templates that say something of their own: text that is added, or put in another's place, on a word or a day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from secpipe.core.text import printable
from secpipe.formats import jinja
from secpipe.scan.models.context import Context

_ADDRESS: Final = re.compile(r"https?://|\bwww\.|[\w.+-]+@[\w-]+\.[a-z]{2,}|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)
_LINK: Final = re.compile(r"https?://|\bwww\.|[\w.+-]+@[\w-]+\.[a-z]{2,}", re.IGNORECASE)  # said to everybody
_OFFERED: Final = frozenset(
    {"tools", "builtin_tools", "available_tools", "documents"}
)  # text about them may name their pages
_WORDS: Final = 3  # words of prose; marks of a turn have fewer
_PROSE: Final = re.compile(r"[A-Za-z]{2,}")
_MARKS: Final = re.compile(r"<(?!!)[^<>]{0,80}>|\[[A-Z/_]{1,20}\]")
#: A word by which a person switches a way of answering, as `/no_think`: what follows from it later is the model's own.
_SWITCH: Final = re.compile(r"[/<\[][\w/|-]{1,40}[>\]]?")
#: Methods that ask what a text holds.
_ASKING: Final = frozenset({"startswith", "endswith", "find", "index", "count", "rfind"})
_SPOKEN: Final = frozenset({"content", "text"})
_CLOCK: Final = frozenset({"strftime_now", "now"})
_CHOOSING: Final = frozenset({"selectattr", "rejectattr", "select", "reject"})
#: All that a message holds; all messages as one text.
_PARTS: Final = frozenset({"items", "values"})
_WHOLE: Final = frozenset({"string", "tojson", "join", "pprint", "map"})
_FIRST: Final = 2  # messages: up to here a template may ask whether the conversation begins
#: How a message and its parts are laid out: no words of it.
_LAYOUT: Final = frozenset(
    {"content", "text", "role", "type", "name", "image", "image_url", "video", "audio", "tool_calls"}
)
_ROUNDS: Final = 8  # names that take their value from names
_REPLACED: Final = re.compile(r"[A-Za-z]{3,}")


@dataclass(slots=True)
class _Known:
    """What is known of the names of a template, by `name` and, of a namespace, `name.attribute`."""

    spoken: set[str] = field(default_factory=set)  # hold what a message says, or the day
    asked: set[str] = field(default_factory=set)  # depend on a word of it
    texts: dict[str, list[str]] = field(default_factory=dict)  # hold texts of the template


def judge_drift(context: Context, tree: Any) -> None:
    """Tell of text that a template adds on a condition of what a message says or of the day, or puts in its place."""
    nodes = list(jinja.walk(tree))
    known = _learn(nodes)
    offered = set(_offered(nodes))
    for node in nodes:
        kind = type(node).__name__
        test = node.test if kind in {"If", "CondExpr", "For"} else None
        if test is not None and any(_asks(part, known, True) for part in jinja.walk(test)):
            # without the switch it says what it always says
            switched = kind == "If" and not any(_asks(part, known, False) for part in jinja.walk(test))
            for branch in node.body if switched else _branches(node):
                _tell(context, node, _texts(branch, known))
        elif kind == "Output":
            if id(node) not in offered:
                _tell(
                    context, node, [text for part in node.nodes for text in _texts(part, known) if _LINK.search(text)]
                )
            for part in node.nodes:
                if any(_asks(inner, known, False) for inner in jinja.walk(part)):
                    _tell(context, node, _texts(part, known))
        _replacement(context, node, known)


def _tell(context: Context, node: Any, texts: list[str]) -> None:
    for text in texts:
        said = _MARKS.sub(" ", text)
        if _ADDRESS.search(text) or len(_PROSE.findall(said)) >= _WORDS:
            whole = " ".join(said.split())
            shown = printable(whole, 80)
            what = "an address, or a text on a word of a message or on a day"
            message = f"the template adds {what}, at line {node.lineno}: {shown}"
            context.add("template-drift", message, subject=shown, allow=whole)


def _offered(nodes: list[Any]) -> Iterator[int]:
    """Yield the ids of what stands under a condition on what is handed to the model."""
    for node in nodes:
        if type(node).__name__ == "If" and any(_named(part) in _OFFERED for part in jinja.walk(node.test)):
            yield from (id(part) for branch in node.body for part in jinja.walk(branch))


def _branches(node: Any) -> Iterator[Any]:
    kind = type(node).__name__
    if kind == "CondExpr":
        yield from filter(None, (node.expr1, node.expr2))
    elif kind == "For":
        yield from (*node.body, *node.else_)
    else:
        yield from (*node.body, *node.else_, *(part for other in node.elif_ for part in other.body))


def _learn(nodes: list[Any]) -> _Known:
    """Follow what the names of a template hold, until nothing new is learnt."""
    known = _Known()
    calls: dict[str, list[Any]] = {}
    for node in nodes:
        if type(node).__name__ == "Call":
            calls.setdefault(_named(node.node), []).append(node)
    gifts = [gift for node in nodes for gift in _gifts(node, calls)]
    under = [(name, node.test) for node in nodes if type(node).__name__ == "If" for name in _set_in(node)]
    for name, value in gifts:
        if _is_text(value):
            known.texts.setdefault(name, []).append(value.value)
        elif type(value).__name__ == "Output":  # of a block that is set
            known.texts.setdefault(name, []).extend(
                part.data for part in jinja.walk(value) if type(part).__name__ == "TemplateData"
            )
    for _ in range(_ROUNDS):
        before = len(known.spoken) + len(known.asked)
        for name, value in gifts:
            parts = list(jinja.walk(value))
            if any(_speaks(part, known) for part in parts):
                known.spoken.add(name)
            if any(_asks(part, known, False) for part in parts):
                known.asked.add(name)
        for name, test in under:
            if any(_asks(part, known, False) for part in jinja.walk(test)):
                known.asked.add(name)
        if len(known.spoken) + len(known.asked) == before:
            break
    return known


def _gifts(node: Any, calls: Mapping[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each name that a node gives a value, and the value."""
    kind = type(node).__name__
    if kind in {"Assign", "For"}:
        value = node.node if kind == "Assign" else node.iter
        yield from ((_named(part), value) for part in jinja.walk(node.target) if _named(part))
        if type(value).__name__ == "Call" and _named(value.node) == "namespace":
            yield from ((f"{_named(node.target)}.{pair.key}", pair.value) for pair in value.kwargs)
    elif kind == "AssignBlock":
        yield from ((_named(node.target), part) for part in node.body)
    elif kind == "Macro":
        yield from ((node.name, part) for part in node.body if type(part).__name__ == "Output")
        names = [argument.name for argument in node.args]
        for call in calls.get(node.name, ()):
            yield from zip(names, call.args, strict=False)
            yield from ((pair.key, pair.value) for pair in call.kwargs)


def _set_in(node: Any) -> Iterator[str]:
    for branch in _branches(node):
        for part in jinja.walk(branch):
            if type(part).__name__ == "Assign":
                yield from (name for inner in jinja.walk(part.target) if (name := _named(inner)))


def _named(node: Any) -> str:
    kind = type(node).__name__
    if kind == "Name":
        return str(node.name)
    if kind == "NSRef":
        return f"{node.name}.{node.attr}"
    if kind == "Getattr" and type(node.node).__name__ == "Name":
        return f"{node.node.name}.{node.attr}"
    return ""


def _asks(node: Any, known: _Known, now: bool) -> bool:
    """Whether an expression asks for a literal in what a message says; what follows later from a switch is no such."""
    kind = type(node).__name__
    if _named(node) in known.asked:
        return True
    if kind == "Compare":
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        parts = [part for side in sides for part in jinja.walk(side)]
        literal = any(_is_word(part, now) for part in parts)
        return (literal and any(_speaks(part, known) for part in parts)) or (
            _counts(parts, known) and any(map(_is_large, parts))
        )
    if kind == "Call" and type(node.node).__name__ == "Getattr" and node.node.attr in _ASKING:
        words = any(_is_word(part, now) for part in node.args)
        return words and any(_speaks(part, known) for part in jinja.walk(node.node.node))
    if kind == "Call" and type(node.node).__name__ == "Getattr" and node.node.attr == "get":
        return _is_table(node.node.node) and any(_speaks(part, known) for one in node.args for part in jinja.walk(one))
    if kind == "Getitem":
        return _is_table(node.node) and any(_speaks(part, known) for part in jinja.walk(node.arg))
    if (kind == "Filter" and node.name == "random") or (kind == "Call" and _named(node.node) == "loop.cycle"):
        return True
    if kind == "Filter" and node.name in _CHOOSING:
        values = [part.value for part in node.args if type(part).__name__ == "Const"]
        if node.name in {"select", "reject"}:
            values = ["content", *values]
        return values[:1] != [] and values[0] in _SPOKEN and any(isinstance(one, str) and one for one in values[2:])
    equal = kind == "Test" and node.name in {"in", "eq", "equalto"}
    return equal and any(_speaks(part, known) for part in jinja.walk(node))


def _counts(parts: list[Any], known: _Known) -> bool:
    """Whether an expression counts the messages of the conversation, or the letters of one."""
    if any(_named(part) in {"loop.index", "loop.index0"} for part in parts):
        return True
    lengths = [part for part in parts if type(part).__name__ == "Filter" and part.name in {"length", "count"}]
    inner = [inner for part in lengths for inner in jinja.walk(part)]
    return any(_named(part) == "messages" or _speaks(part, known) for part in inner)


def _is_large(node: Any) -> bool:
    return type(node).__name__ == "Const" and type(node.value) is int and node.value > _FIRST


def _is_table(node: Any) -> bool:
    return type(node).__name__ == "Dict"


def _replacement(context: Context, node: Any, known: _Known) -> None:
    """Words of a message that are replaced by others; marks of a turn are none."""
    kind = type(node).__name__
    if kind == "Call" and type(node.node).__name__ == "Getattr" and node.node.attr == "replace":
        target = node.node.node
    elif kind == "Filter" and node.name == "replace":
        target = node.node
    else:
        return
    words = [_MARKS.sub(" ", part.value) for part in node.args[:2] if _is_text(part)]
    if len(words) < 2 or not all(map(_REPLACED.search, words)):
        return
    if any(_speaks(part, known) for part in jinja.walk(target)):
        whole = f"{words[0]} -> {words[1]}"
        shown = printable(whole, 80)
        message = f"the template replaces words of a message by others, at line {node.lineno}: {shown}"
        context.add("template-drift", message, subject=shown, allow=whole)


def _is_text(node: Any) -> bool:
    return type(node).__name__ == "Const" and isinstance(node.value, str) and bool(node.value.strip())


def _is_word(node: Any, now: bool) -> bool:
    return _is_text(node) and node.value not in _LAYOUT and (now or not _SWITCH.fullmatch(node.value.strip()))


def _speaks(node: Any, known: _Known) -> bool:
    kind = type(node).__name__
    if kind == "Getattr":
        return node.attr in _SPOKEN or _named(node) in known.spoken
    if kind == "Getitem":
        return type(node.arg).__name__ == "Const" and node.arg.value in _SPOKEN
    if kind == "Call" and type(node.node).__name__ == "Getattr":
        named = node.node.attr == "get" and any(_is_text(part) and part.value in _SPOKEN for part in node.args)
        return named or node.node.attr in _PARTS
    if kind == "Call":
        return _named(node.node) in _CLOCK
    if kind == "Filter" and node.name in _WHOLE:
        return any(_named(part) == "messages" for part in jinja.walk(node))
    return kind == "Name" and (node.name in _SPOKEN or node.name in known.spoken)


def _texts(node: Any, known: _Known) -> list[str]:
    """Return the texts that a part of the template writes, those of its names among them."""
    found: list[str] = []
    refused: set[int] = set()  # a text of an error is said to whoever runs the model
    for part in jinja.walk(node):
        kind = type(part).__name__
        if kind == "Call" and _named(part.node) == "raise_exception":
            refused.update(id(inner) for inner in jinja.walk(part))
        if id(part) in refused:
            continue
        if kind == "Filter" and node is not part and part.name == "join" and type(part.node).__name__ == "List":
            found.append(" ".join(item.value for item in part.node.items if _is_text(item)))
        if kind == "TemplateData":
            found.append(part.data)
        elif kind == "Const" and isinstance(part.value, str):
            found.append(part.value)
        elif getattr(part, "ctx", "load") == "load":
            found += known.texts.get(_named(part), ())
    return found
