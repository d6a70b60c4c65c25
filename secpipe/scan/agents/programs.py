"""A file that an agent brings, judged: a program by what it would do, a page by what it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from secpipe.core.artifact import FileEntry
from secpipe.core.finding import Finding
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.formats.coding import coding_of
from secpipe.scan.agents import hidden, instruct, places, prose, python, scripts, secrets
from secpipe.scan.agents.known import pattern
from secpipe.scan.agents.servers import judged_does
from secpipe.scan.agents.telling import line_of, name_of, told

_PAGES = (".md", ".mdc", ".txt", ".rst", ".prompt", ".tmpl", ".j2", ".xml", ".html")
_LITERAL = re.compile(r"\"(?:[^\"\\\n]|\\.){40,4000}\"|'(?:[^'\\\n]|\\.){40,4000}'|`(?:[^`\\]|\\.){40,4000}`")


def program_findings(tree: Tree, entry: FileEntry, limits: Limits) -> tuple[set[str], list[Finding], str] | None:
    """Return (capabilities, findings, reader) of a file, or None where it holds no text. Raises InputError."""
    program = scripts.is_program(entry.path, entry.head)  # a shell passes over NULs, and so does who reads a page
    if not program and entry.suffix not in _PAGES and b"\0" in entry.head and not coding_of(entry.head):
        return None
    text = places.text_of(tree.read(entry, limits.text_bytes)).replace("\0", "")
    if program:
        capabilities, wrong = judged_program(entry.path, text, entry.head)
        return capabilities, [*wrong, *unseen(entry.path, text)], "program"
    if entry.suffix in _PAGES:
        return set(), list(prose.judged(text, entry.path, name_of(entry.path))), "page"
    return set(), unseen(entry.path, text), "text"


def unseen(path: str, text: str) -> list[Finding]:
    """Return what is hidden in text that is no prose: there zero width and joiners may be data."""
    return [
        told("agents/hidden-text", f"{name_of(path)} holds {one.what}", path, line=line_of(text, one.at),
             subject=one.what[:40], said=one.says)
        for one in hidden.hidden(text)
        if "tag" in one.what or "selectors" in one.what or "direction" in one.what
    ]  # fmt: skip


def judged_program(path: str, text: str, head: bytes) -> tuple[set[str], list[Finding]]:
    """Return the capabilities of a program and what is wrong with it."""
    does, capabilities = scripts.judge(path, text, head)
    who = f"the program {name_of(path)}"
    wrong = list(judged_does(does, who, path, path))
    if loose := pattern("workflows", "loose").search(text):
        said = f"{who} starts an agent that never asks"
        wrong.append(told("agents/wide-permission", said, path, line=line_of(text, loose.start()), subject="agent"))
    if (secret := next(secrets.in_code(text), None)) is not None:
        said = f"{who} holds a secret, written out"
        wrong.append(told("agents/secret-in-configuration", said, path, line=line_of(text, secret), subject="secret"))
    if "mcp" in text or "tool" in text:
        wrong += _descriptions(path, text, who)
    return capabilities, wrong


def _descriptions(path: str, text: str, who: str) -> Iterator[Finding]:
    """What a program tells an assistant about its tools: docstrings and long texts."""
    for said, line in _texts(path, text):
        for order in instruct.orders(said, code=True):
            if order.kind in {"conceal", "take", "disable"}:
                rule = {
                    "conceal": "agents/instruction-to-conceal",
                    "take": "agents/credential-theft",
                    "disable": "agents/instruction-to-disable",
                }[order.kind]
                yield told(
                    rule,
                    f"{who} describes a tool with an order to the assistant",
                    path,
                    line=line,
                    subject=f"description {order.kind}",
                    said=order.said,
                )
                return


def _texts(path: str, text: str) -> Iterator[tuple[str, int]]:
    if path.endswith((".js", ".ts", ".mjs", ".cjs", ".mts")):
        for match in _LITERAL.finditer(text):
            yield match[0][1:-1], line_of(text, match.start())
    if not path.endswith((".py", ".pyw")):
        return
    tree = python.parsed(text)
    found = [
        node
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 40
    ]
    for node in found:
        yield str(node.value), node.lineno
