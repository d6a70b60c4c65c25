"""What a shell makes of `$(...)`: echo and printf, decoded, turned around or translated, as far as it can be told."""

from __future__ import annotations

import binascii
import re
import shlex
from collections.abc import Callable, Sequence
from itertools import chain

from secpipe.core.errors import InputError
from secpipe.scan.shadow_ai import words
from secpipe.scan.shadow_ai.lexer import unescape
from secpipe.scan.shadow_ai.values import decoded, from_base64
from secpipe.scan.shadow_ai.values import text as literal

_INNER = re.compile(r"\$\(([^()]{1,6000})\)|`([^`\n]{1,6000})`")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_PRINTF_V = re.compile(r"(?m)^([ \t]*)printf[ \t]+-v[ \t]+(\w+)[ \t]+([^\n;]{1,4000})")
#: A row whose words become a program: what it says is a row of its own.
_PIPED = re.compile(
    r"(?m)^([^\n|#]{1,6000}(?:\|[^\n|]{1,400}){0,6}?)\|[ \t]*(?:sudo[ \t]+)?(?:ba|z|k|da)?sh\b[^\n|]{0,200}$"
)
_OCTAL = re.compile(r"\\0?([0-7]{3})")
_VERB = re.compile(r"%[-\d.]*[sbd]")
_NET = re.compile(
    r"\[[\w.]*Encoding\]::\w+\.GetString\(\s*\[[\w.]*Convert\]::FromBase64String\(\s*[\"']([\w+/=]{8,4000})[\"']\s*\)\s*\)"
)
_NAMED = re.compile(r"\$\{(\w{1,60})\}|\{\{[ \t]*(\w{1,60})[ \t]*\}\}")
_LONGEST = 1 << 24  # characters of a text whose names are filled
_ROUNDS = 4  # substitutions inside of substitutions; what is left stays as it stands


def filled(text: str) -> str:
    """Return a script with what its substitutions say in their place; each that cannot be told stays as it is."""
    text = _NET.sub(lambda match: _printable(_base64(match[1])) or match[0], text)
    if not any(sign in text for sign in ("$(", "`", "printf", "|")):
        return text
    given = words.given(text)

    def value(command: str, before: str) -> str:
        known = _VARIABLE.sub(
            lambda match: given[match[1]][0] if len(given.get(match[1], ())) == 1 else match[0], command
        )
        return _printable(said(known)) or before

    for _ in range(_ROUNDS):
        text, before = _INNER.sub(lambda match: value(match[1] or match[2], match[0]), text), text
        if text == before:
            break
    text = _PRINTF_V.sub(lambda match: f"{match[1]}{match[2]}={value(f'printf {match[3]}', match[3])}", text)
    return _PIPED.sub(lambda match: value(match[1], match[0]), text)


def named(text: str, given: words.Given) -> str:
    """Return a text with `${NAME}` and `{{ name }}` filled where the same text gives the name one value.

    Raises InputError where they stand for very much.
    """
    one = {name: values[0] for name, values in given.items() if len(values) == 1}

    def value(match: re.Match[str]) -> str:
        return one.get(match[1] or match[2], match[0])

    for _ in range(_ROUNDS if one else 0):
        text, before = _NAMED.sub(value, text), text
        if text == before:
            break
        if len(text) > _LONGEST:
            raise InputError("its names stand for more text than is followed")
    return text


def said(command: str) -> str:
    """Return what a pipeline of known words writes, "" where that cannot be told."""
    try:
        stages = [shlex.split(stage) for stage in command.split("|")]
    except ValueError:  # quotes around a bar, or none that end
        return ""
    if not all(stages):
        return ""
    first, *rest = stages
    if "<<<" in first:
        text, rest = " ".join(first[first.index("<<<") + 1 :]), [first[: first.index("<<<")], *rest]
    elif first[0] == "echo":
        text = " ".join(word for word in first[1:] if word not in {"-n", "-e", "-ne", "-en"})
    elif first[0] == "printf" and len(first) > 1:
        text = _printf(first[1:])
    else:
        return ""
    for stage in rest:
        step = _FILTERS.get(stage[0]) if stage else None
        text = step(text, stage[1:]) if step and text else ""
    return text


def _printf(arguments: Sequence[str]) -> str:
    form = unescape(_OCTAL.sub(lambda match: chr(int(match[1], 8) & 0x7F), arguments[0].replace("\\n", "")))
    rest = list(arguments[1:])
    verbs = len(_VERB.findall(form))
    times = -(-len(rest) // verbs) if verbs and rest else 1  # the format is used again while words are left
    values = chain(rest, [""] * verbs)
    return "".join(_VERB.sub(lambda match: next(values, ""), form) for _ in range(times)).replace("%%", "%")


def _base64(text: str, _arguments: Sequence[str] = ()) -> str:
    return next(iter(decoded(literal(text), from_base64).texts), "").strip()


def _hex(text: str, arguments: Sequence[str]) -> str:
    try:
        return bytes.fromhex(text.strip()).decode("latin-1") if "-r" in "".join(arguments) else ""
    except (ValueError, binascii.Error):
        return ""


def _translated(text: str, arguments: Sequence[str]) -> str:
    if len(arguments) != 2:
        return ""
    if arguments[0] in {"-d", "--delete"}:
        return text.translate(dict.fromkeys(map(ord, _set(arguments[1]))))
    old, new = (_set(one) for one in arguments)
    new += new[-1:] * (len(old) - len(new))
    return text.translate({ord(a): b for a, b in zip(old, new, strict=False)})


def _set(words_of: str) -> str:
    """The characters of a set of `tr`: ranges are written out."""
    plain = words_of.replace("\\n", "\n").replace("[:lower:]", "a-z").replace("[:upper:]", "A-Z")
    return re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), plain)


def _replaced(text: str, arguments: Sequence[str]) -> str:
    found = re.fullmatch(r"s(.)([\w.:/@-]*?)\1([\w.:/@-]*)\1g?", arguments[-1]) if arguments else None
    return text.replace(found[2], found[3]) if found and found[2] else ""


_FILTERS: dict[str, Callable[[str, Sequence[str]], str]] = {
    "base64": _base64,
    "openssl": _base64,
    "rev": lambda text, _: text[::-1],
    "xxd": _hex,
    "tr": _translated,
    "sed": _replaced,
    "cat": lambda text, _: text,
}


def _printable(text: str) -> str:
    return text if text.isascii() and text.replace("\n", " ").isprintable() else ""
