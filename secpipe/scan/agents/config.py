"""A file of settings, whoever reads it: servers, hooks, permissions, plugins, tools, and every text in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from secpipe.core.finding import Finding
from secpipe.core.limits import Limits
from secpipe.core.shape import mapping, tables, text
from secpipe.scan.agents import commands, prose, scripts, servers, settings
from secpipe.scan.agents.documents import Document, parse, walked
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.programs import judged_program as program
from secpipe.scan.agents.telling import name_of, told
from secpipe.system.redaction import redact

__all__ = ["program", "read"]

#: Keys whose values are started or handed over; they are judged as that, not as prose.
_NO_PROSE = {
    "command",
    "args",
    "cmd",
    "arguments",
    "url",
    "env",
    "headers",
    "allow",
    "deny",
    "ask",
    "version",
    "$schema",
    "bash",
}
_SHORT = 16
_RUN_FIRST = re.compile(r"!\{([^{}\n]{1,2000}(?:\{[^{}\n]{0,200}\}[^{}\n]{0,1000})*)\}")


def read(path: str, data: bytes, client: str, limits: Limits) -> Iterator[Item | Finding]:
    """Yield the items of a file of settings and what is wrong with them; raises InputError where it cannot be read."""
    document = parse(data, path, limits)
    yield from _servers(document, path, client)
    for item, wrong in settings.hooks(document, path, client):
        yield item
        yield from wrong
    yield from settings.permissions(document, path, client)
    yield from _plugin(document, path, client)
    yield from _sources(document, path, client)
    yield from _registry(document, path, client)
    yield from _inline(document, path, client)
    yield from prose.judged(_prose(document), path, name_of(path), code=True)


def _servers(document: Document, path: str, client: str) -> Iterator[Item | Finding]:
    seen: set[str] = set()
    for value in document.values:
        for name, row in servers.rows(value):
            item, wrong = servers.read(name, row, document, path, client)
            if item.id + item.digest not in seen:
                seen.add(item.id + item.digest)
                yield item
                yield from wrong


def _prose(document: Document) -> str:
    """Return every text of the file that is neither a command nor an address, one paragraph each."""
    found: list[str] = []
    pending = list(document.values)
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += [value for key, value in item.items() if key not in _NO_PROSE]
            found += [str(key) for key in item if not str(key).isascii()]
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, str) and (len(item) > _SHORT or not item.isascii()):
            found.append(item)
    return "\n\n".join(found)


def _inline(document: Document, path: str, client: str) -> Iterator[Item | Finding]:
    """Commands that a prompt has run before it is read: `!{git diff}`."""
    for key, value, _ in walked(document.values):
        for match in _RUN_FIRST.finditer(value) if key == "prompt" and isinstance(value, str) else ():
            words = scripts.capabilities(commands.judge(match[1]), match[1]) | {"shell"}
            name = re.sub(r"\.\w+$", "", path.rpartition("/")[2])
            line = document.line(key)
            yield Item(
                ItemKind.COMMAND, name, path, client, line, source=match[1][:300], capabilities=sorted_words(words),
                digest=digest_of(value),
            )  # fmt: skip
            yield from servers.judged_command(match[1], f"the command {name_of(name)}", name, path, line)


def _plugin(document: Document, path: str, client: str) -> Iterator[Item]:
    """A plugin is what its manifest names; what it brings stands beside it and is read by itself."""
    if not path.lower().endswith(("plugin.json", "gemini-extension.json")):
        return
    head = mapping(document.values[0] if document.values else None)
    if name := text(head.get("name")):
        yield Item(
            ItemKind.PLUGIN,
            name,
            path,
            client,
            document.line("name"),
            source=text(head.get("description"))[:300],
            version=text(head.get("version")),
            digest=digest_of(head),
        )


def _sources(document: Document, path: str, client: str) -> Iterator[Item | Finding]:
    """Where plugins come from: entries of a marketplace, and marketplaces that settings add."""
    for key, value, inside in walked(document.values):
        named = key if inside and inside[-1] == "extraKnownMarketplaces" else ""
        rows = [(named, mapping(value))] if named else []
        if key == "plugins" and isinstance(value, list):
            rows = [(text(row.get("name")), row) for row in tables(value)]
        for name, row in rows:
            source: Any = mapping(row.get("source"))
            place = text(source.get("url")) or text(source.get("repo")) or text(source.get("package"))
            if not name or not place:
                continue
            line = document.line(name)
            pinned = bool(text(source.get("sha")) or re.fullmatch(r"[0-9a-f]{40}", text(source.get("ref"))))
            yield Item(
                ItemKind.PLUGIN, name, path, client, line, source=redact(place)[:300], pinned=pinned,
                version=text(source.get("ref"))[:60], capabilities=(f"run:{redact(place)[:200]}",),
                digest=digest_of(row),
            )  # fmt: skip
            if place.lower().startswith(("http://", "git://")):
                said = f"the plugins of {name_of(name)} are fetched without encryption: anyone on the way writes them"
                yield told("agents/fetch-and-run", said, path, line=line, subject=f"{name} http", said=place)


def _registry(document: Document, path: str, client: str) -> Iterator[Item | Finding]:
    """`server.json` of a registry: packages by ecosystem, with a transport and variables."""
    head: Any = mapping(document.values[0] if document.values else None)
    runners = {"npm": "npx", "pypi": "uvx", "oci": "docker"}
    for package in tables(head.get("packages")):
        kind = (
            text(package.get("registryType"))
            or text(package.get("registry_name"))
            or text(package.get("registry_type"))
        )
        name = text(package.get("identifier")) or text(package.get("name"))
        version = text(package.get("version"))
        if kind in runners and name:
            joint = ":" if kind == "oci" and version and ":" not in name.rpartition("/")[2] else "@"
            word = f"{name}{joint}{version}" if version and version not in name else name
            variables = {
                text(one.get("name")): text(one.get("value"))
                for one in tables(package.get("environmentVariables") or package.get("environment_variables"))
            }
            row = {"command": runners[kind], "args": [*(["run"] if kind == "oci" else []), word], "env": variables}
            item, wrong = servers.read(text(head.get("name")) or name, row, document, path, client)
            yield item
            yield from wrong
