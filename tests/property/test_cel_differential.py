"""Our conditions against a second implementation of CEL (Rust): true, false or neither, the same from both.

Declared differences, and nothing else may differ:

- What our reader or the type checker refuses when the policy is loaded is *neither* for us, whatever a dynamic engine
  makes of it. The generator makes well-typed expressions, and a few that are not.
- An error in one turn of `all` or `exists` ends the other engine, while CEL's specification absorbs it where another
  turn decides. There the unrolled form (`... || ...`), which both must absorb, is compared instead.
- `size` of a string counts code points in CEL; the other engine counts bytes. Such a case is compared over ASCII only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from secpipe.gate.conditions import cel as ours
from secpipe.gate.conditions.expression import NotAllowed, parse
from secpipe.gate.conditions.fields import FIELDS, typed_fields
from secpipe.gate.conditions.items import Item, bind
from tests import skips

theirs = skips.module("cel")
pytestmark = skips.unless_installed(ours.available(), "secpipe[cel] is not installed")

WORDS = ["", "a", "torch", "CVE-2025-1", "high", "MIT", "é", "\U0001f600", "a\nb", 'q"\\', "'"]
Rendered = tuple[str, Callable[[dict[str, Any]], str]]  # as it is, and unrolled over the bound values


def quoted(text: str) -> str:
    return '"' + "".join(c if c not in '"\\\n' else {'"': '\\"', "\\": "\\\\", "\n": "\\n"}[c] for c in text) + '"'


def same(text: str) -> Rendered:
    return text, lambda values: text


def join(pattern: str, *parts: Rendered) -> Rendered:
    return pattern.format(*(one[0] for one in parts)), lambda values: pattern.format(*(one[1](values) for one in parts))


@st.composite
def expressions(draw: st.DrawFn, on: str, variable: str = "", depth: int = 3) -> Rendered:
    """A boolean expression over the fields of `on`, and over the loop variable, if there is one."""
    kinds = ["compare", "compare", "null", "text", "flag", "wrong"]
    kinds += ["and", "or", "not", "choose", "list", "loop"] if depth else []
    kind = draw(st.sampled_from(kinds))
    below = expressions(on, variable, depth - 1)
    if kind in ("and", "or"):
        return join("({} && {})" if kind == "and" else "({} || {})", draw(below), draw(below))
    if kind == "not":
        return join("!({})", draw(below))
    if kind == "choose":
        return join("({} ? {} : {})", draw(below), draw(below), draw(below))
    if kind == "loop" and not variable and of(on, "list"):
        return loop(
            on, draw(st.sampled_from(of(on, "list"))), draw(st.booleans()), draw(expressions(on, "one", depth - 1))
        )
    return same(draw(atoms(on, variable, kind)))


def loop(on: str, name: str, every: bool, body: Rendered) -> Rendered:
    def unrolled(values: dict[str, Any]) -> str:
        if f"{on}.{name}" not in values:
            return f"{on}.{name} == []"  # an error, as the loop is
        turns = [f"({body[1](values).replace(' one ', f' {quoted(one)} ')})" for one in values[f"{on}.{name}"]]
        return f"({(' && ' if every else ' || ').join(turns) or str(every).lower()})"

    return f"{on}.{name}.{'all' if every else 'exists'}(one, {body[0]})", unrolled


def of(on: str, kind: str) -> list[str]:
    return [name for name, field in FIELDS[on].items() if field.kind.removesuffix("?") == kind]


@st.composite
def atoms(draw: st.DrawFn, on: str, variable: str, kind: str) -> str:
    word = quoted(draw(st.sampled_from(WORDS)))
    field = f"{on}.{draw(st.sampled_from(of(on, 'string')))}"
    text = " one " if variable and draw(st.booleans()) else field
    sign = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    if kind == "null":
        nullable = [name for name, one in FIELDS[on].items() if one.kind.endswith("?") and one.kind != "list?"]
        return (
            f"{on}.{draw(st.sampled_from(nullable))} {draw(st.sampled_from(['==', '!=']))} null" if nullable else "true"
        )
    if kind == "flag":
        flags = of(on, "bool")
        return f"{on}.{draw(st.sampled_from(flags))}" if flags else "false"
    if kind == "list":
        name = f"{on}.{draw(st.sampled_from(of(on, 'list')))}" if of(on, "list") else f"[{word}]"
        return draw(
            st.sampled_from([f"size({name}) {sign} 1", f"{word} in {name}", f"{text} in {name}", f"{name} == [{word}]"])
        )
    if kind == "wrong":
        return draw(
            st.sampled_from([f"{text} == 1", f"{text}", f"{on}.nothing == {word}", f"!{text}", f"{text} + 1 == 2"])
        )
    if kind == "compare" and (numbers := of(on, "double") + of(on, "int")) and draw(st.booleans()):
        name = draw(st.sampled_from(numbers))
        whole = FIELDS[on][name].kind.startswith("int")
        return (
            f"{on}.{name} {sign} {draw(st.sampled_from(['0', '3', '-1'] if whole else ['0.5', '9.0', '-1.5', '1e3']))}"
        )
    method = draw(st.sampled_from(["startsWith", "endsWith", "contains"]))
    shapes = [
        f"{text} {sign} {word}",
        f"{text}.{method}({word})",
        f"{text} in [{word}, {field}]",
        f"size({text}) {sign} 3",
    ]
    return draw(st.sampled_from(shapes[:2] if kind == "compare" else shapes))


VALUES = {
    "string": st.sampled_from(WORDS),
    "int": st.sampled_from([0, 1, 3, -1]),
    "double": st.sampled_from([0.0, 0.5, 9.0, 9.8, 1]),
    "bool": st.booleans(),
    "list": st.lists(st.sampled_from(WORDS), max_size=3),
}
HOSTILE = st.sampled_from([None, "", 5, "x", [], [1], {}, 1.5, True, float("nan"), 2**80, "\ud800", b"x", "x" * 5000])


@st.composite
def items(draw: st.DrawFn, on: str) -> Item:
    values = {}
    for name, field in FIELDS[on].items():
        known = VALUES[field.kind.removesuffix("?")]
        odd = st.none() if field.kind.endswith("?") else HOSTILE
        values[name] = draw(st.one_of(known, known, known, odd, HOSTILE) if draw(st.integers(0, 3)) == 0 else known)
    return Item(values, "key", "label", "subject")


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Rendered, Item]:
    on = draw(st.sampled_from(sorted(FIELDS)))
    return on, draw(expressions(on)), draw(items(on))


def by_us(text: str, on: str, item: Item) -> tuple[bool | None, dict[str, Any]]:
    expression = parse(text, on, FIELDS[on])
    values, _ = bind(item, on, expression.fields, expression.asked)
    return ours.compile_checked(text, typed_fields(on)).evaluate(values)[0], values


def by_them(text: str, on: str, values: dict[str, Any]) -> bool | None:
    bound = {name.partition(".")[2]: value for name, value in values.items()}
    try:
        result = theirs.evaluate(text, {on: bound})
    except Exception:
        return None
    return result if isinstance(result, bool) else None


def compare(case: tuple[str, Rendered, Item]) -> bool:
    """Hold both against each other; False where ours refused the expression."""
    on, (text, unrolled), item = case
    assume(len(text) <= 1000)
    try:
        mine, values = by_us(text, on, item)
    except NotAllowed:
        return False  # refused at load: neither, the first declared difference
    other = by_them(text, on, values)
    if mine == other:
        return True
    if other is None and ("all(" in text or "exists(" in text):
        other = by_them(unrolled(values), on, values)
    elif "size(" in text and not all(str(value).isascii() for value in values.values()):
        return False
    assert mine == other, (text, values)
    return True


@given(cases())
@settings(max_examples=300, deadline=None)
def test_both_implementations_say_the_same(case: tuple[str, Rendered, Item]) -> None:
    compare(case)


@pytest.mark.slow
def test_both_implementations_say_the_same_ten_thousand_times() -> None:
    compared = 0

    @given(cases())
    @settings(max_examples=16_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def look(case: tuple[str, Rendered, Item]) -> None:
        nonlocal compared
        compared += compare(case)

    look()
    assert compared >= 10_000


@given(st.text(max_size=60), st.sampled_from(sorted(FIELDS)))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_reader_raise_anything_else(text: str, on: str) -> None:
    for attempt in (text, f"{on}.{text}", f'{on}.path == "{text}"', f"{on}.path.contains({text})"):
        try:
            parse(attempt, on, FIELDS[on])
            ours.compile_checked(attempt, typed_fields(on))
        except NotAllowed:
            continue


def test_the_generator_reaches_all_three_answers() -> None:
    seen: set[bool | None] = set()
    refused = 0

    @given(cases())
    @settings(max_examples=400, deadline=None, database=None, derandomize=True)
    def look(case: tuple[str, Rendered, Item]) -> None:
        nonlocal refused
        try:
            seen.add(by_us(case[1][0], case[0], case[2])[0])
        except NotAllowed:
            refused += 1

    look()
    assert seen == {True, False, None}
    assert 0 < refused < 300
