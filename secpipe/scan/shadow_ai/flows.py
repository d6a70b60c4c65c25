"""Flows drawn in an editor (Flowise, Langflow, n8n): the node says which provider, whatever its model is called."""

from __future__ import annotations

import json
from typing import Any

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue, squash
from secpipe.scan.shadow_ai.hosts import resolve
from secpipe.scan.shadow_ai.places import destination_signal
from secpipe.scan.shadow_ai.signal import Reading, Signal

_NAMES = ("name", "type", "_type", "label")
_SETTINGS = ("inputs", "parameters", "template")


def read(content: str, lines: list[str], catalogue: Catalogue, out: Reading) -> None:
    """Add the providers of the nodes; a model named inside such a node no longer stands for another one."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return
    told: set[str] = set()
    pending: list[Any] = [data]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            pending += item.values()
            _node(item, lines, catalogue, out, told)
    out.signals = [sign for sign in out.signals if sign.role != "model" or sign.model not in told]


def _node(item: dict[str, Any], lines: list[str], catalogue: Catalogue, out: Reading, told: set[str]) -> None:
    names = [item[key] for key in _NAMES if isinstance(item.get(key), str)]
    node = item.get("node")
    inner: dict[str, Any] = node if isinstance(node, dict) else item  # Langflow
    settings = next((inner[key] for key in _SETTINGS if isinstance(inner.get(key), dict)), None)
    owner = next(filter(None, (catalogue.brand(name.rpartition(".")[2]) for name in names)), "") if settings else ""
    if not owner or settings is None:
        return
    models = [
        value for key, value in settings.items() if squash(key) in catalogue.model_keys and isinstance(value, str)
    ]
    told.update(models)
    line = next((number for number, text in enumerate(lines, 1) if f'"{names[0]}"' in text), 1)
    evidence = f"a node {names[0]}"
    bases = (value for key, value in settings.items() if squash(key) in catalogue.base_names and isinstance(value, str))
    there = next(filter(None, (resolve(value, catalogue) for value in bases if "://" in value)), None)
    if there is not None:
        out.signals.append(destination_signal("direct", "config", there, line, f"{evidence} at {there.host}"))
        return
    for model in models or [""]:
        out.signals.append(
            Signal("direct", "config", owner, line=line, model=model, evidence=evidence, confidence=Confidence.HIGH)
        )
