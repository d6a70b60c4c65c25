"""A small lexer for the languages without a parser of their own: comments away, strings whole, the rest as words and
marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

_MAX_TOKENS = 600_000


class Token(NamedTuple):
    """`kind`: "string", "template" (with open parts), "word", "mark". `value` is a string's content, unescaped."""

    kind: str
    value: str
    start: int  # character offset
    line: int


@dataclass(frozen=True, slots=True)
class Language:
    """How a language writes comments and strings, and how it puts expressions into strings."""

    name: str
    imports: str = ""  # the catalogue's import index
    line_comments: tuple[str, ...] = ("//",)
    block: tuple[str, str] = ("/*", "*/")
    quotes: str = "\"'"
    raw_quotes: str = ""  # quotes without escapes, across lines
    triple: bool = False
    open_part: str = ""  # a regular expression with one group: an expression inside a string
    templates: str = ""  # quotes in which that holds
    prefix: str = ""  # what may stand before a quote and makes it raw


_DOLLAR = r"\$\{([^{}\n]+)\}|\$([A-Za-z_]\w*)"
LANGUAGES: dict[str, Language] = {
    "javascript": Language("javascript", "npm", quotes="\"'`", open_part=r"\$\{([^{}]+)\}", templates="`"),
    "go": Language("go", "go", quotes="\"'`", raw_quotes="`"),
    "java": Language("java", "java", triple=True),
    "kotlin": Language("kotlin", "java", triple=True, open_part=_DOLLAR, templates='"'),
    "scala": Language("scala", "java", triple=True, open_part=_DOLLAR, templates='"'),
    "csharp": Language(
        "csharp",
        "csharp",
        triple=True,
        open_part=r"\{([^{}:\n]+)(?::[^{}]*)?\}",
        templates='"',
        prefix="[$@]{0,2}",
    ),
    "ruby": Language("ruby", "ruby", ("#",), ("=begin", "=end"), open_part=r"#\{([^{}\n]+)\}", templates='"'),
    "rust": Language(
        "rust", "rust", quotes='"', open_part=r"\{([A-Za-z_]\w*)\}", templates='"', prefix="(?:b?r?#{0,3})"
    ),
    "php": Language("php", "php", ("//", "#"), open_part=r"\{\$([^{}\n]+)\}|\$([A-Za-z_]\w*)", templates='"'),
    "swift": Language("swift", "swift", triple=True, open_part=r"\\\(([^()\n]+)\)", templates='"', quotes='"'),
    "dart": Language("dart", "dart", triple=True, open_part=_DOLLAR, templates="\"'"),
    "c": Language("c", "c"),
    "hash": Language("hash", "elixir", ("#",), ("\0", "\0"), open_part=r"#\{([^{}\n]+)\}", templates='"'),
    "r": Language("r", "r", ("#",), ("\0", "\0")),
    "lua": Language("lua", "", ("--",), ("--[[", "]]")),
}
SUFFIXES: dict[str, str] = {
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte", ".astro",
        ".coffee"), "javascript"),
    ".go": "go", ".java": "java", ".kt": "kotlin", ".kts": "kotlin", ".scala": "scala", ".sc": "scala",
    ".groovy": "kotlin",
    ".cs": "csharp", ".fs": "csharp", ".vb": "csharp", ".cshtml": "csharp", ".razor": "csharp", ".rb": "ruby",
    ".rake": "ruby", ".erb": "ruby",
    ".rs": "rust", ".php": "php", ".swift": "swift", ".m": "c", ".mm": "c", ".c": "c", ".cc": "c", ".cpp": "c",
    ".cxx": "c", ".h": "c", ".hpp": "c",
    ".dart": "dart", ".ex": "hash", ".exs": "hash", ".pl": "hash", ".pm": "hash", ".r": "r", ".jl": "hash",
    ".nim": "hash", ".cr": "ruby",
    ".lua": "lua", ".zig": "c", ".hs": "lua", ".clj": "c", ".elm": "lua", ".sol": "c", ".gs": "javascript",
    ".bal": "c", ".v": "c", ".d": "c", ".pas": "c",
}  # fmt: skip


