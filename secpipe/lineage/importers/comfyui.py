"""ComfyUI: the graph that stands as `prompt` in a PNG, or behind `prompt:` in the Exif of a WebP or JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.shape import mapping
from secpipe.lineage.importers.claims import MOST, Claims, named, parameters, table
from secpipe.lineage.record import Input, Role, Tool

_STEPS = 64  # from a sampler back to the text of its prompt


def read(texts: Mapping[str, str]) -> Claims | None:
    """Return what the graph says, None where there is none."""
    graph = next((found for text in _candidates(texts) if (found := _graph(text))), None)
    if graph is None:
        return None
    tool, settings = Tool("comfyui"), parameters(_settings(graph))
    return Claims("comfyui", "generate", tuple(_files(graph)), settings, tuple(_prompts(graph)), tool)


def _candidates(texts: Mapping[str, str]) -> Iterator[str]:
    yield texts.get("prompt", "")
    for name in ("Model", "Make", "ImageDescription", "UserComment"):
        yield texts.get(name, "").removeprefix("prompt:").removeprefix("Prompt:")


def _graph(text: str) -> Mapping[str, Mapping[str, Any]] | None:
    """Return the nodes that are of the right shape, None where it is no graph."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = parse_json(text.encode("utf-8", "replace"), "the graph")
    except InputError:
        return None
    nodes = {str(key): node for key, node in found.items() if isinstance(node, dict) and "class_type" in node}
    return nodes or None


def _files(graph: Mapping[str, Mapping[str, Any]]) -> Iterator[Input]:
    known, seen = table("comfyui"), set[tuple[str, str, float | None]]()
    for node in graph.values():
        inputs = mapping(node.get("inputs"))
        for key, role in known["files"].items():
            if not (name := named(inputs.get(key))) or len(seen) >= MOST:
                continue
            weight = None
            if role == Role.ADAPTER:
                weight = next(
                    (one for word in known["strength"] if (one := _weight(inputs.get(word))) is not None), None
                )
            if (name, role, weight) not in seen:
                seen.add((name, role, weight))
                yield Input(name, role, (), weight)


def _weight(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e6 else None


def _settings(graph: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of all nodes; where several have one, each but the first is named with its node."""
    found: dict[str, Any] = {}
    for key, node in graph.items():
        inputs = mapping(node.get("inputs"))
        for name in table("comfyui")["parameters"]:
            if isinstance(inputs.get(name), str | int | float):
                plain = "seed" if name == "noise_seed" else name
                found[plain if plain not in found else f"{key}.{plain}"] = inputs[name]
    return found


def _prompts(graph: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for node in graph.values():
        for key, role in table("comfyui")["prompts"].items():
            for text in _texts(graph, mapping(node.get("inputs")).get(key)):
                if (role, text) not in seen and len(seen) < MOST:
                    seen.add((role, text))
                    yield role, text


def _texts(graph: Mapping[str, Mapping[str, Any]], link: object) -> Iterator[str]:
    """Follow links `[node, output]` back to nodes that hold a text."""
    pending, seen = [link], set[str]()
    while pending and len(seen) < _STEPS:
        one = pending.pop()
        key = str(one[0]) if isinstance(one, list) and len(one) == 2 else ""
        if key in seen or key not in graph:
            continue
        seen.add(key)
        inputs = mapping(graph[key].get("inputs"))
        texts = [
            inputs[word]
            for word in ("text", "text_g", "text_l", "t5xxl", "clip_l", "string", "value")
            if word in inputs
        ]
        yield from dict.fromkeys(text for text in texts if isinstance(text, str) and text.strip())
        pending += [value for value in (*texts, *_onward(inputs)) if isinstance(value, list)]


def _onward(inputs: Mapping[str, Any]) -> list[Any]:
    """Nodes that change a prompt on its way take it as one of these."""
    return [
        inputs[word]
        for word in ("conditioning", "conditioning_1", "conditioning_2", "conditioning_to")
        if word in inputs
    ]
