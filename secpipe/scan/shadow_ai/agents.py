"""Agents at work on a repository: MCP servers, settings, instruction files, editor extensions."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.finding import Confidence
from secpipe.core.text import as_bytes
from secpipe.formats.jsonc import plain_json
from secpipe.scan.shadow_ai import configs, shell
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.hosts import resolve
from secpipe.scan.shadow_ai.signal import Reading, Signal

_SERVER_KEYS = ("mcpServers", "mcp_servers", "context_servers", "mcp-servers")
_KEY = re.compile(r""""([^"\n]{1,200})"\s*:|^\s*([\w.@/-]{1,200})\s*:|\.["']?([\w-]{1,200})["']?\s*\]""")
_MCP_FILES = re.compile(
    r"(?:^|/)(?:\.?mcp|mcp[-_]config|mcp[-_]servers|mcp_settings|cline_mcp_settings|claude_desktop_config)\.json$"
)
_EXTENSION_FILES = re.compile(
    r"(?:^|/)(?:devcontainer\.json|\.devcontainer\.json|extensions\.json|[\w.-]+\.code-workspace)$|(?:^|/)\.vscode/settings\.json$"
)


def instruction_owner(path: str, catalogue: Catalogue) -> str:
    """Return the agent whose instruction or settings file stands at `path`, or ""."""
    pattern, owners, first = _instructions(catalogue)
    match = None if first.isdisjoint(path.split("/")) else pattern.match(path)
    return owners[int((match.lastgroup or "g0")[1:])] if match else ""


@cache
def _instructions(catalogue: Catalogue) -> tuple[re.Pattern[str], list[str], frozenset[str]]:
    """All file globs of the catalogue as one pattern, their owners and first parts; each counts in any folder."""
    parts = [f"(?P<g{index}>(?:.*/)?{_glob(glob)}$)" for index, (glob, _) in enumerate(catalogue.files)]
    first = frozenset(glob.partition("/")[0] for glob, _ in catalogue.files)
    return re.compile("|".join(parts)), [owner for _, owner in catalogue.files], first


def _glob(glob: str) -> str:
    return re.escape(glob).replace(r"\*", ".*")


def is_agent_config(path: str) -> bool:
    """Whether a file may configure MCP servers or editor extensions, by its name."""
    possible = path.endswith((".json", ".code-workspace"))
    return possible and bool(_MCP_FILES.search(path) or _EXTENSION_FILES.search(path))


def read(content: str, path: str, catalogue: Catalogue) -> Reading:
    """Return the signs in an agent's settings; what is no JSON or TOML is read as plain configuration."""
    out = configs.read(content, path, catalogue)
    out.engine = "agent-config"
    owner = instruction_owner(path, catalogue)
    if owner:
        weak = path.rpartition("/")[2] in {"AGENTS.md", "Modelfile"}
        out.signals.append(
            Signal("direct", "agent", owner, line=1, region="config",
                evidence=f"{path.rpartition('/')[2]} instructs an agent",
                   confidence=Confidence.LOW if weak else Confidence.MEDIUM)
        )  # fmt: skip
    if path.endswith((".md", ".mdc", ".txt")):
        # Prose: only that the file is there counts, not the commands and hosts it tells about.
        out.signals = [sign for sign in out.signals if sign.mechanism == "agent"]
        out.values, out.downloads, out.reads = [], [], set()
        return out
    if not any(key in content for key in _SERVER_KEYS) and not is_agent_config(path):
        return out
    data = _parse(content, path)
    if data is None and path.endswith((".json", ".jsonc", ".toml", ".yml", ".yaml")):
        out.notes.append("the servers it names cannot be told: it does not parse")
    if isinstance(data, dict):
        _servers(data, content, path, catalogue, out)
        if _EXTENSION_FILES.search(path):
            _extensions(content, catalogue, out)
    return out


def _parse(content: str, path: str) -> Any:
    try:
        if path.endswith(".toml"):
            return tomllib.loads(content)
        if path.endswith((".yml", ".yaml")):
            from secpipe.formats.yaml import parse_yaml

            return {"documents": parse_yaml(as_bytes(content), "settings")}
        return json.loads(plain_json(content))
    except (ValueError, RecursionError, InputError):
        return None


def servers(data: Any, *, anywhere: bool) -> list[tuple[str, dict[str, Any]]]:
    """Return the MCP servers that a settings document names; `anywhere` also takes a bare `servers` table."""
    found: list[tuple[str, dict[str, Any]]] = []
    pending = [data]
    while pending:  # as many as the parsed document has: its size is bounded by the reader of files
        item = pending.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                if isinstance(value, dict) and (key in _SERVER_KEYS or (anywhere and key == "servers")):
                    found += [(name, row) for name, row in value.items() if isinstance(row, dict)]
                elif isinstance(value, dict | list):
                    pending.append(value)
        elif isinstance(item, list):
            pending.extend(item)
    return found


def _lines(content: str) -> dict[str, int]:
    """Return the first line of each key: `"key":`, `key:`, `[table.key]`."""
    found: dict[str, int] = {}
    for number, line in enumerate(content.split("\n"), 1):
        for match in _KEY.finditer(line):
            found.setdefault(match[1] or match[2] or match[3], number)
    return found


def _servers(data: Any, content: str, path: str, catalogue: Catalogue, out: Reading) -> None:
    lines = _lines(content)
    for name, row in servers(data, anywhere=bool(_MCP_FILES.search(path)) or "/.vscode/" in f"/{path}"):
        line = lines.get(name, 1)
        url = next(
            (row[key] for key in ("url", "serverUrl", "httpUrl", "endpoint") if isinstance(row.get(key), str)), ""
        )
        command = row.get("command")
        words = (
            [command]
            if isinstance(command, str)
            else [str(part) for part in command]
            if isinstance(command, list)
            else []
        )
        words += (
            [str(part) for part in row.get("args", ()) if isinstance(part, str | int)]
            if isinstance(row.get("args", ()), list)
            else []
        )
        destination = (
            resolve(url, catalogue)
            if url
            else next((d for word in words if "://" in word and (d := resolve(word, catalogue))), None)
        )
        what = (
            f"MCP server {name} at {destination.host}"
            if destination
            else f"MCP server {name} runs {' '.join(words)[:120]}"
        )
        out.signals.append(
            Signal(
                "direct",
                "mcp",
                "mcp",
                line=line,
                host=destination.host if destination else "",
                evidence=what,
                confidence=Confidence.HIGH,
                region="config",
            )
        )
        image = shell.image_owner(words[-1], catalogue) if words and words[0] in {"docker", "podman"} else ""
        if image:
            out.signals.append(
                Signal(
                    "direct",
                    "image",
                    image,
                    line=line,
                    evidence=f"MCP server {name} runs {words[-1]}",
                    confidence=Confidence.HIGH,
                )
            )


def _extensions(content: str, catalogue: Catalogue, out: Reading) -> None:
    for number, line in enumerate(content.split("\n"), 1):
        for match in re.finditer(r'"([A-Za-z0-9-]+\.[A-Za-z0-9-]+)"', line):
            owner = catalogue.signals["extensions"].get(match[1].lower(), "")
            if owner:
                out.signals.append(
                    Signal(
                        "direct",
                        "agent",
                        owner,
                        line=number,
                        region="config",
                        evidence=f"installs the extension {match[1]}",
                    )
                )