@dataclass(slots=True)
class Lexed:
    """The tokens of a file, and the file with its comments blanked (same offsets, same lines)."""

    tokens: list[Token] = field(default_factory=list)
    code: str = ""
    comments: list[tuple[int, str]] = field(default_factory=list)  # (line, text)
    complete: bool = True


@cache
def _grammar(language: Language) -> re.Pattern[str]:
    parts = []
    if language.triple:
        parts.append(r'(?P<triple>(?:[$@]{0,2}|[a-z]?)"""(?P<inner>[\s\S]*?)""")')
    start, end = (re.escape(mark) for mark in language.block)
    parts.append(rf"(?P<block>{start}[\s\S]*?(?:{end}|\Z))")
    lines = "|".join(re.escape(mark) for mark in language.line_comments)
    parts.append(rf"(?P<line>(?:{lines})[^\n]*)")
    strings = []
    for quote in language.quotes:
        if quote in language.raw_quotes:
            strings.append(rf"{quote}[^{quote}]*{quote}")
        elif quote == "`":
            strings.append(r"`(?:[^`\\]|\\[\s\S])*`")
        else:
            strings.append(rf"{quote}(?:[^{quote}\\\n]|\\[\s\S])*{quote}")
    parts.append(rf"(?P<string>{language.prefix}(?:{'|'.join(strings)}))")
    parts.append(r"(?P<word>[A-Za-z_$@][\w$]*!?)")
    parts.append(r"(?P<number>\d[\w.]*)")
    parts.append(r"(?P<mark>::|->|=>|:=|\?\?|\?:|\|\||&&|\.\.|<>|[^\s\w])")
    return re.compile("|".join(parts))


def lex(text: str, language: Language) -> Lexed:
    """Return the tokens of `text`; bounded, and never fails: what no rule matches is passed over."""
    out = Lexed()
    blanked: list[str] = []
    position = line = 0
    last = 0
    for match in _grammar(language).finditer(text):
        kind = match.lastgroup or ""
        kind = "triple" if kind == "inner" else kind
        start = match.start()
        line += text.count("\n", last, start)
        last = start
        if kind in {"block", "line"}:
            out.comments.append((line + 1, match[0]))
            blanked.append(text[position:start])
            blanked.append(re.sub(r"[^\n]", " ", match[0]))
            position = match.end()
        elif kind in {"string", "triple"}:
            out.tokens.append(_string(match, kind, language, line + 1))
        elif kind == "word":
            out.tokens.append(Token("word", match[0], start, line + 1))
        elif kind == "mark":
            out.tokens.append(Token("mark", match[0], start, line + 1))
        else:
            out.tokens.append(Token("number", match[0], start, line + 1))
        if len(out.tokens) > _MAX_TOKENS:
            out.complete = False
            break
    blanked.append(text[position:])
    out.code = "".join(blanked)
    return out


_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|([0-7]{3})|([\s\S]))")
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "\n": ""}


def _string(match: re.Match[str], kind: str, language: Language, line: int) -> Token:
    if kind == "triple":
        body, quote, raw = match["inner"], '"', True
    else:
        text = match[0]
        quote = text[-1] if text[-1] in language.quotes else '"'
        head, _, body = text.partition(quote)
        body = body[: body.rfind(quote)] if quote in body else body
        raw = quote in language.raw_quotes or "@" in head or "r" in head
        if language.name == "csharp" and "$" not in head:
            return Token("string", body if raw else unescape(body), match.start(), line)
    template = (
        quote in language.templates and bool(re.search(language.open_part, body)) if language.open_part else False
    )
    if template:
        return Token("template", body, match.start(), line)
    return Token("string", body if raw else unescape(body), match.start(), line)


def unescape(body: str) -> str:
    """Return a string's content with the escapes that most languages share replaced."""
    if "\\" not in body:
        return body
    return _ESCAPE.sub(_replace, body)


def _replace(match: re.Match[str]) -> str:
    for group, base in ((1, 16), (2, 16), (3, 16), (4, 8)):
        if match[group]:
            code = int(match[group], base)
            return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    return _PLAIN.get(match[5], match[5])
