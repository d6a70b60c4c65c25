"""Servers that a configuration declares: what each starts or calls, what it is given, what it may reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.finding import Finding, Severity
from secpipe.core.shape import mapping, text, texts
from secpipe.scan.agents import commands, launch, loose, names, scripts, secrets
from secpipe.scan.agents.documents import Document
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.telling import name_of, told
from secpipe.system.redaction import redact

#: Keys under which servers stand: by name in a table, or one after another in a list.
CONTAINERS = re.compile(
    r"(?i)^(?:mcp[-_]?servers?|context[-_]servers|servers|extensions|mcp|mcp[-_]?config|remotes|user_mcpServers|dynamicServers|tools)$"
)
_STARTS = ("command", "cmd")
_CALLS = ("url", "serverUrl", "server_url", "httpUrl", "http_url", "uri", "endpoint", "baseUrl")
_GIVEN = (
    "env",
    "environment",
    "envs",
    "headers",
    "requestInit",
    "http_headers",
    "auth",
    "env_http_headers",
    "initializationOptions",
)
_VARIABLE = re.compile(r"\$\{?(?:env:|input:)?([A-Za-z][A-Za-z0-9_-]{1,60})|\{\{\s*(?:secrets\.)?([A-Za-z][\w-]{1,60})")
_AUTO = (
    "alwaysAllow",
    "autoApprove",
    "autoapprove",
    "auto_approve",
    "always_allow",
    "trust",
    "trusted",
    "autoStart",
    "default_tools_approval_mode",
)


def rows(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, row) of every server in a parsed document, wherever it stands and however its table is called."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:  # as many as the parsed document has: its size is bounded by the reader of files
        key, item = pending.pop()
        if isinstance(item, dict):
            for name, below in item.items():
                if CONTAINERS.match(str(name)) and isinstance(below, dict | list):
                    yield from _named(str(name), below)
                pending.append((str(name), below))
        elif isinstance(item, list):
            pending += [(key, one) for one in item]


def _named(key: str, below: dict[str, Any] | list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = (
        below.items()
        if isinstance(below, dict)
        else ((str(mapping(one).get("name") or f"{key}[{nth}]"), one) for nth, one in enumerate(below))
    )
    if isinstance(below, dict) and is_server(below):
        yield key, below
        return
    for name, row in listed:
        if isinstance(row, dict) and is_server(row):
            yield str(name), row
        elif isinstance(row, dict) and isinstance(below, list):  # a list of tables of one server each
            yield from ((str(inner), one) for inner, one in row.items() if isinstance(one, dict) and is_server(one))


def is_server(row: dict[str, Any]) -> bool:
    """Whether a table says how a server is started or where it is."""
    if any(
        (isinstance(row.get(key), str) and "://" in row[key])
        or (isinstance(row.get(key), str) and row[key].startswith("${"))
        for key in _CALLS
    ):
        return True
    return any(isinstance(row.get(key), str | list | dict) and row.get(key) for key in _STARTS) and row.get(
        "type"
    ) not in ("command",)


def words_of(row: dict[str, Any]) -> list[str]:
    """Return the command line of a server: program and arguments."""
    command = row.get("command") or row.get("cmd")
    if isinstance(command, dict):
        row, command = command, command.get("path") or command.get("command")
    found = (
        [command] if isinstance(command, str) else [str(one) for one in command] if isinstance(command, list) else []
    )
    arguments = row.get("args") or row.get("arguments") or []
    if isinstance(arguments, str):
        arguments = launch.split(arguments)
    found += (
        [str(one) for one in arguments if isinstance(one, str | int | float)] if isinstance(arguments, list) else []
    )
    if len(found) == 1 and " " in found[0]:
        found = launch.split(found[0])
    return found


def read(name: str, row: dict[str, Any], document: Document, path: str, client: str) -> tuple[Item, list[Finding]]:
    """Return the item that a server is, and what is wrong with it whatever a policy says."""
    line = document.line(name)
    url = next((text(row.get(key)) for key in _CALLS if text(row.get(key))), "")
    words = words_of(row)
    start = launch.launched(words)
    host = commands.host_of(url) or launch.remote_host(start)
    ecosystem, package, version = start.packages[0] if start.packages else ("", "", "")
    given = _given(row)
    found = _capabilities(start, host, url, given, words)
    item = Item(
        kind=ItemKind.SERVER,
        name=name,
        path=path,
        client=client,
        line=line,
        source=redact(url or " ".join(words))[:400],
        package=f"{ecosystem}:{package}" if package else "",
        version=version,
        host=host,
        publisher=_publisher(ecosystem, package, host),
        pinned=not start.floating,
        capabilities=sorted_words(found),
        digest=digest_of(row),
        facts={"script": start.script, "said": f"{name} {package} {host} {' '.join(words)}", "auto": _auto(row)},
    )
    return item, [*_wrong(item, row, words, start, url, given)]


def _publisher(ecosystem: str, package: str, host: str) -> str:
    if package.startswith("@"):
        return package.partition("/")[0]
    if ecosystem == "docker":
        return package.rpartition("/")[0] or "docker.io/library"
    return host if not package else ""


def _given(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a server is given by name: environment, headers, and what nests in them."""
    found: list[tuple[str, str]] = []
    pending = [row.get(key) for key in _GIVEN]
    while pending:
        item = pending.pop()
        for name, value in mapping(item).items():
            if isinstance(value, dict):
                pending.append(value)
            else:
                found.append((str(name), str(value) if isinstance(value, str | int | float) else ""))
        for one in texts(item):
            name, _, value = one.partition("=")
            found.append((name, value))
    return found


