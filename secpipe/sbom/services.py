"""AI services found in code become services with their evidence, never packages; and every file, on request."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from secpipe.core.inventory import Component, ComponentKind, Inventory, content_ref, verified
from secpipe.core.protocols import Tree
from secpipe.sbom.extras import contents
from secpipe.sbom.sources.models import file_component
from secpipe.system.aliases import aliased


def with_services(inventory: Inventory, uses: Iterable[Mapping[str, Any]]) -> Inventory:
    """Return the inventory with one service a provider and host, from the facts `uses` of the check `shadow-ai`."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for use in uses:
        if provider := str(use.get("provider") or ""):
            found[provider, str(use.get("host") or "")].append(use)
    services = []
    for (provider, host), group in sorted(found.items()):
        places = sorted({f"{use.get('path')}:{use.get('line') or 1}" for use in group if use.get("path")})
        models = sorted({str(use["model"]) for use in group if use.get("model")})
        facts = {
            "endpoint": _endpoint(host),
            "supplier": provider,
            "model": "\n".join(models),
            "occurrences": "\n".join(places),
        }
        path = places[0].rpartition(":")[0] if places else ""
        ref = content_ref(ComponentKind.SERVICE, provider, host)
        name = host if host and provider == "local" else provider
        services.append(Component(ref, ComponentKind.SERVICE, name, path=path, facts=verified(path, facts)))
    return _with(inventory, services)


def _endpoint(host: str) -> str:
    """A named public host is reached by https; of any other the scheme is not known and not invented."""
    if not host or "://" in host:
        return host
    return f"https://{host}" if "." in host and ":" not in host else f"//{host}"


def with_files(inventory: Inventory, tree: Tree) -> Inventory:
    """Return the inventory with every file of the tree that is no component yet."""
    tree = aliased(tree, instead=True)
    known = {path for item in inventory.components for path in contents(item)}
    return _with(inventory, [file_component(entry) for entry in tree.files if entry.path not in known])


def _with(inventory: Inventory, more: list[Component]) -> Inventory:
    refs = {item.ref for item in inventory.components}
    items = [*inventory.components, *(item for item in more if item.ref not in refs)]
    return dataclasses.replace(inventory, components=tuple(sorted(items, key=lambda item: (item.kind.value, item.ref))))
