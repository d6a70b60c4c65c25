"""What settings allow: hooks, helpers, permissions, approval without asking, routes of the assistant's own traffic."""

# ruff: noqa: E501  # one alternative a line: a table of expressions, broken nowhere else

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.core.shape import mapping, text
from secpipe.scan.agents import commands, launch, scripts, secrets
from secpipe.scan.agents.documents import Document
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.servers import judged_command
from secpipe.scan.agents.telling import name_of, told

#: Settings whose value is a command that the assistant runs by itself.
_HELPERS = (
    "apiKeyHelper",
    "awsAuthRefresh",
    "awsCredentialExport",
    "otelHeadersHelper",
    "fileSuggestion",
    "statusLine",
    "notify",
    "gcpAuthRefresh",
)
_ROUTES = re.compile(
    r"^(?:ANTHROPIC|OPENAI|GEMINI|GOOGLE_GEMINI|CLAUDE_CODE|CODEX|AZURE_OPENAI|MISTRAL|XAI)_[A-Z_]*(?:BASE_URL|API_BASE|ENDPOINT|HOST)$"
)
#: (key, value as text) -> what it allows. Values are compared in lower case; None is any that is not empty or false.
_SWITCHES: tuple[tuple[str, str, str], ...] = (
    ("enableAllProjectMcpServers", "true", "starts every server of the project without asking"),
    ("defaultMode", "bypasspermissions|dontask|auto", "runs every tool without asking"),
    ("permissionMode", "bypasspermissions|dontask", "runs every tool without asking"),
    ("permission-mode", "bypasspermissions|dontask", "runs every tool without asking"),
    ("skipDangerousModePermissionPrompt", "true", "runs every tool without asking"),
    ("bypassPermissionsMode|bypassPermissions|dangerouslySkipPermissions|dangerously-skip-permissions|skipPermissions", "true|enable", "runs every tool without asking"),
    ("yolo|yoloMode|yolo_mode|autoAccept|autoRun|auto_run|autoApproveAll|alwaysAllowAll|fullAuto|full_auto|autoExecute|enableYoloMode", "true|all|always|turbo", "runs every tool without asking"),
    ("approval_policy|approvalPolicy|approvalMode|approval_mode|defaultApprovalMode", "never|yolo|full-auto|auto_approve|auto-approve|bypass", "never asks before it runs something"),
    ("sandbox_mode|sandboxMode", "danger-full-access|none|off|disabled", "runs commands outside any sandbox"),
    ("dangerouslyDisableSandbox|disableSandbox|dangerouslyAllowAllUnixSockets", "true", "runs commands outside any sandbox"),
    ("chat.tools.autoApprove|chat.tools.global.autoApprove|chat.tools.terminal.autoApproveAll|github.copilot.chat.agent.autoApprove", "true", "runs every tool without asking"),
    ("GOOSE_MODE", "auto", "runs every tool without asking"),
    ("always_allow_tool_actions|alwaysAllowToolActions", "true", "runs every tool without asking"),
    ("cascadeAutoExecutionPolicy|windsurf.cascadeCommandsAutoExecution|terminalAutoExecution", "turbo|always|3", "runs every command without asking"),
    ("security.workspace.trust.enabled", "false", "trusts every folder that is opened"),
    ("disableAllHooks|disableGuardrails|disableSafety|disable_safety", "true", "switches off what was put in place to check"),
    ("alwaysAllowExecute|autoApprovalEnabled", "true", "runs commands without asking"),
)  # fmt: skip
_SWITCH = [(re.compile(f"(?:{key})", re.IGNORECASE), re.compile(value), said) for key, value, said in _SWITCHES]
#: A hook is given the prompt or the tool's input on standard input, and may answer for the person.
_PASSES_ON = re.compile(
    r"(?:-d|--data(?:-binary|-raw)?|-T|-F|--json|--upload-file)[ =]?[\"']?\S{0,20}@?-(?:[\s\"']|$)|\$\(\s*cat\s*(?:-\s*)?\)|`cat`|^\s*(?:cat|tee[^|]*)\s*\|[^\n]*\b(?:curl|nc|wget)\b"
)
_ANSWERS = re.compile(r"(?:behavior|permissionDecision|decision)\\*[\"']\s*:\s*\\*[\"'](?:allow|approve)\b")
#: `npx prettier` starts what the project has installed; with `-y`, or a version that floats, it fetches.
_LOCAL_TOOL = re.compile(
    r"^(?!.*(?:@latest|@next|\s-y\b|--yes\b|\bdlx\b))\s*npx\s+(?:--no-install\s+)?[\w@/.-]+(?:\s|$)"
)
_WIDE_TOOL = re.compile(
    r"(?i)^(?:\*|bash|shell|execute|run_shell_command|run_terminal_cmd|terminal|powershell|(?:bash|shell|run_shell_command|powershell|terminal|execute_bash|runcommands?)\s*[(:]\s*(?:\*+(?::\*)?|:\*|\.\*|(?:sudo|bash|sh|zsh|eval|exec|powershell|pwsh|cmd)(?:\s-c)?\s*(?::?\*|\s\*))\s*\)?|"
    r"mcp__\*|mcp__\*__\*|mcp\(\*[:)]\S*|(?:write|edit|multiedit)\((?:\*{1,2}|//?\*\*|~/\*\*|/\*)\)|read\((?://?\*\*|~/\*\*|//?etc/\S*|~/\.(?:ssh|aws|gnupg|config)\S*|.*\.ssh/\S*|.*\.aws/\S*)\)|all)$"
)
_LISTS = re.compile(
    r"(?i)^(?:allow|allowed|allow_?list|allowed_?tools|autoApprove|auto_approve|alwaysAllow|allowedCommands|whitelist|trustedCommands|trusted_?commands|cascadeCommandsAllowList|coreTools|toolsAllow)$"
)


