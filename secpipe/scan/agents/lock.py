"""The lock of a project's agents: digests, versions, hosts, capabilities, and tool lists that somebody recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.finding import Finding
from secpipe.core.protocols import Tree
from secpipe.core.shape import Fields, mapping, tables, text, texts
from secpipe.core.text import printable
from secpipe.scan.agents.item import digest_of, in_words
from secpipe.scan.agents.known import form_of
from secpipe.scan.agents.telling import name_of, told

LOCK_NAME = "agents.lock.json"
SCHEMA = "secpipe.agents-lock/1"
_ROW = ("kind", "name", "path", "source", "package", "version", "host", "pinned", "capabilities", "digest")


def make(items: Iterable[Mapping[str, Any]], tools: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lock of `items` (as the fact of that name lists them) and recorded `tools`, by server."""
    rows = sorted(
        ({key: item[key] for key in _ROW} for item in items),
        key=lambda row: (row["kind"], row["name"], row["path"], row["digest"]),
    )
    return {"schema": SCHEMA, "items": rows, "tools": {name: dict(tools[name]) for name in sorted(tools)}}


def written(lock: Mapping[str, Any]) -> str:
    """Return the lock as its file holds it."""
    return json.dumps(lock, indent=2, ensure_ascii=True) + "\n"


def read(data: bytes) -> dict[str, Any]:
    """Return a lock; raises InputError for what is none."""
    fields = Fields(parse_json(data, LOCK_NAME), LOCK_NAME)
    if fields.text("schema") != SCHEMA:
        raise InputError(f"{LOCK_NAME} has another schema than {SCHEMA}")
    items, tools = tables(fields.listing("items", 100_000)), fields.mapping("tools")
    fields.close()
    return {"items": items, "tools": {str(name): dict(mapping(pinned)) for name, pinned in tools.items()}}


def pinned_tools(data: bytes, what: str) -> dict[str, str]:
    """Return tool -> digest of a recorded answer to `tools/list`; raises InputError where it holds none."""
    value = mapping(parse_json(data, what))
    listed = tables(value.get("tools")) or tables(mapping(value.get("result")).get("tools"))
    if not listed:
        raise InputError(
            f"{what} holds no list of tools", hint='the answer of a server to tools/list: {"tools": [...]}'
        )
    return {text(tool.get("name")): digest_of(tool) for tool in listed}


def changed_tools(tree: Tree, lock: FileEntry, limit: int) -> Iterator[Finding]:
    """Yield a finding for each recorded tool that is another than the lock pins. Raises InputError."""
    pinned = read(tree.read(lock, limit))["tools"]
    for entry in tree.files:
        form = form_of(entry.path)
        if form is None or form.reads != "tools":
            continue
        now = pinned_tools(tree.read(entry, limit), entry.path)
        server = entry.name.removesuffix(".json").removesuffix(".tools")
        for name, digest in now.items():
            before = mapping(pinned.get(server)).get(name)
            if before != digest and server in pinned:
                what = "is new" if before is None else "is described otherwise than when it was pinned"
                yield told(
                    "agents/changed-description",
                    f"the tool {name_of(name)} of {name_of(server)} {what}",
                    entry.path,
                    subject=f"{server} {name}",
                )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Yield (whether it allows more, a sentence) for each difference between two locks, by item."""
    old, new = ({_key(row): row for row in lock["items"]} for lock in (before, after))
    for key in sorted({*old, *new}):
        if key not in old:
            yield True, f"{_said(new[key])} is new: it can {_can(new[key])}"
        elif key not in new:
            yield False, f"{_said(old[key])} is gone"
        else:
            yield from _changed(old[key], new[key])
    yield from _tools(before["tools"], after["tools"])


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row.get("kind")), str(row.get("path")), str(row.get("name"))


def _said(row: Mapping[str, Any]) -> str:
    return f"{printable(str(row.get('kind')), 40)} {name_of(str(row.get('name')))}"


def _can(row: Mapping[str, Any]) -> str:
    return ", ".join(in_words(one) for one in texts(row.get("capabilities"))) or "nothing but say something"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    had, has = set(texts(old.get("capabilities"))), set(texts(new.get("capabilities")))
    for one in sorted(has - had):
        yield True, f"{_said(new)} can now {in_words(one)}"
    for one in sorted(had - has):
        yield False, f"{_said(new)} can no longer {in_words(one)}"
    if old.get("version") != new.get("version"):
        versions = [printable(str(row.get("version")), 60) for row in (old, new)]
        yield False, f"{_said(new)} goes from version {versions[0]} to {versions[1]}"
    if old.get("digest") != new.get("digest") and had == has and old.get("version") == new.get("version"):
        yield False, f"{_said(new)} changed, and can do what it could"


def _tools(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    for server in sorted({*old, *new}):
        had, has = mapping(old.get(server)), mapping(new.get(server))
        for name in sorted({*had, *has}):
            who = f"tool {name_of(name)} of {name_of(server)}"
            if name not in had:
                yield True, f"{who} is new"
            elif name not in has:
                yield False, f"{who} is gone"
            elif had[name] != has[name]:
                yield True, f"{who} is described otherwise"
