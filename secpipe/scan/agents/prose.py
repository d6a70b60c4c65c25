"""Text that an assistant reads: what a person does not see in it, what it orders, and the commands it says to run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from secpipe.core.finding import Finding
from secpipe.scan.agents import commands, hidden, instruct, scripts
from secpipe.scan.agents.known import pattern
from secpipe.scan.agents.telling import line_of, name_of, told

_FENCE = re.compile(
    r"(?m)^[ \t>]{0,12}(```+(?!`)|~~~+(?!~))[ \t]*([\w+-]*)[^\n]*\n([\s\S]*?)(?:^[ \t>]{0,12}\1[ \t]*$|\Z)"
)
_SAID = {
    "conceal": ("agents/instruction-to-conceal", "tells the assistant to keep something from the people it works for"),
    "disable": ("agents/instruction-to-disable", "tells the assistant to switch off or go past a check"),
    "take": ("agents/credential-theft", "tells the assistant to send credentials or private text away"),
    "fetch": ("agents/fetch-and-run", "says to unpack an archive behind a password and to run what is in it"),
    "unseen": ("agents/hidden-text", "holds orders in a part that a reader of the page does not see"),
}
_BLOCK = 20_000  # characters of one paragraph that are judged together
_SHELL = {"", "sh", "bash", "shell", "zsh", "console", "powershell", "ps1", "fish", "terminal", "cmd", "bat"}


def judged(text: str, path: str, who: str, *, code: bool = False, first_line: int = 1) -> Iterator[Finding]:
    """Yield what is wrong with a text, each rule once a kind; `code`: values of a file of settings."""
    shift = first_line - 1
    for one in hidden.hidden(text):
        yield told(
            "agents/hidden-text",
            f"{who} holds {one.what}",
            path,
            line=line_of(text, one.at) + shift,
            subject=one.what[:40],
            said=one.says,
        )
    plain = hidden.shown(text)
    for order in instruct.orders(plain, code=code):
        rule, said = _SAID[order.kind]
        yield told(
            rule, f"{who} {said}", path, line=line_of(plain, order.at) + shift, subject=order.kind, said=order.said
        )
    for finding in ordered_commands(plain, path, who, code=code):
        yield replace(finding, line=finding.line + shift)


def ordered_commands(text: str, path: str, who: str, *, code: bool) -> Iterator[Finding]:
    """Yield the commands that a text says to run and nobody should; what it only shows or forbids is left."""
    seen: set[str] = set()
    for start, block, program in blocks(text):
        plain = block if program == "prose" else pattern("commands", "guards").sub(" ", block)
        does = scripts.judge("x.py", block)[0] if program == "python" else commands.judge(plain)
        for rule, said, words in _acts(does):
            # What a list of indicators or a lesson shows is judged where it stands.
            at = start + max(block.find(said.split("\n")[0][:20]), 0)
            if rule in seen or instruct.quoted(text, at, at + len(said), code=code):
                continue
            seen.add(rule)
            yield told(
                rule, f"{who} {words}{_hosts(does)}", path, line=line_of(text, at), subject=f"prose {rule}", said=said
            )


def _acts(does: commands.Does) -> Iterator[tuple[str, str, str]]:
    if does.fetches:
        yield "agents/fetch-and-run", does.fetches, "says to fetch a program and run it"
    if does.hostile:
        yield (
            "agents/hostile-command",
            does.hostile,
            "says to run a command that opens a way in, settles in or destroys",
        )
    if does.steals:
        yield "agents/credential-theft", does.sends_to or does.reads, "says to read credentials and send something"


def _hosts(does: commands.Does) -> str:
    away = sorted(host for host in does.hosts if not commands.LOCAL.match(host))
    return f" ({', '.join(name_of(host) for host in away[:3])})" if away else ""


def blocks(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (start, text, kind) of every fenced block and every paragraph between them."""
    at = 0
    for match in _FENCE.finditer(text):
        yield from _paragraphs(text, at, match.start())
        language = match[2].lower()
        yield (
            match.start(3),
            match[3][:_BLOCK],
            "python" if language in {"python", "py"} else "shell" if language in _SHELL else "code",
        )
        at = match.end()
    yield from _paragraphs(text, at, len(text))


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, str, str]]:
    at = start
    for match in re.finditer(r"\n[ \t]*\n", text[start:end]):
        if match.start() + start > at:
            yield at, text[at : start + match.start()][:_BLOCK], "prose"
        at = start + match.end()
    if at < end:
        yield at, text[at:end][:_BLOCK], "prose"


def hosts_told(text: str) -> set[str]:
    """Return the capabilities that the commands in fenced blocks would need: the hosts they reach."""
    found: set[str] = set()
    for _, block, kind in blocks(text):
        if kind in {"shell", "python"}:
            does = commands.judge(block)
            if does.network and does.hosts:
                found |= {f"net:{host}" for host in does.hosts if not commands.LOCAL.match(host)}
    return found
