"""Vector collections: what retrieval answers from, by the digest of its snapshot, with the model that embedded it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core import shape
from secpipe.core.artifact import Digest, FileEntry, dir_hash
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Fact, RelationKind, content_ref, declared, verified
from secpipe.core.paths import folder_of, is_installed
from secpipe.core.text import printable
from secpipe.formats.yaml import parse_yaml
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.models import file_component
from secpipe.sbom.sources.weights import is_pointer

#: Endings of a snapshot in one file -> its format.
ENDINGS = {".faiss": "faiss", ".hnsw": "hnsw", ".usearch": "usearch", ".snapshot": "qdrant-snapshot"}
#: A file by which a folder is a collection -> its format.
NAMES = {"chroma.sqlite3": "chroma"}
#: An ending of a folder that is one.
FOLDERS = {".lance": "lance"}
#: Files beside a collection in which its makers write down how it was made.
_BESIDE = ("collection", "config", "index_config", "settings", "metadata", "manifest")
_KEYS = ("embedding_model", "embedding_model_name", "embed_model", "embedding", "embeddings", "model_name", "model")
_BYTES = 1 << 20


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return bool(entry.suffix in ENDINGS or entry.name in NAMES or _lance(entry.path)) and not is_installed(entry.path)


def read_all(found: Collector) -> None:
    """Add a component for every collection: a snapshot file by itself, a folder by the digest of all its files."""
    folders: dict[str, str] = {}
    for entry in found.files:
        if not takes(entry):
            continue
        if lance := _lance(entry.path):
            folders[lance] = FOLDERS[".lance"]
        elif entry.name in NAMES:
            folders[folder_of(entry.path)] = NAMES[entry.name]
        else:
            facts = verified(entry.path, {"format": ENDINGS[entry.suffix], "size": str(entry.size)})
            digests = () if is_pointer(entry) else (Digest("sha256", entry.sha256),)
            facts |= _embedding(found, folder_of(entry.path))
            ref = content_ref(ComponentKind.DATASET, entry.path, entry.sha256)
            found.add(Component(ref, ComponentKind.DATASET, entry.name, path=entry.path, digests=digests, facts=facts))
    for folder, form in folders.items():
        _folder(found, folder, form)


def _folder(found: Collector, folder: str, form: str) -> None:
    inside = [entry for entry in found.tree.files if not folder or entry.path.startswith(f"{folder}/")]
    cut = len(folder) + 1 if folder else 0
    snapshot = dir_hash(dataclasses.replace(entry, path=entry.path[cut:]) for entry in inside)
    told = {"format": form, "snapshot-dirhash": snapshot, "size": str(sum(entry.size for entry in inside))}
    facts = verified(folder or ".", {**told, "folder": folder or "."}) | _embedding(found, folder)
    name = folder.rpartition("/")[2] or "collection"
    ref = content_ref(ComponentKind.DATASET, folder, snapshot)
    found.add(Component(ref, ComponentKind.DATASET, name, path=folder or inside[0].path, facts=facts))
    for entry in inside:
        found.relate(ref, RelationKind.CONTAINS, found.add(file_component(entry)))


def _embedding(found: Collector, folder: str) -> dict[str, Fact]:
    """Return the embedding model that a file beside the collection, or in it, declares."""
    for place, values in _documents(found, folder):
        for table in (values, shape.mapping(values.get("embedding")), shape.mapping(values.get("embeddings"))):
            for key in _KEYS:
                name = table.get(key)
                if isinstance(name, str) and name and (table is not values or key.startswith("embed")):
                    return declared(place, {"embedding-model": printable(name, 200)})
    return {}


def _documents(found: Collector, folder: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in _BESIDE:
        for ending in (".json", ".yaml", ".yml"):
            entry = found.tree.find(f"{folder}/{name}{ending}".lstrip("/"))
            if entry is None or entry.size > _BYTES:
                continue
            try:
                data = found.read(entry)
                top = parse_json(data, name, found.limits) if ending == ".json" else parse_yaml(data, name)[:1]
            except InputError:
                continue  # whoever answers for that file says so
            yield entry.path, shape.mapping(top[0] if isinstance(top, list) and top else top)


def _lance(path: str) -> str:
    """Return the outermost folder of a path that is a LanceDB table, or ""."""
    parts = path.split("/")[:-1]
    at = next((index for index, part in enumerate(parts) if part.endswith(".lance")), None)
    return "" if at is None else "/".join(parts[: at + 1])
