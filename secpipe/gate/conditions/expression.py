"""What a condition may say: the part of CEL that is allowed, read strictly, before any library sees the text.

Allowed are the declared fields of one item, literals, lists, `&& || ! == != < <= > >= in ?:`, `size`, `startsWith`,
`endsWith`, `contains`, and one level of `all` and `exists`. There is no arithmetic, no concatenation and no regular
expression, so that neither time nor memory can grow beyond the size of the item times the size of the expression.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import did_you_mean, printable

MACROS = ("all", "exists")
FUNCTIONS = ("contains", "endsWith", "size", "startsWith")
_WORDS = {"true", "false", "null", "in"}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>&&|\|\||==|!=|<=|>=|[!<>()\[\],.?:-])""",
    re.VERBOSE,
)
_INSTEAD = {
    "has": "every field is always there: compare it with null",
    "matches": "there are no regular expressions: startsWith, endsWith, contains",
    "map": "use exists or all",
    "filter": "use exists or all",
    "exists_one": "use exists",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: its kind (`text`, `number`, `name`, `sign`), the text itself, and where it starts."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that is allowed. `fields` are those of the item it names, `asked` those it compares with null."""

    text: str
    fields: frozenset[str]
    asked: frozenset[str]
    loops: bool


class NotAllowed(Exception):
    """The expression is not one of the allowed ones; `column` counts from 1, 0 is unknown."""

    def __init__(self, message: str, column: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.column, self.hint = message, column, hint


def parse(text: str, item: str, fields: Collection[str], limits: Limits = DEFAULT) -> Expression:
    """Return the expression over the `fields` of the variable `item`; raises NotAllowed. Types are not looked at."""
    if len(text) > limits.condition_chars:
        raise NotAllowed(f"is longer than {limits.condition_chars:,} characters")
    tokens = _tokens(text)
    bound = _loops(tokens, item)
    used, asked = set(), set()
    for place, token in enumerate(tokens):
        after_dot, called = _is(_at(tokens, place - 1), "."), _is(_at(tokens, place + 1), "(")
        if _is(token, "."):
            _check_owner(tokens, place)
        if token.kind != "name":
            continue
        if called and token.text not in _WORDS:
            _check_call(token)
        elif after_dot:
            _check_member(tokens, place, item)
        elif token.text not in _WORDS | bound:
            field = _field(tokens, place, item, fields)
            used.add(field)
            if _compared_with_null(tokens, place):
                asked.add(field)
    return Expression(text, frozenset(used), frozenset(asked), bool(bound))


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise NotAllowed(f'"{printable(text[at])}" is not allowed here', at + 1, "no arithmetic, maps or comments")
        kind = found.lastgroup or ""
        if kind != "space":
            if tokens and at == tokens[-1].at + len(tokens[-1].text) and {kind, tokens[-1].kind} <= _TOUCHING:
                raise NotAllowed("a blank is missing, or it is a raw or bytes string", at + 1)
            tokens.append(Token(kind, found[0], at))
        at = found.end()
    if not tokens:
        raise NotAllowed("is empty", 1)
    return tokens


_TOUCHING = {"text", "number", "name"}


def _at(tokens: list[Token], place: int) -> Token | None:
    return tokens[place] if 0 <= place < len(tokens) else None


def _is(token: Token | None, text: str) -> bool:
    return token is not None and token.kind == "sign" and token.text == text


def _loops(tokens: list[Token], item: str) -> set[str]:
    """Return the variables that macros bind; a macro within a macro is refused."""
    bound: set[str] = set()
    until = -1
    for place, token in enumerate(tokens):
        if token.kind != "name" or token.text not in MACROS or not _is(_at(tokens, place - 1), "."):
            continue
        if place < until:
            raise NotAllowed(f'"{token.text}" within another all or exists', token.at + 1, "one level is allowed")
        until = _closing(tokens, place + 1)
        name = _at(tokens, place + 2)
        if not _is(_at(tokens, place + 1), "(") or name is None or name.kind != "name":
            raise NotAllowed(f'"{token.text}" needs a variable', token.at + 1, f"{token.text}(one, one == ...)")
        if name.text == item or name.text in _WORDS or name.text in {*MACROS, *FUNCTIONS}:
            raise NotAllowed(f'"{name.text}" cannot name a variable', name.at + 1)
        bound.add(name.text)
    return bound


def _closing(tokens: list[Token], place: int) -> int:
    """Return the place of the parenthesis that closes the one at `place`."""
    depth = 0
    for index in range(place, len(tokens)):
        depth += _is(tokens[index], "(") - _is(tokens[index], ")")
        if depth <= 0:
            return index
    return len(tokens)


def _check_owner(tokens: list[Token], place: int) -> None:
    owner = _at(tokens, place - 1)
    if owner is None or owner.kind == "number" or (owner.kind == "sign" and owner.text not in {")", "]"}):
        raise NotAllowed('a "." without a name before it', tokens[place].at + 1)


def _check_member(tokens: list[Token], place: int, item: str) -> None:
    """What follows a dot and is not called is a field, and only the item itself has any."""
    owner = _at(tokens, place - 2)
    if owner is None or owner.kind != "name" or owner.text != item or _is(_at(tokens, place - 3), "."):
        raise NotAllowed(f'"{printable(tokens[place].text, 60)}" is a field of nothing', tokens[place].at + 1)


def _check_call(token: Token) -> None:
    if token.text not in {*MACROS, *FUNCTIONS}:
        hint = _INSTEAD.get(token.text) or did_you_mean(token.text, (*MACROS, *FUNCTIONS))
        raise NotAllowed(
            f'there is no "{printable(token.text, 60)}"',
            token.at + 1,
            hint or f"known: {', '.join((*MACROS, *FUNCTIONS))}",
        )


def _field(tokens: list[Token], place: int, item: str, fields: Collection[str]) -> str:
    """Return the field that the name at `place` begins; everything else that could stand there is refused."""
    token, member = tokens[place], _at(tokens, place + 2)
    if token.text != item:
        hint = did_you_mean(token.text, [item]) or f"this condition sees {item} and nothing else"
        raise NotAllowed(f'"{printable(token.text, 60)}" is not known here', token.at + 1, hint)
    if not _is(_at(tokens, place + 1), ".") or member is None or member.kind != "name":
        raise NotAllowed(f'"{item}" alone is no condition', token.at + 1, f"name a field, such as {item}.{min(fields)}")
    if member.text not in fields:
        hint = did_you_mean(member.text, fields) or f"known fields: {', '.join(sorted(fields))}"
        raise NotAllowed(f'{item} has no field "{printable(member.text, 60)}"', member.at + 1, hint)
    return member.text


def _compared_with_null(tokens: list[Token], place: int) -> bool:
    """Whether the field whose item stands at `place` is compared with null on either side."""
    after, value = _at(tokens, place + 3), _at(tokens, place + 4)
    if after is not None and after.text in {"==", "!="} and value is not None and value.text == "null":
        return value.kind == "name"
    before, value = _at(tokens, place - 1), _at(tokens, place - 2)
    return before is not None and before.text in {"==", "!="} and value is not None and value.text == "null"
