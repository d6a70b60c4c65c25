"""Agents that JavaScript and TypeScript define: which tools each is handed, by brackets and the table of frameworks.

No parser of the language is among our libraries that reads it without running it: texts and comments are blanked, so
that brackets can be paired, and names are followed to their declaration in the same file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.scan.agents import lethal, scripts
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.known import table, tools_give
from secpipe.scan.agents.telling import name_of, told

ENDINGS = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx")
_MODULE = re.compile(r"(?:\bfrom|\brequire\(|\bimport\(?)\s*[\"']([@\w./-]{1,100})[\"']")
_BLANK = re.compile(
    r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*(?:`|\Z)"
)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_SAID = re.compile(r"\bname\s*:\s*[\"'`]([^\"'`\n]{1,100})[\"'`]")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_AGENTS = 200  # of one file: more are a bundle's, whose names say nothing
_SPAN = 20_000  # characters of one call or declaration; what is longer is data
_DEPTH = 3  # a name of a name of a name


def agents(text: str, path: str) -> Iterator[Item | Finding]:
    """Yield the agents that a program defines, each with what its tools can do, and the lethal ones as findings."""
    modules = set(_MODULE.findall(text))
    rows = [row for row in table("frameworks")["javascript"] if any(_is(one, row["modules"]) for one in modules)]
    if not rows:
        return
    source = _Source(text)
    makes = {name: row for row in rows for name in row["makes"]}
    calls = re.compile(rf"\b({'|'.join(map(re.escape, sorted(makes)))})\s*(?:<[^<>(){{}}]{{0,100}}>)?\s*\(")
    for nth, match in enumerate(calls.finditer(source.blank)):
        if nth == _AGENTS:
            return
        yield from _agent(source, match, makes[match[1]], path)


def _is(module: str, known: list[str]) -> bool:
    return any(module == one or module.startswith(f"{one}/") for one in known)


def _agent(source: _Source, match: re.Match[str], row: dict[str, Any], path: str) -> Iterator[Item | Finding]:
    start, end = source.inside(match.end() - 1)
    tools = [one for key in row["tools"] for one in source.values(start, end, key)]
    if not tools and row.get("needs"):
        return  # the call alone makes no agent: `generateText` without tools only answers
    words = {word for begin, stop in tools for word in source.gives(begin, stop)}
    said = _SAID.search(source.text, start, end)
    line = source.text.count("\n", 0, match.start()) + 1
    name = said[1] if said else f"{path}:{line}"
    spelled = ", ".join(" ".join(source.text[begin:stop].split())[:60] for begin, stop in tools)
    yield Item(
        ItemKind.AGENT, name, path, row["name"], line, source=spelled[:300], capabilities=sorted_words(words),
        digest=digest_of(source.text[match.start() : end]), facts={},
    )  # fmt: skip
    if lethal.by_capability(words):
        said_ = f"the agent {name_of(name)} can read private data, takes in text of strangers and has a way out"
        yield told("agents/lethal-combination", said_, path, line=line, subject=name, severity=Severity.HIGH)


class _Source:
    """A program, the same without its texts and comments, and where its names are declared."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.blank = _BLANK.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        self.imports = "\n".join(re.findall(r"(?m)^\s*(?:import\b|const\s.{1,200}\brequire\()[^\n]*", text))
        self.places = {
            match[1] or match[2]: match.end()
            for match in re.finditer(
                r"\b(?:const|let|var)\s+([\w$]+)\s*(?::[^=;\n]{1,200})?=\s*|\bfunction\s+([\w$]+)\s*(?=\()", self.blank
            )
        }

    def inside(self, opening: int) -> tuple[int, int]:
        """Return where what stands in a pair of brackets begins and ends."""
        waits: list[str] = []
        for match in re.compile(r"[()\[\]{}]").finditer(self.blank, opening, opening + _SPAN):
            if match[0] in _PAIRS:
                waits.append(_PAIRS[match[0]])
            elif not waits or match[0] != waits.pop():
                break
            if not waits:
                return opening + 1, match.start()
        return opening + 1, min(len(self.text), opening + _SPAN)

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where each part between commas begins and ends, brackets apart."""
        depth, begin = 0, start
        for match in re.compile(r"[()\[\]{},]").finditer(self.blank, start, end):
            if match[0] == "," and not depth:
                yield begin, match.start()
                begin = match.end()
            elif match[0] != ",":
                depth += 1 if match[0] in _PAIRS else -1
        if self.text[begin:end].strip():
            yield begin, end

    def values(self, start: int, end: int, key: str) -> Iterator[tuple[int, int]]:
        """Yield the tools in the arguments of a call: under a key of its object, or at a place."""
        for nth, (begin, stop) in enumerate(self.parts(start, end)):
            opening = begin + len(self.blank[begin:stop]) - len(self.blank[begin:stop].lstrip())
            if key == str(nth):
                yield from self.listed(begin, stop)
            elif self.blank[opening : opening + 1] == "{":
                for first, last in self.parts(*self.inside(opening)):
                    if match := re.match(rf"\s*{re.escape(key)}\s*(:|$)", self.blank[first:last]):
                        yield from self.listed(first + match.end() if match[1] else first, last)

    def listed(self, begin: int, stop: int, depth: int = _DEPTH) -> Iterator[tuple[int, int]]:
        """Yield each tool of a list, of a table, or of the name of one."""
        bare = self.blank[begin:stop].strip().removeprefix("...")
        opening = begin + len(self.blank[begin:stop]) - len(self.blank[begin:stop].lstrip())
        if bare[:1] in {"[", "{"}:
            for first, last in self.parts(*self.inside(opening)):
                colon = re.match(r"\s*[\w$]*\s*:", self.blank[first:last]) if bare[0] == "{" else None
                yield from self.listed(first + colon.end() if colon else first, last, depth - 1) if depth else ()
        elif depth and _NAME.fullmatch(bare) and self.blank[self.places.get(bare, 0) :][:1] in {"[", "{"}:
            at = self.places[bare]
            yield from self.listed(at, self.inside(at)[1] + 1, depth - 1)
        elif bare:
            yield begin, stop

    def gives(self, begin: int, stop: int) -> set[str]:
        """Return what a tool can do: its own code, and that of the names of this file in it; else by the table."""
        code, names, seen = [self.text[begin:stop]], set(_NAME.findall(self.blank[begin:stop])), set[str]()
        own = bool(names & set(self.places)) or "=>" in code[0]
        for _ in range(_DEPTH):
            more = sorted((names & set(self.places)) - seen)
            seen |= set(more)
            for name in more:
                at = self.places[name]
                code.append(self.text[at : self._end(at)])
                names |= set(_NAME.findall(self.blank[at : self._end(at)]))
        words = tools_give(" ".join(_NAME.findall(self.blank[begin:stop])))
        return words | (scripts.judge("tool.ts", f"{self.imports}\n" + "\n".join(code))[1] if own else set())

    def _end(self, at: int) -> int:
        """Return where a declaration ends: at a line's end outside all brackets."""
        depth = 0
        for match in re.compile(r"[()\[\]{};\n]").finditer(self.blank, at, at + _SPAN):
            if match[0] in _PAIRS:
                depth += 1
            elif match[0] in {")", "]", "}"}:
                depth -= 1
            elif depth <= 0 and (match[0] == ";" or self.blank[at : match.start()].strip()):
                return match.start()
            if depth < 0:
                return match.start()
        return min(len(self.text), at + _SPAN)
