"""Agents and servers that are defined in code: what they are called, and what the tools handed to them can do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.scan.agents import javascript, lethal, python, scripts
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.known import table, tools_give
from secpipe.scan.agents.programs import judged_program, unseen
from secpipe.scan.agents.telling import name_of, told

_SERVER = re.compile(
    r"\b(?:FastMCP|McpServer|MCPServer|Server)\(\s*(?:name\s*[=:]\s*)?(?:\{\s*name\s*:\s*)?[\"']([^\"'\n]{1,100})[\"']"
)
_OF_SERVERS = re.compile(r"\bmcp(?:\.server)?\b|fastmcp|@modelcontextprotocol/sdk")


def read(path: str, text: str) -> Iterator[Item | Finding]:
    """Yield the servers and agents that a program defines, and what is wrong with it. Nothing is imported."""
    capabilities, wrong = judged_program(path, text, b"")
    yield from wrong
    yield from unseen(path, text)
    if _OF_SERVERS.search(text) and (match := _SERVER.search(text)):
        yield Item(
            ItemKind.SERVER, match[1], path, "code", text.count("\n", 0, match.start()) + 1, source=path,
            capabilities=sorted_words(capabilities), digest=digest_of(text), facts={"script": path, "own": True},
        )  # fmt: skip
    tree = python.parsed(text) if path.endswith(".py") else None
    if tree is not None:
        yield from _agents(tree, text, path)
    if path.lower().endswith(javascript.ENDINGS):
        yield from javascript.agents(text, path)


def _agents(tree: ast.Module, text: str, path: str) -> Iterator[Item | Finding]:
    nodes = list(ast.walk(tree))
    modules = set(_modules(nodes))
    used = [row for row in table("frameworks")["framework"] if _has(modules, row["module"])]
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    lists = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    team: list[Item] = []
    for call in nodes if used else ():
        if isinstance(call, ast.Call) and (
            row := next((one for one in used if python.name_of(call) in one["makes"]), None)
        ):
            found = list(_agent(call, row, functions, lists, text, path))
            team += [one for one in found if isinstance(one, Item) and one.facts["team"]]
            yield from found
    yield from _team(team, path)


def _modules(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the full names of the modules that a program imports."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _has(modules: set[str], module: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for name in modules)


def _agent(
    call: ast.Call, row: dict[str, Any], functions: dict[str, Any], lists: dict[str, ast.expr], text: str, path: str
) -> Iterator[Item | Finding]:
    tools = [one for given in _handed(call, row["tools"]) for one in _listed(given, lists)]
    named = next(
        (one.value for one in call.keywords if one.arg in {"name", "role"}), call.args[0] if call.args else None
    )
    name = named.value if isinstance(named, ast.Constant) and isinstance(named.value, str) else f"{path}:{call.lineno}"
    each = [_gives(tool, functions, text) for tool in [call.func, *tools]]
    words = {word for one in each for word in one}
    yield Item(
        ItemKind.AGENT, name[:100], path, row["name"], call.lineno, source=", ".join(map(_spelled, tools))[:300],
        capabilities=sorted_words(words), digest=digest_of(ast.unparse(call)), facts={"team": bool(row.get("team"))},
    )  # fmt: skip
    if lethal.by_capability(words):
        said = f"the agent {name_of(name)} can read private data, takes in text of strangers and has a way out"
        yield told("agents/lethal-combination", said, path, line=call.lineno, subject=name, severity=Severity.HIGH)


def _team(agents: list[Item], path: str) -> Iterator[Finding]:
    """Agents of one team read each other's messages: what one takes in steers the one that runs commands."""
    words = {word for one in agents for word in one.capabilities}
    if (
        len(agents) > 1
        and "shell" in words
        and lethal.by_capability(words)
        and not any(lethal.by_capability({*one.capabilities}) for one in agents)
    ):
        said = f"the agents of {name_of(path)} together run commands, take in text of strangers and have a way out"
        yield told("agents/lethal-combination", said, path, subject="team", severity=Severity.HIGH)


def _handed(call: ast.Call, where: list[str]) -> list[ast.expr]:
    """Return the arguments that hold tools: by name, or by place."""
    named = [one.value for one in call.keywords if one.arg in where]
    if named:
        return named
    places = [int(one) for one in where if one.isdigit()]
    return next(([call.args[at]] for at in places if at < len(call.args)), [])


def _listed(given: ast.expr, lists: dict[str, ast.expr]) -> list[ast.expr]:
    value = lists.get(given.id, given) if isinstance(given, ast.Name) else given
    return list(value.elts) if isinstance(value, ast.List | ast.Tuple) else [value]


def _spelled(tool: ast.expr) -> str:
    return ast.unparse(tool)[:60]


def _gives(tool: ast.expr, functions: dict[str, Any], text: str) -> set[str]:
    """Return what a tool can do: a function of this file by its body, one of a framework by the table."""
    inner = [
        one.id if isinstance(one, ast.Name) else one.attr
        for one in ast.walk(tool)
        if isinstance(one, ast.Name | ast.Attribute)
    ]
    local = next((functions[name] for name in inner if name in functions), None)
    if local is not None:
        body = ast.get_source_segment(text, local) or ""
        imports = "\n".join(line for line in text.split("\n") if re.match(r"\s*(?:import|from)\s", line))
        return scripts.judge("tool.py", f"{imports}\n{body}")[1]
    return tools_give(" ".join(inner))
