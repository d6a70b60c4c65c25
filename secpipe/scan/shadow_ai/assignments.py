"""Where the names of a file get their values, over tokens: `name = expr`, `name := expr`, `name: expr`, `name =>
expr`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from secpipe.scan.shadow_ai.lexer import Token

_APPENDS = {"append", "Append", "push_str", "WriteString"}
_NEAR = 60  # tokens of one thing that is added


def assignments(tokens: Sequence[Token]) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return, for each name, the tokens at which an expression assigned to it starts, and one that is added to it.

    `name = expr`, `name := expr`, `name: expr`, `name => expr`, `define('NAME', expr)`, `#define NAME expr`, with a
    type in between or not; `name += expr`, `name.append(expr)`.
    """
    found: dict[str, list[int]] = defaultdict(list)
    added: dict[str, list[int]] = defaultdict(list)
    count = len(tokens)
    for index, token in enumerate(tokens):
        if token.value[:1] == "@" and index + 1 < count and tokens[index + 1].kind == "string":
            found[token.value[1:]].append(index + 1)  # Elixir: `@name "text"`
        if token.kind == "word" and index + 2 < count:
            after = tokens[index + 1].value
            if after in {"=", ":=", "=>"} and tokens[index + 2].value != "=":
                found[token.value.lstrip("$@")].append(index + 2)
            elif after == ":":
                start = index + 2
                inside = 0  # of the angle brackets of a type
                for ahead in range(start, min(count, start + 16)):  # `name: Type<A, B> = expr`
                    inside += (tokens[ahead].value == "<") - (tokens[ahead].value == ">")
                    if tokens[ahead].value == "=":
                        start = ahead + 1
                        break
                    if (inside <= 0 and tokens[ahead].value in {",", ";", "}", ")", "{"}) or tokens[ahead].kind in {
                        "string",
                        "template",
                    }:
                        break
                found[token.value.lstrip("$@")].append(start)
            elif after == "?" and tokens[index + 2].value == ":":
                continue
            elif after in {"+", ".", "<"} and index + 4 < count and (start := _added(tokens, index)):
                added[token.value.lstrip("$@")] += [start, *_more(tokens, start)]
            elif token.value == "define" and index and tokens[index - 1].value == "#":
                found[tokens[index + 1].value].append(index + 2)
            elif token.value == "define" and after == "(" and tokens[index + 2].kind == "string":
                found[tokens[index + 2].value].append(index + 4)
            elif tokens[index + 1].kind == "word" and tokens[index + 2].value == "=" and index + 3 < count:
                continue  # `Type name = expr` is met again at `name`
            elif (
                token.value in {"const", "var"}
                and tokens[index + 1].kind == "word"
                and tokens[index + 2].kind == "word"
                and index + 4 < count
                and tokens[index + 3].value == "="
            ):
                found[tokens[index + 1].value].append(index + 4)  # Go: `const name string = expr`
        elif (
            token.kind == "string"
            and index + 2 < count
            and tokens[index + 1].value in {":", "=>"}
            and token.value.isidentifier()
        ):
            found[token.value].append(index + 2)
    return found, added


def _more(tokens: Sequence[Token], start: int) -> list[int]:
    """Return where the next things start in `name.append(x).append(y)`, given where the first does."""
    found, level, index = [], 0, start
    while index + 3 < len(tokens) and index < start + _NEAR:
        value = tokens[index].value if tokens[index].kind == "mark" else ""
        level += (value in {"(", "[", "{"}) - (value in {")", "]", "}"})
        if level < 0:
            if tokens[index + 1].value != "." or tokens[index + 2].value not in _APPENDS:
                break
            found.append(start := index + 4)
            level, index = 0, index + 3
        index += 1
    return found


def _added(tokens: Sequence[Token], index: int) -> int:
    """Return the token at which something added to the name at `index` starts, or 0."""
    one, two, three = (tokens[index + step].value for step in (1, 2, 3))
    if one == "+" and two == "=":
        return index + 3
    if one == "." and two in _APPENDS and three == "(":
        return index + 4
    return index + 3 if (one, two) == ("<", "<") and tokens[index + 3].kind == "string" else 0
