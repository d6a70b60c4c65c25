"""What settings allow: hooks, helpers, permissions, approval without asking, routes of the assistant's own traffic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.core.shape import mapping, tables, text, texts
from secpipe.scan.agents import commands, launch, loose, routes, scripts, secrets
from secpipe.scan.agents.documents import Document, walked
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.known import pattern, table
from secpipe.scan.agents.servers import judged_command
from secpipe.scan.agents.telling import name_of, told

#: A hook is given the prompt or the tool's input on standard input, and may answer for the person.
_PASSES_ON = pattern("settings", "passes_on")
_ANSWERS = pattern("settings", "answers")
#: `npx prettier` starts what the project has installed; with `-y`, or a version that floats, it fetches.
_LOCAL_TOOL = pattern("settings", "local_tool")


def permissions(document: Document, path: str, client: str) -> Iterator[Finding | Item]:
    """Yield what settings allow too widely, and each permission as an item that is told."""
    for key, value, inside in walked(document.values):
        line = document.line(key)
        if said := loose.loosened(key, value, client):
            yield told("agents/wide-permission", f"{key} in the settings {said}", path, line=line, subject=key)
        if isinstance(value, list):
            yield from _listed(key, value, path, line, client, inside)
        elif key.lower() == "permission" and isinstance(value, dict | str):
            yield from _by_tool(value, path, line)
        elif isinstance(value, dict) and loose.lists_allowed(key) and loose.every_pattern(value):
            said = f"{name_of(key)} lets every command run without asking"
            yield told("agents/wide-permission", said, path, line=line, subject=key)
        if isinstance(value, str) and secrets.in_setting(key, value) and "mcp" not in " ".join(inside).lower():
            yield from _written({key: value}, path, document)
        if key in {"env", "environment", "envs"} and isinstance(value, dict) and "mcp" not in " ".join(inside).lower():
            yield from _written(value, path, document)
    yield from routes.found(document, path, client)


def _listed(
    key: str, value: list[Any], path: str, line: int, client: str, inside: tuple[str, ...]
) -> Iterator[Finding | Item]:
    """A list of what may be used, or of rules that say what may."""
    if loose.lists_allowed(key):
        yield from _allowed(key, value, path, line, client, inside)
    for row in value:
        if isinstance(row, dict) and (everything := loose.all_allowed(row)):
            said = f"{name_of(key)} allows {name_of(everything)}: nothing is asked before it"
            yield told("agents/wide-permission", said, path, line=line, subject=f"{key} {everything}")


def _allowed(
    key: str, value: list[Any], path: str, line: int, client: str, inside: tuple[str, ...]
) -> Iterator[Finding | Item]:
    listed = [one for one in value if isinstance(one, str)]
    if (
        inside and re.search(r"(?i)deny|domain|network|host|origin|filesystem", inside[-1])
    ) or "network" in key.lower():
        return
    for one in listed:
        if loose.wide(one) or (key == "excludedCommands" and one.strip() == "*"):
            yield told(
                "agents/wide-permission",
                f"{name_of(one)} is allowed: nothing is asked before it",
                path,
                line=line,
                subject=f"{key} {one}",
            )
    if listed and inside and inside[-1].lower() in {"permissions", "tools"}:
        words = {word for one in listed for word in tool_capabilities(one)}
        yield Item(
            ItemKind.PERMISSION,
            f"{path} {key}",
            path,
            client,
            line,
            source=", ".join(sorted(listed))[:400],
            capabilities=sorted_words(words),
            digest=digest_of(sorted(listed)),
        )


def _by_tool(value: dict[str, Any] | str, path: str, line: int) -> Iterator[Finding]:
    """OpenCode's table: tool -> allow, ask, deny, or patterns of commands."""
    if value == "allow":
        yield told(
            "agents/wide-permission",
            "permission allows every tool without asking",
            path,
            line=line,
            subject="permission *",
        )
    for tool, rule in mapping(value).items():
        every = mapping(rule).get("*") if isinstance(rule, dict) else rule
        if tool in {"bash", "*", "external_directory"} and every == "allow":
            yield told(
                "agents/wide-permission",
                f"permission for {name_of(tool)} is allow: nothing is asked before it",
                path,
                line=line,
                subject=f"permission {tool}",
            )


def _written(values: dict[str, Any], path: str, document: Document) -> Iterator[Finding]:
    for name, value in values.items():
        if isinstance(value, str) and loose.loads_other(str(name), value):
            said = f"the settings give every command {name_of(str(name))}: other code is loaded into it"
            yield told("agents/hostile-command", said, path, line=document.line(str(name)), subject=str(name))
        if isinstance(value, str) and secrets.written_out(str(name), value):
            yield told(
                "agents/secret-in-configuration",
                f"the settings hold a secret as {name_of(str(name))}, written out",
                path,
                line=document.line(str(name)),
                subject=str(name),
            )


