"""Words by which languages put texts together, look up the environment and list things; and how pieces become one."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from functools import reduce

from secpipe.scan.shadow_ai.hosts import HOLE
from secpipe.scan.shadow_ai.lexer import Token
from secpipe.scan.shadow_ai.values import OPEN, Value, concat, decoded, fill, from_base64, text

GLUE = {"+", ".", "..", "<>", "~"}
OR = {"||", "??", "?:", "or"}
SKIP = {
    "new", "await", "return", "try", "const", "let", "var", "&", "*", "!", "Some", "Ok", "static", "final",
    "not", "(", "@",
}  # fmt: skip
ENV_CALLS = {
    "getenv", "lookupenv", "getenvironmentvariable", "env", "var", "fetch", "get_env", "getproperty", "environ",
    "systemgetenv", "env!", "option_env!", "env_var",
}  # fmt: skip
ENV_ROOTS = {"env", "environ", "environment", "ENV"}
BASE64 = {
    "atob", "decode64", "urlsafe_decode64", "strict_decode64", "base64_decode", "decodestring",
    "frombase64string", "decode", "base64decode", "b64decode",
}  # fmt: skip
FORMATS = {"sprintf", "format", "format!", "printf", "stringformat", "formatted"}
TRANSPARENT = {
    "uri", "url", "create", "parse", "string", "from", "tostring", "to_string", "into", "as_str", "to_owned",
    "trim", "unwrap", "expect", "unwrap_or_default", "uriparse", "str", "valueof", "of", "freeze", "toString",
    "asstring", "some", "ptr", "pointer", "httpurl", "url_for", "intern", "strval", "cstring", "lowercase",
    "lower",
}  # fmt: skip
JOINS = {"join", "implode", "jointostring", "joined"}
JOINED = {"join", "joinToString", "joined", "concat"}
GLUERS = {"strings", "string", "enum", "table", "lists", "arrays", "str"}  # whose `join` takes the items
GLUE_LAST = {"strings", "enum", "table"}
CONCATS = {"concat", "paste0", "string_concat", "cat"}
LISTS = {"listof", "arrayof", "of", "aslist", "array", "vec"}
DEFAULTS = {  # methods that give what counts where nothing else is set
    "unwrap_or", "unwrap_or_else", "orelse", "or", "elseget", "unwrap_or_default", "getorelse", "default", "catch",
    "withdefault", "defaultto", "valueor", "value_or", "ifempty",
}  # fmt: skip
CLOSE = {"(": ")", "[": "]", "{": "}"}

_MAX_PIECES = 16
_FAR = 4_000  # tokens of one bracket


def glued(items: list[Value], glue: list[Value]) -> Value:
    """The items with the glue between them; a glue that is not known glues nothing."""
    mark = glue[0] if glue and glue[0].texts else text("")
    return reduce(lambda done, item: concat(concat(done, mark), item), items[1:], items[0]) if items else OPEN


def names_environment(value: Value) -> bool:
    """Whether every text has the shape of an environment name."""
    return bool(value.texts) and all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", item) for item in value.texts)


_MARK = "\x02"  # where an argument goes
_VERB = re.compile(r"%(?:\d+\$)?[-+0# ]*\d*(?:\.\d+)?[sdvqxf@]|\{(?:\d+|[A-Za-z_]\w*)?(?::[^{}]*)?\}")


def formatted(arguments: list[Value]) -> Value:
    """Fill `%s`, `%v`, `{}` and `{0}` with the arguments in order."""
    out = arguments[0].map(lambda form: _VERB.sub(_MARK, form))
    for item in arguments[1:]:
        out = fill(out, (_MARK,), item)
    return out.map(lambda form: form.replace(_MARK, HOLE))


def is_piece(token: Token, macros: Container[str]) -> bool:
    """Whether a token may be pasted to its neighbour: a literal, or a macro of the file."""
    return token.kind == "string" or (token.kind == "word" and token.value.isupper() and token.value in macros)


def sum_start(tokens: Sequence[Token], index: int, pasted: Callable[[int], bool]) -> int:
    """Return the token at which the sum of texts starts in which the one at `index` stands."""
    start = index
    for _ in range(_MAX_PIECES):  # of a longer sum the text is read by itself
        before = start - 1
        if not pasted(start):
            if before < 1 or tokens[before].value not in GLUE or tokens[before].kind == "string":
                break
            before -= 1
        if tokens[before].value in {")", "]"} and tokens[before].kind == "mark":
            before = _opener(tokens, before) - 1
        while before > 1 and tokens[before - 1].value in {".", "::", "->"}:
            before -= 2
        if before < 0 or tokens[before].kind == "mark":
            break
        start = before
    return start


def _opener(tokens: Sequence[Token], index: int) -> int:
    """Return the bracket that the one at `index` closes, or 0."""
    level = 0
    for position in range(index, max(0, index - _FAR), -1):
        token = tokens[position]
        if token.kind == "mark" and token.value in {")", "]", "}"}:
            level += 1
        elif token.kind == "mark" and token.value in CLOSE:
            level -= 1
            if level == 0:
                return position
    return 0


def buffered(data: Value, coding: Value) -> Value | None:
    """`Buffer.from(data, coding)`, where the coding hides a text."""
    if "base64" in coding.texts:
        return decoded(data, from_base64)
    return decoded(data, lambda item: bytes.fromhex(item).decode("latin-1")) if "hex" in coding.texts else None


def characters(numbers: list[Value]) -> Value:
    """`String.fromCharCode(...)`."""
    codes = (item for value in numbers for item in sorted(value.texts) if item.isdigit() and int(item[:7]) < 0x110000)
    return text("".join(chr(int(item)) for item in codes))
