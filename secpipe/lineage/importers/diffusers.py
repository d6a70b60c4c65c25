"""diffusers: a pipeline's `model_index.json`, or the arguments of a call dumped as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.shape import listing, mapping, text
from secpipe.lineage.importers.claims import MOST, Claims, named, parameters, table
from secpipe.lineage.record import Input, Role, Tool

_CALL = ("num_inference_steps", "guidance_scale")


def read(document: Mapping[str, Any]) -> Claims | None:
    """Return what a document says, None where it is neither."""
    version = text(document.get("_diffusers_version"))[:256]
    tool = Tool("diffusers", version)
    if text(document.get("_class_name")) and version:
        parts = {
            f"component.{name}": ".".join(map(str, value))
            for name, value in document.items()
            if isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value)
        }
        settings = {"pipeline": document["_class_name"], **parts}
        return Claims("diffusers", "assemble", tuple(_models(document)), parameters(settings), (), tool)
    if not any(key in document for key in _CALL):
        return None
    named_ = {new: document[old] for old, new in table("diffusers").items() if old in document}
    return Claims(
        "diffusers", "generate", (*_models(document), *_adapters(document)), parameters(named_),
        tuple(_prompts(document)), tool,
    )  # fmt: skip


def _models(document: Mapping[str, Any]) -> Iterator[Input]:
    for key in ("_name_or_path", "pretrained_model_name_or_path", "model", "model_id"):
        name = text(document.get(key)).strip()[:4096]
        if name:
            yield Input(named(name) if name.startswith(("/", ".", "~")) else name, Role.MODEL)
            return


def _adapters(document: Mapping[str, Any]) -> Iterator[Input]:
    scale = mapping(document.get("cross_attention_kwargs") or document.get("joint_attention_kwargs")).get("scale")
    weight = float(scale) if isinstance(scale, int | float) and abs(scale) < 1e6 else None
    names = [document.get(key) for key in ("lora", "adapter", "lora_path")] + listing(document.get("loras"))
    for name in names[:MOST]:
        if found := named(name):
            yield Input(found, Role.ADAPTER, (), weight)


def _prompts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, role in (("prompt", Role.PROMPT), ("prompt_2", Role.PROMPT), ("negative_prompt", Role.NEGATIVE_PROMPT)):
        value = document.get(key)
        for one in listing(value)[:MOST] or [value]:
            if text(one).strip():
                yield role, text(one)
