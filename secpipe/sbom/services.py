"""AI services found in code become services with their evidence, never packages; and every file, on request."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from secpipe.core.inventory import Component, ComponentKind, Inventory, content_ref, declared, verified
from secpipe.core.paths import is_page
from secpipe.core.protocols import Tree
from secpipe.sbom.extras import contents
from secpipe.sbom.sources.models import file_component
from secpipe.system.aliases import aliased

#: Who serves the models of others, under the names that those gave them.
_HUBS = {"huggingface", "modelscope", "torch-hub", "openrouter", "vercel-gateway"}
_OWNED = re.compile(r"([\w.-]+)/[\w.:@-]+(?: \S+)?")
#: What code fetches -> what it is in a bill of materials; everything else is a model.
_KINDS = {"dataset": ComponentKind.DATASET, "prompt": ComponentKind.PROMPT}


def with_services(
    inventory: Inventory, uses: Iterable[Mapping[str, Any]], references: Iterable[Mapping[str, Any]] = ()
) -> Inventory:
    """Return the inventory with one service a provider and host, and what code fetches or calls by name.

    `uses` and `references` are the facts of the check `shadow-ai`. A name that is a component of the tree stays that;
    any other becomes one that is only *referenced*: no digest, a purl only where a commit pins it.
    """
    uses = list(uses)
    inventory = _with(inventory, _referenced(inventory, uses, references))
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


def _referenced(
    inventory: Inventory, uses: Iterable[Mapping[str, Any]], references: Iterable[Mapping[str, Any]]
) -> list[Component]:
    known = {item.name.lower() for item in inventory.components if item.kind in (*_KINDS.values(), ComponentKind.MODEL)}
    named: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in references:
        if one.get("name") and _is_used(one):
            named[str(one.get("thing")), str(one["name"])].append(one)
    fetched = {name for _, name in named}
    for use in uses:
        model = str(use.get("model") or "")
        if model and model not in fetched and not use.get("context") and _is_used(use):
            named["model", _without_provider(model, str(use.get("provider") or ""))].append(use)
    found = []
    for (thing, name), group in sorted(named.items()):
        kind = _KINDS.get(thing, ComponentKind.MODEL)
        if name.lower() in known:
            continue
        places = sorted({f"{one.get('path')}:{one.get('line') or 1}" for one in group})
        path, _, line = places[0].rpartition(":")
        provider = next((str(one["provider"]) for one in group if one.get("provider")), "")
        facts = {
            "supplier": _maker(name, provider),
            "served-by": provider,
            "adapter": "yes" if thing == "adapter" else "",
            "pinned": "yes" if all(one.get("pinned") for one in group) else "no",
            "occurrences": "\n".join(places),
        }
        ref = content_ref(kind, "referenced", name)
        seen = any(one.get("confidence", "high") != "low" for one in group)
        how = "named in code, not part of this release" if seen else "a name in code, not seen in use"
        told = {**verified(path, facts), **declared(path, {"referenced": how})}
        found.append(Component(ref, kind, name, path=path, line=int(line), facts=told))
    return found


def _maker(name: str, provider: str) -> str:
    """Return who made a model: what a hub or a gateway calls `organisation/name` is that organisation's."""
    whose = _OWNED.fullmatch(name) if provider in _HUBS else None
    return whose[1] if whose else provider


def _is_used(one: Mapping[str, Any]) -> bool:
    """Whether a sign stands where the project uses it: not in a test, nor in prose; a page is a program as well."""
    region = one.get("region")
    return region != "test" and (region != "docs" or is_page(str(one.get("path"))))


def _without_provider(model: str, provider: str) -> str:
    """Return a model's own name: `openai:gpt-4o` names its provider, `llama3:8b` a tag."""
    word, sign, name = model.partition(":")
    return name if sign and provider and word.replace("_", "-").startswith(provider.split("-")[0]) else model


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
