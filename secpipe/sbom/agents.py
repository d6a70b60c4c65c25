"""What agents are given, in a BOM: servers as services, skills and the like as components; and who reaches what."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from secpipe.core.inventory import Component, ComponentKind, Inventory, content_ref, declared, verified
from secpipe.sbom.bom import property_of
from secpipe.sbom.query import select

#: Kinds of items -> what they are in a BOM. What is no service and no text is something that runs.
_KINDS = {"server": ComponentKind.SERVICE, "rules": ComponentKind.PROMPT, "permission": ComponentKind.FILE}
_ITEM = "secpipe:verified:item"


def with_agents(inventory: Inventory, items: Iterable[Mapping[str, Any]]) -> Inventory:
    """Return the inventory with one service or component an item, from the facts `items` of the check `agents`."""
    found = {component.ref: component for component in inventory.components}
    for item in items:
        made = _component(item)
        found.setdefault(made.ref, made)
    ordered = sorted(found.values(), key=lambda one: (one.kind.value, one.ref))
    return dataclasses.replace(inventory, components=tuple(ordered))


def _component(item: Mapping[str, Any]) -> Component:
    path, name, host = str(item["path"]), str(item["name"]), str(item.get("host") or "")
    kind = _KINDS.get(str(item["kind"]), ComponentKind.APPLICATION)
    facts = {
        "item": str(item["id"]),
        "client": str(item.get("client") or ""),
        "package": str(item.get("package") or ""),
        "pinned": "yes" if item.get("pinned") else "no",
        "capability": "\n".join(map(str, item.get("capabilities") or [])),
        "item-digest": str(item.get("digest") or ""),
        "owner": str(item.get("owner") or ""),
        "endpoint": f"https://{host}" if host and kind is ComponentKind.SERVICE else "",
        "occurrences": f"{path}:{item.get('line') or 1}",
    }
    said = declared(path, {"supplier": str(item.get("publisher") or "")})
    ref = content_ref(kind, "agents", path, str(item["id"]), facts["item-digest"])
    return Component(
        ref, kind, name, str(item.get("version") or ""), path=path, line=int(item.get("line") or 0),
        facts={**verified(path, facts), **said},
    )  # fmt: skip


def uses_server(item: Mapping[str, Any], name: str) -> str:
    """Return how an item of a BOM uses a server of that name, package or host, in words; "" where it does not."""
    if not property_of(item, _ITEM).startswith("server:"):
        return ""
    package = property_of(item, "secpipe:verified:package")
    hosts = [str(one).partition("://")[2].partition("/")[0] for one in select(item, "endpoints[]")]
    names = {str(item.get("name")), package, package.partition(":")[2], *hosts} - {""}
    return f"declared for {property_of(item, 'secpipe:verified:client') or 'any agent'}" if name in names else ""


def reaches_secret(item: Mapping[str, Any], name: str) -> str:
    """Return how an item of a BOM reaches a secret, in words; "" where it does not."""
    capabilities = {str(one) for one in select(item, "properties[name=secpipe:verified:capability].value")}
    if f"secret:{name}" in capabilities:
        return "is given it" if property_of(item, _ITEM).startswith("server:") else "reads it"
    if "secret:credentials" in capabilities:
        return "reads places where credentials lie"
    return "runs any command" if "shell" in capabilities else ""


def place_of(item: Mapping[str, Any]) -> str:
    """Return `path:line` where an item of a BOM is declared, or ""."""
    return next(_places(item), "")


def _places(item: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(one) for one in select(item, "properties[name=secpipe:occurrence].value"))
    for row in select(item, "evidence.occurrences[]"):
        if isinstance(row, dict):
            yield f"{row.get('location')}:{row.get('line', 1)}"