def permissions(document: Document, path: str, client: str) -> Iterator[Finding | Item]:
    """Yield what settings allow too widely, and each permission as an item that is told."""
    for key, value, inside in walked(document.values):
        line = document.line(key)
        if isinstance(value, bool | str | int):
            for pattern, wide, said in _SWITCH:
                if pattern.fullmatch(key) and wide.fullmatch(str(value).strip().lower()):
                    yield told("agents/wide-permission", f"{key} in the settings {said}", path, line=line, subject=key)
        if _LISTS.match(key) and isinstance(value, list):
            yield from _allowed(key, value, path, line, client, inside)
        if key.lower() == "permission" and isinstance(value, dict | str):
            yield from _by_tool(value, path, line)
        patterns = mapping(value) if key in {"chat.tools.terminal.autoApprove", "autoApprovePatterns"} else {}
        if any(word in {"/.*/", "/.+/", "/^/", "*", ".*"} and rule for word, rule in patterns.items()):
            said = f"{key} lets every command run without asking"
            yield told("agents/wide-permission", said, path, line=line, subject=key)
        if _ROUTES.match(key) and isinstance(value, str) and "://" in value:
            yield from _route(key, value, path, line, client)
        if key in {"env", "environment", "envs"} and isinstance(value, dict) and "mcp" not in " ".join(inside).lower():
            yield from _written(value, path, document)


def walked(values: list[Any]) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Yield (key, value, keys above) of every table in parsed documents."""
    pending: list[tuple[Any, tuple[str, ...]]] = [(value, ()) for value in values]
    while pending:
        item, inside = pending.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                yield str(key), value, inside
                if isinstance(value, dict | list):
                    pending.append((value, (*inside[-6:], str(key))))
        elif isinstance(item, list):
            pending += [(one, inside) for one in item]


def wide(tool: str) -> bool:
    """Whether a permission lets everything through, or any command."""
    return bool(_WIDE_TOOL.match(tool.strip()))


def _allowed(
    key: str, value: list[Any], path: str, line: int, client: str, inside: tuple[str, ...]
) -> Iterator[Finding | Item]:
    listed = [one for one in value if isinstance(one, str)]
    if (
        inside and re.search(r"(?i)deny|domain|network|host|origin|filesystem", inside[-1])
    ) or "network" in key.lower():
        return
    for one in listed:
        if wide(one):
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


def _route(key: str, value: str, path: str, line: int, client: str) -> Iterator[Item]:
    """The assistant's own traffic, prompts and key included, goes to another host than its maker's."""
    host = commands.host_of(value)
    if host and not commands.LOCAL.match(host):
        yield Item(
            ItemKind.SERVER,
            key,
            path,
            client,
            line,
            source=value[:200],
            host=host,
            publisher=host,
            capabilities=(f"net:{host}",),
            digest=digest_of(value),
        )


def _written(values: dict[str, Any], path: str, document: Document) -> Iterator[Finding]:
    for name, value in values.items():
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
        elif key in _HELPERS:
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
    short = digest_of(command)[7:13]
    item = Item(
        ItemKind.HOOK, f"{event}-{short}", path, client, line, source=command[:400], pinned=not start.floating,
        capabilities=sorted_words(found), digest=digest_of([event, command]), facts={"script": start.script or script_in(command)},
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
