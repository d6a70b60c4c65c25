"""Where files of agents stand: folders of skills and assistants, and settings that only their content gives away."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from secpipe.core.artifact import FileEntry
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.formats.coding import as_utf8, pieces
from secpipe.formats.words import any_of
from secpipe.scan.agents import scripts
from secpipe.scan.agents.known import Form

#: Folders that belong to an assistant: a program in them is one that an agent brings.
_OWN = re.compile(
    r"(?i)(?:^|/)(?:\.claude|\.cursor|\.codex|\.gemini|\.kiro|\.opencode|\.windsurf|\.continue|\.goose|\.junie|\.roo|\.agents?|\.github/(?:hooks|skills)|\.claude-plugin)/"
)
_SETTINGS = (".json", ".jsonc", ".json5", ".yaml", ".yml", ".toml")
#: One of these words stands in all that the next expression takes, and costs a tenth of it.
_SERVER_WORDS = any_of((b"mcp", b"context_servers", b"bypassPermissions", b"enableAllProjectMcpServers"))
_SERVERS = re.compile(rb"mcp_?-?[sS]ervers|context_servers|\bmcpServers\b|bypassPermissions|enableAllProjectMcpServers")
_CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx")
#: The same for what follows: a program that is a server, or that gives tools to an agent.
_CODE_WORDS = any_of((
    b"mcp", b"agents", b"crewai", b"langgraph", b"google.adk", b"autogen", b"smolagents", b"pydantic_ai",
    b"llama_index", b"agno", b"strands", b"@modelcontextprotocol", b"langchain", b"\"ai\"", b"'ai'",
    b"@mastra/core", b"@voltagent/core", b"@google/adk",
))  # fmt: skip
_AGENT_CODE = re.compile(
    rb"(?m)^\s*(?:from|import)\s+(?:mcp(?:\.server)?|fastmcp|agents|crewai|langgraph|langchain\.agents|google\.adk|autogen\w*|smolagents|pydantic_ai|llama_index\.core\.agent|agno\.agent|strands)\b"
    rb"|@modelcontextprotocol/sdk|[\"']fastmcp[\"']|@openai/agents|[\"'](?:@mastra/core|@langchain/langgraph|@voltagent/core|@strands-agents/sdk|@google/adk)"
    rb"|(?:\bfrom|\brequire\()\s*[\"'](?:ai|langchain)[\"']"
)
_TOOLS = re.compile(
    rb"\"(?:inputSchema|input_schema)\"\s*:[\s\S]*\"description\"|\"description\"[\s\S]*\"(?:inputSchema|input_schema)\"\s*:"
)
_NOISE = re.compile(r"(?:^|/)(?:package-lock\.json|pnpm-lock\.yaml|node_modules/.*)$")


def skill_folders(files: Iterable[FileEntry]) -> frozenset[str]:
    """Return every folder with a skill in it."""
    return frozenset(posixpath.dirname(entry.path) for entry in files if entry.name.lower() == "skill.md")


def skill_of(path: str, folders: frozenset[str]) -> str | None:
    """Return the folder of the skill that a file belongs to, the nearest, or None. A skill in the root owns nothing
    below it but what no other file explains: there the project itself is not the skill's.
    """
    folder = posixpath.dirname(path)
    while True:
        if folder in folders:
            return folder
        if not folder:
            return None
        folder = posixpath.dirname(folder)


def is_own(entry: FileEntry) -> bool:
    """Whether a program, or a page, stands in a folder of an assistant."""
    return is_own_path(entry.path) and (
        scripts.is_program(entry.path, entry.head) or entry.suffix in {".md", ".mdc", ".txt"}
    )


def is_own_path(path: str) -> bool:
    """Whether a path lies in a folder of an assistant."""
    return (path.startswith(".") or "/." in path) and bool(_OWN.search(path))


def by_content(tree: Tree, entry: FileEntry, limits: Limits) -> Form | None:
    """Return the form of settings that say what an agent may use, whatever the file is called; raises InputError."""
    if entry.suffix not in (*_SETTINGS, *_CODE) or _NOISE.search(entry.path):
        return None
    if entry.size > limits.text_bytes:
        return Form("mcp", "config") if entry.suffix in _SETTINGS and _holds(tree, entry) else None
    return in_content(entry.suffix, as_utf8(tree.read(entry, limits.text_bytes)))


def in_content(suffix: str, data: bytes) -> Form | None:
    """Return the form that the whole content of a file with this ending gives away."""
    if suffix in _CODE:
        return Form("code", "code") if _CODE_WORDS(data) and _AGENT_CODE.search(data) else None
    if suffix not in _SETTINGS:
        return None
    if suffix == ".json" and b"input" in data and _TOOLS.search(data):
        return Form("mcp", "tools")
    return Form("mcp", "config") if _SERVER_WORDS(data) and _SERVERS.search(data) else None


def _holds(tree: Tree, entry: FileEntry) -> bool:
    with tree.open(entry) as file:
        return any(_SERVERS.search(data) for _, data in pieces(file, entry.head, overlap=64))


def text_of(data: bytes) -> str:
    """Return the text of a file, in the encoding that its first bytes show."""
    return as_utf8(data).decode("utf-8", "replace")
