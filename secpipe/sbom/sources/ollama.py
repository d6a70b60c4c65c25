"""Ollama: Modelfiles, and manifests whose blobs are named by the digest that they must have."""

from __future__ import annotations

import re

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref, declared
from secpipe.core.paths import folder_of, join
from secpipe.core.text import printable
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import prompts
from secpipe.sbom.sources.models import file_component

_INSTRUCTION = re.compile(
    r'^(FROM|ADAPTER|SYSTEM|TEMPLATE|LICENSE)\s+(?:"""(.*?)(?:"""|\Z)|([^\n]*))', re.I | re.M | re.S
)
_LAYER = "application/vnd.ollama.image."

_LARGEST = 65_536  # bytes of a manifest: Ollama refuses a larger one


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    if entry.name == "Modelfile" or entry.name.startswith("Modelfile."):
        return True
    return "/manifests/" in f"/{entry.path}" and entry.head.lstrip().startswith(b"{") and entry.size < _LARGEST


def read_all(found: Collector) -> None:
    """Add what Modelfiles and Ollama manifests of the tree describe."""
    for entry in found.files:
        if not takes(entry):
            continue
        try:
            (_modelfile if entry.name.startswith("Modelfile") else _manifest)(found, entry)
        except (InputError, UnicodeDecodeError) as error:
            found.skip(entry.path, f"not analysed: {printable(str(error), 200)}")


def _modelfile(found: Collector, entry: FileEntry) -> None:
    text = found.read(entry).decode("utf-8")
    values: dict[str, list[str]] = {}
    for match in _INSTRUCTION.finditer(text):
        values.setdefault(match[1].upper(), []).append(
            (match[2] if match[2] is not None else match[3]).strip().strip('"')
        )
    base = values.get("FROM", [""])[0]
    adapters = values.get("ADAPTER", [])
    path = join(folder_of(entry.path), base) if base else None
    local = path if path and found.tree.find(path) else ""
    name = folder_of(entry.path).rpartition("/")[2] or "Modelfile"
    facts = declared(entry.path, {
        "format": "ollama", "base-model": "\n".join([local or base, *adapters]),
        "license": values.get("LICENSE", [""])[0][:100].split("\n")[0],
    })  # fmt: skip
    ref = content_ref(ComponentKind.MODEL, entry.path, entry.sha256)
    digests = (Digest("sha256", entry.sha256),)
    found.add(Component(ref, ComponentKind.MODEL, name, path=entry.path, digests=digests, facts=facts))
    for key, label in (("SYSTEM", "system prompt"), ("TEMPLATE", "template")):
        for value in values.get(key, []):
            found.relate(ref, RelationKind.CONTAINS, found.add(prompts.template(label, value, entry.path)))


def _manifest(found: Collector, entry: FileEntry) -> None:
    document = parse_json(found.read(entry), "the manifest", found.limits)
    layers = document.get("layers") if isinstance(document, dict) else None
    if not isinstance(layers, list) or not any(
        _LAYER in str(layer.get("mediaType")) for layer in layers if isinstance(layer, dict)
    ):
        return
    parts = entry.path.split("/")
    place = len(parts) - 1 - parts[::-1].index("manifests")
    root, name = "/".join(parts[:place]), ":".join(parts[-2:])
    facts = declared(entry.path, {"format": "ollama", "registry": "/".join(parts[place + 1 : -2])})
    ref = found.add(Component(content_ref(ComponentKind.MODEL, entry.path, entry.sha256), ComponentKind.MODEL, name,
                              path=entry.path, digests=(Digest("sha256", entry.sha256),), facts=facts))  # fmt: skip
    for layer in layers:
        kind = str(layer.get("mediaType")).removeprefix(_LAYER) if isinstance(layer, dict) else ""
        promised = str(layer.get("digest")) if isinstance(layer, dict) else ""
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", promised):
            found.skip(entry.path, "a layer has no SHA-256 digest")
            continue
        blob = found.tree.find(f"{root}/blobs/{promised.replace(':', '-')}".lstrip("/"))
        if blob is None:
            found.skip(entry.path, f"the layer {kind} ({promised}) is not here and not checked")
        elif blob.sha256 != promised[7:]:
            found.skip(blob.path, f"the blob is not what its name and the manifest promise ({promised})")
        else:
            found.relate(ref, RelationKind.CONTAINS, found.add(file_component(blob)))