def _capabilities(
    start: launch.Launch, host: str, url: str, given: list[tuple[str, str]], words: list[str]
) -> set[str]:
    found = {f"run:{kind}:{name}" for kind, name, _ in start.packages}
    if host:
        found.add(f"net:{host}")
    elif url:
        found.add("net:any")
    if start.shell:
        found.add("shell")
        found |= scripts.capabilities(commands.judge(start.shell), start.shell)
    if start.script:
        found.add(f"run:{start.script}")
    if not found and words:
        found.add(f"run:{words[0]}")
    for name, value in given:
        if commands.SECRET_NAME.search(name) or re.search(r"(?i)^authorization$|^cookie$", name):
            referred = [one for pair in _VARIABLE.findall(value) for one in pair if one]
            found |= {f"secret:{one}" for one in referred or [name]}
    found |= {f"files:{root}" for root in start.roots}
    return found


def _auto(row: dict[str, Any]) -> bool:
    """Whether every tool of the server is used without asking."""
    for key in _AUTO:
        value = row.get(key)
        if (key in {"trust", "trusted"} and value is True) or (
            value in ("*", "all", True) and key not in {"autoStart"}
        ):
            return True
        if isinstance(value, list) and any(one == "*" for one in value):
            return True
        if key == "default_tools_approval_mode" and value == "approve":
            return True
    return False


def _wrong(
    item: Item, row: dict[str, Any], words: list[str], start: launch.Launch, url: str, given: list[tuple[str, str]]
) -> Iterator[Finding]:
    who = f'the server "{name_of(item.name)}"'
    place: Any = {"path": item.path, "line": item.line}
    yield from judged_command(" ".join(words), who, item.name, **place)
    if start.floating:
        yield told(
            "agents/floating-package",
            f"{who} starts {name_of(start.floating)}, which names no version",
            subject=f"{item.name} {start.floating}",
            said=" ".join(words),
            **place,
        )
    for name, value in [*given, *secrets.in_words(words), *_in_url(url)]:
        if secrets.written_out(name, value) or name == "argument":
            yield told(
                "agents/secret-in-configuration",
                f"{who} is given a secret as {name_of(name)}, written out",
                subject=f"{item.name} {name}",
                **place,
            )
            break
    for name, value in given:
        if loose.loads_other(name, value):
            said = f"{who} is started with {name_of(name)}: other code is loaded into it"
            yield told("agents/hostile-command", said, subject=f"{item.name} {name}", said=f"{name}={value}", **place)
    if item.facts["auto"]:
        yield told(
            "agents/wide-permission",
            f"every tool of {who} is used without asking",
            subject=f"{item.name} auto",
            **place,
        )
    if "/" in start.roots or any(
        root.rstrip("/") in {"", "~", "$HOME", "${HOME}", "/root", "/etc", "C:", "C:\\"} for root in start.roots
    ):
        yield told(
            "agents/wide-permission",
            f"{who} may reach the whole disk or the whole home folder",
            subject=f"{item.name} root",
            said=" ".join(words),
            **place,
        )
    yield from _alike(item, start, who)
    if url.lower().startswith(("http://", "ws://")) and item.host and not commands.LOCAL.match(item.host):
        severity = Severity.HIGH if commands.is_address(item.host) else Severity.MEDIUM
        yield told(
            "agents/fetch-and-run",
            f"{who} is reached at {name_of(item.host)} without encryption: anyone on the way writes its answers",
            subject=f"{item.name} http",
            severity=severity,
            **place,
        )


def _in_url(url: str) -> list[tuple[str, str]]:
    pairs = [(name, value) for name, value in re.findall(r"[?&]([\w-]+)=([^&#]+)", url)]
    user = re.match(r"\w+://([^/@:]*):([^/@]+)@", url)
    return pairs + ([("password", user[2])] if user else [])


def _alike(item: Item, start: launch.Launch, who: str) -> Iterator[Finding]:
    pairs = [(kind, name) for kind, name, _ in start.packages] + ([("host", item.host)] if item.host else [])
    for kind, name, version in start.packages:
        if names.reported(kind, name, version):
            said = f"{who} uses {name_of(name)}, which was reported as hostile"
            yield told("agents/look-alike-name", said, item.path, line=item.line, subject=f"{item.name} reported")
    for kind, name in pairs:
        if known := names.look_alike(kind, name):
            yield told(
                "agents/look-alike-name",
                f"{who} uses {name_of(name)}, which is nearly {known} and is not",
                item.path,
                line=item.line,
                subject=f"{item.name} {name}",
            )


def judged_command(command: str, who: str, subject: str, path: str, line: int = 0) -> Iterator[Finding]:
    """Yield what is wrong with a command line that is started for `who`."""
    yield from judged_does(commands.judge(command), who, subject, path, line)


def judged_does(does: commands.Does, who: str, subject: str, path: str, line: int = 0) -> Iterator[Finding]:
    """Yield what is wrong with what something would do."""
    for rule, said, words in (
        ("agents/fetch-and-run", does.fetches, f"fetches a program and runs it{_at(does)}"),
        ("agents/hostile-command", does.hostile, "opens a way in, settles in the system or destroys"),
        (
            "agents/credential-theft",
            (does.sends_to or does.reads) if does.steals else "",
            f"reads credentials and sends something{_at(does)}",
        ),
    ):
        if said:
            yield told(
                rule, f"{who} {words}", path, line=line, subject=f"{subject} {rule.partition('/')[2]}", said=said
            )


def _at(does: commands.Does) -> str:
    hosts = sorted(does.hosts)
    return f" ({', '.join(name_of(host) for host in hosts[:3])})" if hosts else ""