def hooks(document: Document, path: str, client: str) -> Iterator[tuple[Item, list[Finding]]]:
    """Yield every command that the assistant runs by itself, on an event or as a helper."""
    helpers = frozenset(table("settings")["helpers"]["keys"])
    for key, value, inside in walked(document.values):
        under = any(re.fullmatch(r"(?i)hooks?|then|on[A-Z]\w*|events?", one) for one in inside) or path.endswith(
            ".hook"
        )
        if (
            key in {"command", "bash", "powershell", "run"}
            and under
            and isinstance(value, str | list)
            and not any("mcp" in one.lower() for one in inside)
        ):
            event = next(
                (one for one in reversed(inside) if one.lower() not in {"hooks", "hook"}), path.rpartition("/")[2]
            )
            yield _hook(
                event, value if isinstance(value, str) else " ".join(map(str, value)), document, path, client, key
            )
        elif key == "url" and under and isinstance(value, str) and commands.host_of(value):
            yield _hook(next(iter(inside), "hook"), f"curl --data-binary @- {value}", document, path, client, key)
        elif key == "tasks" and isinstance(value, list):
            for row in tables(value):
                if mapping(row.get("runOptions")).get("runOn") == "folderOpen" and text(row.get("command")):
                    words = " ".join([text(row.get("command")), *texts(row.get("args"))])
                    yield _hook("folderOpen", words, document, path, client, "command")
        elif key in helpers:
            command = (
                value
                if isinstance(value, str)
                else " ".join(map(str, value))
                if isinstance(value, list)
                else text(mapping(value).get("command"))
            )
            if command:
                yield _hook(key, command, document, path, client, key)


def _hook(event: str, command: str, document: Document, path: str, client: str, key: str) -> tuple[Item, list[Finding]]:
    place = document.text.find(json.dumps(command)[1:-1][:60])
    line = document.text.count("\n", 0, place) + 1 if place >= 0 else document.line(key)
    start = launch.launched(launch.split(command))
    shellish = re.search(r"[|;&`<>]|\$\(", command)
    found = scripts.capabilities(commands.judge(command), command) | {
        f"run:{kind}:{name}" for kind, name, _ in start.packages
    }
    found.add(
        "shell" if shellish and start.script == "" else f"run:{start.script or (launch.split(command) or [event])[0]}"
    )
    short, helpers = digest_of(command)[7:13], table("settings")["helpers"]
    item = Item(
        ItemKind.HOOK, f"{event}-{short}", path, client, line, source=command[:400], pinned=not start.floating,
        capabilities=sorted_words(found), digest=digest_of([event, command]),
        facts={"script": start.script or script_in(command), "contained": key in helpers["contained"]},
    )  # fmt: skip
    who = f"the hook on {name_of(event)}"
    wrong = list(judged_command(command, who, item.name, path, line))
    if start.floating and not _LOCAL_TOOL.match(command):
        wrong.append(
            told(
                "agents/floating-package",
                f"{who} starts {name_of(start.floating)}, which names no version",
                path,
                line=line,
                subject=f"{item.name} {start.floating}",
                said=command,
            )
        )
    if _ANSWERS.search(command):
        said = f"{who} answers every question about a permission with yes"
        wrong.append(
            told("agents/wide-permission", said, path, line=line, subject=f"{item.name} answers", said=command)
        )
    hosts = [one for one in sorted(commands.judge(command).hosts) if not commands.LOCAL.match(one)]
    if hosts and _PASSES_ON.search(command):
        said = f"{who} sends what the assistant is told to {name_of(hosts[0])}"
        wrong.append(told("agents/credential-theft", said, path, line=line, subject=f"{item.name} told", said=command))
    if re.search(r"--dangerously-skip-permissions|--yolo\b|--dangerously-bypass-approvals-and-sandbox", command):
        wrong.append(
            told(
                "agents/wide-permission",
                f"{who} starts an agent that never asks",
                path,
                line=line,
                subject=f"{item.name} auto",
                severity=Severity.HIGH,
            )
        )
    return item, wrong


def script_in(command: str) -> str:
    """Return the file of the project that a command runs, or ""."""
    bare = re.sub(
        r"[\"']?\$\{?(?:CLAUDE_PROJECT_DIR|CLAUDE_PLUGIN_ROOT|PWD|workspaceFolder|__dirname|extensionPath|CURSOR_PROJECT_DIR)\}?[\"']?/?",
        "./",
        command,
    )
    match = re.search(r"(?:^|[\s\"'=])(\.{0,2}/?[\w.-][\w./-]*\.(?:py|sh|js|mjs|cjs|ts|rb|pl|ps1|bash))\b", bare)
    return match[1] if match else ""


def tool_capabilities(tool: str) -> set[str]:
    """Return what a tool, as permissions and front matter name it, lets an agent do."""
    name, _, scope = tool.strip().rstrip(")").partition("(")
    lower = name.strip().lower()
    if lower in {
        "bash",
        "shell",
        "execute",
        "run_shell_command",
        "runcommands",
        "terminal",
        "powershell",
        "run_terminal_cmd",
    }:
        program = re.split(r"[\s:*]", scope.strip())[0]
        return {"shell"} if not program or program in {"bash", "sh", "zsh", "eval", "sudo"} else {f"run:{program}"}
    if lower in {"webfetch", "websearch", "fetch", "web", "browser", "web_fetch", "google_web_search"}:
        host = scope.removeprefix("domain:").strip()
        return {"content:web", f"net:{host}" if host and host != "*" else "net:any"}
    if lower in {"write", "edit", "multiedit", "notebookedit", "edit_file", "write_file"}:
        return {"files:."}
    if lower in {"task", "agent"}:
        return {f"agent:{scope.strip() or '*'}"}
    if lower.startswith("mcp__"):
        return {f"agent:{lower}"}
    return set()
