"""What a line of shell says once its variables have values and its quotes are gone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from secpipe.scan.shadow_ai.lexer import unescape

_GIVEN = re.compile(
    r"(?m)(?:^|[;&|\s(])(?:\$env:|\$)?([A-Za-z_]\w{0,60})[ \t]*[:?+]?=[ \t]*"
    r"(\"[^\"\n]{1,500}\"|'[^'\n]{1,500}'|[^\s;&|()]{1,500})"
)
#: fish: `set -gx NAME value`; csh: `setenv NAME value`.
_SET = re.compile(
    r"(?m)(^|[;&|(])([ \t]*)set(?:env|(?:[ \t]+-{1,2}[a-zA-Z][\w-]*)+)[ \t]+([A-Za-z_]\w{0,60})[ \t]+"
    r"(?=[\"'\w.:/~$])"
)
_LINE = re.compile(
    r"(?m)^[ \t]*(?:-[ \t]+)?@?[\"']?(\w{1,60})[\"']?[ \t]*(?::=|[:=])[ \t]*"
    r"(\"[^\"\n]{1,500}\"|'[^'\n]{1,500}'|[^\s\"'{}][^\s{}]{0,499})[ \t]*,?[ \t]*$"
)
_VARIABLE = re.compile(r"\$\{(\w+)(?::?[-=]([^{}]*))?\}|\$\((\w+)\)|\$(?:env:)?(\w+)|%(\w+)%")
_QUOTING = re.compile(r"\$'((?:[^'\\]|\\.)*)'|\\(.)|[\"']")
_WAYS = 64  # lines that one line may stand for, and characters of them all; there is a note where it stands for more
_LONGEST = 1 << 19

#: Values by the name of the variable, in the order of the text.
Given = Mapping[str, tuple[str, ...]]


def given(text: str) -> Given:
    """Return what a script, a recipe or a build file assigns, every value of a name."""
    found: dict[str, dict[str, None]] = {}
    for match in _GIVEN.finditer(text) if "=" in text else ():
        found.setdefault(match[1], {})[match[2].strip("\"'")] = None
    return {name: tuple(values) for name, values in found.items()}


def settings(text: str) -> Given:
    """Return what lines `name: value`, `name = value` and `@name = value` give, every value of a name."""
    found: dict[str, dict[str, None]] = {}
    for match in _LINE.finditer(text):
        found.setdefault(match[1], {})[match[2].strip("\"'")] = None
    return {name: tuple(values) for name, values in found.items()}


def as_sh(text: str) -> str:
    """Return a script of fish or csh with what it sets written as sh does."""
    return _SET.sub(r"\1\2export \3=", text) if "set" in text else text


def said(row: str, values: Given) -> tuple[list[str], bool]:
    """Return what a row can stand for besides itself, and whether that is all of it."""
    names = dict.fromkeys(name for match in _VARIABLE.finditer(row) if (name := _name(match)) in values or match[2])
    ways = itertools.product(*(values.get(name) or ("",) for name in names))
    most = max(1, min(_WAYS, _LONGEST // (len(row) + 1)))
    rows = [_bare(_filled(row, dict(zip(names, way, strict=True)))) for way in itertools.islice(ways, most)]
    return [one for one in dict.fromkeys(rows) if one != row], next(ways, None) is None


def _name(match: re.Match[str]) -> str:
    return match[1] or match[3] or match[4] or match[5]


def _filled(row: str, values: Mapping[str, str]) -> str:
    for _ in range(3):  # the value of a variable may name another
        row, before = _VARIABLE.sub(lambda match: values.get(_name(match)) or match[2] or match[0], row), row
        if row == before:
            break
    return row


def _bare(row: str) -> str:
    return _QUOTING.sub(lambda match: unescape(match[1]) if match[1] else match[2] or "", row)


def programs(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield the programs in other languages that a script hands to their interpreter: (interpreter, text, line).

    Given as an argument (`python -c '...'`) or as a here-document (`node <<EOF`).
    """
    last = line = 0
    for match in _ARGUMENT.finditer(text) if _STARTS.search(text) else ():
        line, last = line + text.count("\n", last, match.start()), match.start()
        yield match[1], next(part for part in match.groups()[1:] if part), line
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        opened = _HEREDOC.search(lines[number]) if "<<" in lines[number] else None
        before = lines[number][: opened.start()] if opened else ""
        number += 1
        names = _STARTS.findall(before) if "#" not in before else []
        if opened and names:
            start = number
            while number < len(lines) and lines[number].strip() != opened[2]:
                number += 1
            body = [line.lstrip("\t") for line in lines[start:number]] if opened[1] else lines[start:number]
            yield names[0], "\n".join(body), start


_STARTS = re.compile(r"\b(python|pypy|node|deno|bun|ruby|php|perl)[\d.]*(?![\w-])")
_ARGUMENT = re.compile(
    r"\b(python|pypy|node|deno|bun|ruby|php|perl)[\d.]*(?:[ \t]+-[\w-]+){0,5}?[ \t]+-{1,2}(?:c|e|p|r|eval|print)[ \t]+"
    r"(?:\"((?:[^\"\\]|\\[\s\S]){1,20000})\"|'([^']{1,20000})'|'([^'\n]{1,20000})$|\"([^\"\n]{1,20000})$)",
    re.MULTILINE,
)
_HEREDOC = re.compile(r"<<(-?)[ \t]*[\"']?(\w+)[\"']?")
