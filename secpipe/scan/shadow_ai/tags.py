"""Struct tags of Go: a default in one is what the field, and the variable it is read from, are assigned."""

from __future__ import annotations

import re
from dataclasses import replace

from secpipe.scan.shadow_ai.lexer import Lexed, Token

_TAG = re.compile(r'(\w{1,40}):"((?:[^"\\\n]|\\.){0,2000})"')
_WHOLE = re.compile(rf"\s*(?:{_TAG.pattern}\s*)+")
_NEAR = 12  # tokens between a field and its tag
_DEFAULTS = ("envDefault", "default", "env-default", "defaultValue")
_NAMES = ("env", "envconfig", "envvar", "mapstructure", "koanf", "yaml", "json")


def as_assignments(lexed: Lexed) -> Lexed:
    """Return the tokens with each tag that holds a default as assignments: to its field, and to the name it gives."""
    tokens: list[Token] = []
    for token in lexed.tokens:
        given = dict(_TAG.findall(token.value)) if token.kind == "string" and _WHOLE.fullmatch(token.value) else {}
        value = next((given[key] for key in _DEFAULTS if given.get(key)), "")
        tokens.append(token._replace(value="") if value else token)
        line = [one.value for one in tokens[-_NEAR:] if one.line == token.line and one.kind == "word"]
        names = dict.fromkeys([*line[:1], *(given[key].partition(",")[0] for key in _NAMES if given.get(key))])
        for name in names if value else ():
            for kind, text in (("mark", ";"), ("word", name), ("mark", ":="), ("string", value), ("mark", ";")):
                tokens.append(Token(kind, text, token.start, token.line))
    return replace(lexed, tokens=tokens)
