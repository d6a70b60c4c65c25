"""Pages with front matter: skills, commands, agents and rules, as items with what they may use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.core.shape import listing, mapping, text
from secpipe.scan.agents import commands, launch, loose, prose, scripts, secrets, servers, settings
from secpipe.scan.agents.documents import Document, front_matter
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.known import pattern
from secpipe.scan.agents.telling import line_of, name_of, told

_TOOLS = ("allowed-tools", "tools", "allowed_tools", "allowedTools")
_INLINE = re.compile(r"(?<![`\w])!`([^`\n]{1,2000})`|(?m:^!(?!\[)\s?([^\n]{3,500})$)")
_KINDS = {"skill": ItemKind.SKILL, "command": ItemKind.COMMAND, "agent": ItemKind.AGENT, "rules": ItemKind.RULES}
_IMPORT = re.compile(r"(?m)(?:^|(?<=\s))@((?:~|\.{1,2})?/?[\w.-][\w./-]*\.(?:md|mdc|txt))\b")


def read(path: str, content: str, reads: str, client: str, digest: str) -> tuple[Item, list[Finding], list[Item]]:
    """Return (the item, what is wrong with it, servers and hooks in its front matter)."""
    head, body, _ = front_matter(content)
    kind = _KINDS[reads]
    name = text(head.get("name")) or _name(path, kind)
    who = f'the {kind} "{name_of(name)}"' if kind is not ItemKind.RULES else name_of(path)
    found = _tools(head) | prose.hosts_told(body) if kind is not ItemKind.RULES else set()
    wrong = list(prose.judged(content, path, who))
    if (secret := next(secrets.in_prose(content), None)) is not None:
        said = f"{who} holds a secret, written out"
        wrong.append(
            told("agents/secret-in-configuration", said, path, line=line_of(content, secret), subject="secret")
        )
    for match in _INLINE.finditer(body) if kind is ItemKind.COMMAND else ():
        command = match[1] or match[2]
        found |= scripts.capabilities(commands.judge(command), command)
        found.add("shell" if re.search(r"[|;&`<>]|\$\(", command) else f"run:{(launch.split(command) or ['?'])[0]}")
    auto = any(
        str(head.get(key, "")).lower() in {"bypasspermissions", "dontask", "yolo"}
        for key in ("permissionMode", "permission-mode", "mode")
    )
    if auto:
        found.add("auto")
        wrong.append(
            told("agents/wide-permission", f"{who} runs every tool without asking", path, subject="permissionMode")
        )
    wrong += [
        told(
            "agents/wide-permission",
            f"{who} allows {name_of(tool)}: nothing is asked before it",
            path,
            line=2,
            subject=tool,
        )
        for tool in _listed(head)
        if _too_wide(tool, kind)
    ]
    item = Item(
        kind, name, path, client, 1, source=text(head.get("description"))[:300] if kind is not ItemKind.RULES else "",
        version=str(head.get("version", ""))[:60], capabilities=sorted_words(found), digest=digest,
        facts={
            "tools": _listed(head), "said": f"{name} {' '.join(_listed(head))}", "auto": auto,
            "imports": _IMPORT.findall(body) if kind is ItemKind.RULES else [],
        },
    )  # fmt: skip
    inner, more = _inner(head, content, path, client)
    return item, [*wrong, *more], inner


def _name(path: str, kind: ItemKind) -> str:
    parts = path.split("/")
    if kind is ItemKind.SKILL and len(parts) > 1:
        return parts[-2]
    return path if kind is ItemKind.RULES else re.sub(r"(?:\.(?:agent|prompt|chatmode))?\.\w+$", "", parts[-1])


def _listed(head: dict[str, Any]) -> list[str]:
    """Return the tools that front matter grants: a list, or words between commas outside brackets."""
    found: list[str] = []
    for key in _TOOLS:
        value = head.get(key)
        if isinstance(value, str):
            found += [
                one.strip() for one in re.split(r",(?![^(]*\))|(?<=\S)\s+(?=[A-Z*])(?![^(]*\))", value) if one.strip()
            ]
        elif isinstance(value, dict):
            found += [str(name) for name, given in value.items() if given not in (False, "deny", None)]
        else:
            found += [str(one) for one in listing(value)]
    return found


def _tools(head: dict[str, Any]) -> set[str]:
    return {word for tool in _listed(head) for word in settings.tool_capabilities(tool)}


def _too_wide(tool: str, kind: ItemKind) -> bool:
    """A skill or command that grants itself any command; an agent is given tools, and asks before it uses them."""
    return (
        kind in {ItemKind.SKILL, ItemKind.COMMAND}
        and loose.wide(tool)
        and tool.strip().lower() not in {"bash", "shell", "execute", "terminal", "powershell"}
    )


def _inner(head: dict[str, Any], content: str, path: str, client: str) -> tuple[list[Item], list[Finding]]:
    document = Document([head], content)
    items, wrong = [], []
    for name, row in servers.rows(head):
        item, more = servers.read(name, row, document, path, client)
        items.append(item)
        wrong += more
    for item, more in settings.hooks(document, path, client) if mapping(head.get("hooks")) else ():
        items.append(item)
        wrong += more
    return items, wrong


_UNTRUSTED = pattern("workflows", "untrusted")
_STARTS_AGENT = pattern("workflows", "starts_agent")
_LOOSE = pattern("workflows", "loose")
_STEERED = pattern("workflows", "steered")
_WRITES = pattern("workflows", "writes")


def _walled(content: str, at: int) -> bool:
    """Whether the command that is loose runs behind the firewall of GitHub's agentic workflows."""
    return bool(re.search(r"(?m)^\s*(?:sudo\s+(?:-E\s+)?)?awf\s", content[max(0, at - 6000) : at]))


