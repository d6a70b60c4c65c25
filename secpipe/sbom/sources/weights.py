"""Which files are weights, and what the header of one proves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from secpipe.core.artifact import FileEntry
from secpipe.formats import gguf, kinds, safetensors
from secpipe.formats.problem import Problem
from secpipe.sbom.collector import Collector

_NAMES = re.compile(
    r"(?:saved_model|frozen_\w*graph|\w*_graph)\.pb$"
    r"|(?:pytorch_model|adapter_model|diffusion_pytorch_model|model|optimizer|training_args|consolidated)[\w.-]*\.bin$"
)
_SHARD = re.compile(r"^(.*?)[-_.](\d{5})-of-(\d{5})(\.\w+)$")
LFS = b"version https://git-lfs.github.com/spec/v1"


@dataclass(frozen=True, slots=True)
class Header:
    """What one weight file proves about itself: `facts` by name, `elements` by dtype."""

    format: str
    parameters: int = 0
    elements: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    analysed: bool = True


def begins(head: bytes) -> str:
    """Return the format that the first bytes show, or ""."""
    return "gguf" if gguf.looks_like(head) else "safetensors" if safetensors.looks_like(head) else ""


def format_of(entry: FileEntry) -> str:
    """Return the format of a weight file by its first bytes, else by its name; "" for any other file."""
    if found := begins(entry.head):
        return found
    if entry.suffix in kinds.WEIGHTS:
        return kinds.WEIGHTS[entry.suffix]
    if _NAMES.search(entry.name):
        return "tensorflow" if entry.suffix == ".pb" else "pytorch"
    return ""


def shard_of(name: str) -> tuple[str, int, int]:
    """Return (name without the shard number, index, count); count is 1 for a file that is no shard."""
    found = _SHARD.match(name)
    return (found[1] + found[4], int(found[2]), int(found[3])) if found else (name, 1, 1)


def is_pointer(entry: FileEntry) -> bool:
    """Tell whether a file is a Git LFS pointer that stands for the real one."""
    return entry.head.startswith(LFS)


def read_header(found: Collector, entry: FileEntry, form: str) -> Header:
    """Read the header of one weight file; a format without a reader gives its name alone. Raises InputError."""
    reader = _READERS.get(form)
    return reader(found, entry) if reader is not None else Header(form, analysed=False)


def _safetensors(found: Collector, entry: FileEntry) -> Header:
    with found.tree.open(entry) as file:
        seen = safetensors.read(file, entry.size, found.limits)
    facts = {"tensors": str(len(seen.tensors)), "framework": seen.metadata.get("format", "")}
    return Header("safetensors", seen.parameters, seen.dtypes, facts, {}, seen.problems)


def _onnx(found: Collector, entry: FileEntry) -> Header:
    from secpipe.formats import onnx

    with found.tree.open(entry) as file:
        seen = onnx.read(file, entry.size, found.limits)
    opsets = ", ".join(f"{domain} {version}" for domain, version in sorted(seen.opsets.items()))
    ports = {"inputs": seen.inputs, "outputs": seen.outputs}
    facts = {
        "tensors": str(seen.tensors),
        "ir-version": str(seen.ir_version),
        "opsets": opsets,
        "producer": " ".join(filter(None, (seen.producer, seen.producer_version))),
        "description": seen.description[:1000],
        "operators": " ".join(seen.operators)[:2000],
        "external-data": "\n".join(sorted({item.location for item in seen.external}))[:4000],
        **{
            key: ", ".join(f"{port.name}: {port.dtype}[{', '.join(port.shape)}]" for port in value)[:1000]
            for key, value in ports.items()
        },
        **{f"declared:{key}": seen.metadata.get(key, "")[:300] for key in ("license", "author", "name")},
    }
    return Header("onnx", seen.parameters, seen.dtypes, facts, {}, seen.problems)


def _gguf(found: Collector, entry: FileEntry) -> Header:
    with found.tree.open(entry) as file:
        seen = gguf.read(file, entry.size, found.limits)
    architecture = seen.text("general.architecture")
    context = seen.metadata.get(f"{architecture}.context_length")
    tokens = seen.metadata.get("tokenizer.ggml.tokens")
    facts = {
        "tensors": str(len(seen.tensors)),
        "architecture": architecture,
        "quantization": seen.quantization,
        "gguf-version": str(seen.version or ""),
        "tokenizer": seen.text("tokenizer.ggml.model"),
        "vocabulary": str(tokens.count) if isinstance(tokens, gguf.GgufArray) else "",
        "context-length": str(context) if isinstance(context, int) and context else "",
        "declared:name": seen.text("general.name"),
        "declared:license": seen.text("general.license"),
        "declared:license-link": seen.text("general.license.link"),
        "declared:supplier": seen.text("general.organization") or seen.text("general.author"),
        "declared:description": seen.text("general.description")[:1000],
        "declared:version": seen.text("general.version"),
        "declared:base-model": "\n".join(_sources(seen, "base_model")),
        "declared:datasets": "\n".join([*_sources(seen, "dataset"), *_words(seen, "general.datasets")]),
        "declared:language": " ".join(_words(seen, "general.languages")),
        "declared:tags": " ".join(_words(seen, "general.tags")),
        "declared:quantized-by": seen.text("general.quantized_by"),
    }
    return Header("gguf", seen.parameters, seen.kinds, facts, seen.chat_templates, seen.problems)


def _words(seen: gguf.Gguf, key: str) -> list[str]:
    """Return the texts of an array, as far as they were kept; those that name nothing are left out."""
    value = seen.metadata.get(key)
    return [word for word in value.first if isinstance(word, str) and word] if isinstance(value, gguf.GgufArray) else []


def _sources(seen: gguf.Gguf, what: str) -> list[str]:
    """Return what `general.base_model.N.*` or `general.dataset.N.*` name, as `organization/name`."""
    found = []
    for index in range(16):
        stem = f"general.{what}.{index}."
        url, name, owner = (seen.text(stem + key) for key in ("repo_url", "name", "organization"))
        repository = re.match(r"https://huggingface\.co/(?:datasets/)?([\w.-]+/[\w.-]+)/?$", url)
        if repository:
            found.append(repository[1])
        elif name:
            found.append(f"{owner}/{name}".strip("/").replace(" ", "-"))
    return found


_READERS: dict[str, Callable[[Collector, FileEntry], Header]] = {
    "safetensors": _safetensors,
    "gguf": _gguf,
    "onnx": _onnx,
}