def workflow(path: str, content: str, values: list[Any], *, agentic: bool = False) -> Iterator[Item | Finding]:
    """Yield the agent that a workflow of CI starts, and whether strangers steer it; `agentic`: the page is it."""
    match = _STARTS_AGENT.search(content)
    if match is None and not agentic:
        return
    table: dict[Any, Any] = dict(mapping(values[0] if values else None))
    events = table.get("on", table.get(True))  # YAML 1.1 reads `on` as true
    named = [str(one) for one in (events if isinstance(events, list | dict) else [events])]
    outside = sorted(one for one in named if _UNTRUSTED.match(one))
    given = sorted(set(re.findall(r"secrets\.([A-Za-z_]\w*)", content)))
    loose = next((one for one in _LOOSE.finditer(content) if not _walled(content, one.start())), None)
    writes = bool(_WRITES.search(content))
    if not agentic:
        yield _started(path, content, match[0] if match else "", given, outside, bool(loose), writes)
    if loose:
        line = content.count("\n", 0, loose.start()) + 1
        who = f"the workflow {name_of(path)} starts an agent that never asks"
        yield told("agents/wide-permission", who, path, line=line, subject="workflow", said=loose[0])
    if "copilot-setup-steps" in content:  # an agent's machine is set up by it
        yield from servers.judged_command(content, f"the setup of {name_of(path)}", "setup", path)
    steered = loose or (writes and _STEERED.search(content))
    if outside and steered and (given or writes):
        who = (
            f"the agent of {name_of(path)} reads text of strangers ({', '.join(outside)}), holds secrets, and can write"
        )
        yield told("agents/lethal-combination", who, path, subject="workflow", severity=Severity.HIGH)


def _started(
    path: str, content: str, source: str, secrets: list[str], outside: list[str], loose: bool, writes: bool
) -> Item:
    found = {f"secret:{name}" for name in secrets} | {f"content:{one}" for one in outside}
    found |= ({"auto"} if loose else set()) | ({"send:repository"} if writes else set())
    line = content.count("\n", 0, max(content.find(source), 0)) + 1
    return Item(
        ItemKind.WORKFLOW, path, path, "github-actions", line, source=source, capabilities=sorted_words(found),
        digest=digest_of(content), facts={"tools": []},
    )  # fmt: skip
