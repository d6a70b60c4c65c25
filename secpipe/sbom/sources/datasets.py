"""Datasets: data files by ending and place, dataset folders with their card."""

from __future__ import annotations

import re
from collections import defaultdict

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Fact, RelationKind, content_ref, verified
from secpipe.core.paths import folder_of, is_installed
from secpipe.core.text import printable
from secpipe.formats.huggingface import read_card
from secpipe.formats.locks import table
from secpipe.sbom.attestations import is_attestation
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.cards import card_facts
from secpipe.sbom.sources.models import file_component
from secpipe.sbom.sources.weights import is_pointer

#: Endings that are data wherever they stand, and those that are data only in a folder of data.
ALWAYS = {".parquet": "parquet", ".arrow": "arrow", ".tfrecord": "tfrecord", ".jsonl": "jsonl", ".npz": "npz",
           ".npy": "npy", ".feather": "feather", ".avro": "avro"}  # fmt: skip
_INSIDE = {".csv": "csv", ".tsv": "tsv", ".json": "json", ".ndjson": "jsonl", ".txt": "text", ".zst": "zstd"}
#: What describes a project or sets it up, in whatever folder; a text in `data` is data if it is called so or long.
_NO_DATA = re.compile(
    r"(?:readme|licen[cs]e|copying|notice|authors|contributing|change(?:log|s)|history|robots|security|version|todo|"
    r"cmakelists|config|settings|schema|manifest|tsconfig\b|jsconfig\b|composer|launch|tasks|vocab|merges|tokenizer\w*|"
    r"special_tokens_map|labels?|classes|stop_?words)\b(?!.*\.(?:csv|tsv|ndjson|zst)$)|.*\.(?:schema|config)\.json$",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"(?:^|[._-])(?:train|valid|val|dev|test|eval|corpus|corpora|dataset|samples?)\w*(?=[._-])", re.I)
_TEXT = 16 * 1024  # bytes
FOLDERS = {"data", "dataset", "datasets", "training", "train", "eval", "evals", "evaluation", "corpus", "corpora"}


def format_of(entry: FileEntry) -> str:
    """Return the format of a data file, or ""."""
    if entry.suffix in ALWAYS:
        return ALWAYS[entry.suffix]
    folders = {part.lower() for part in entry.path.split("/")[:-1]}
    if not folders & FOLDERS or _NO_DATA.match(entry.name) or table.row_of(entry.path) is not None:
        return ""
    if entry.suffix == ".txt" and not folders & FOLDERS - {"data"} and entry.size < _TEXT:
        return _INSIDE[".txt"] if _SPLIT.search(entry.name) else ""
    return _INSIDE.get(entry.suffix, "")


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return bool(format_of(entry)) and not is_installed(entry.path) and not is_attestation(entry)


def _is_code(found: Collector, entry: FileEntry) -> bool:
    """Tell whether a file lies in a package of programs: its folder is called `data` for what the programs do."""
    return (
        entry.suffix not in ALWAYS and found.tree.find(f"{folder_of(entry.path)}/__init__.py".lstrip("/")) is not None
    )


def read_all(found: Collector) -> None:
    """Add a component for every dataset: a folder with a dataset card, else each data file by itself."""
    groups: dict[str, list[FileEntry]] = defaultdict(list)
    for entry in found.files:
        if takes(entry) and not _is_code(found, entry):
            groups[folder_of(entry.path)].append(entry)
    for folder, entries in groups.items():
        card = _card(found, folder)
        if card is not None:
            _folder(found, folder, entries, card)
            continue
        for entry in entries:
            facts = verified(entry.path, {"format": format_of(entry), "size": str(entry.size)})
            digests = () if is_pointer(entry) else (Digest("sha256", entry.sha256),)
            ref = content_ref(ComponentKind.DATASET, entry.path, entry.sha256)
            found.add(Component(ref, ComponentKind.DATASET, entry.name, path=entry.path, digests=digests, facts=facts))


def _card(found: Collector, folder: str) -> dict[str, Fact] | None:
    entry = found.tree.find(f"{folder}/README.md".lstrip("/"))
    if entry is None:
        return None
    try:
        card = read_card(found.read(entry), found.limits)
    except InputError as error:
        found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")
        return None
    return card_facts(card, entry.path) if card.is_dataset else None


def _folder(found: Collector, folder: str, entries: list[FileEntry], card: dict[str, Fact]) -> None:
    size = sum(entry.size for entry in entries)
    formats = " ".join(sorted({format_of(entry) for entry in entries}))
    license_fact = card.get("license")
    ref = found.add(
        Component(
            content_ref(ComponentKind.DATASET, *(f"{entry.sha256}  {entry.path}" for entry in entries)),
            ComponentKind.DATASET,
            folder.rpartition("/")[2] or "dataset",
            path=folder if folder and len(entries) > 1 else entries[0].path,
            digests=(Digest("sha256", entries[0].sha256),) if len(entries) == 1 else (),
            licenses=tuple(license_fact.value.split("\n")) if license_fact else (),
            facts={
                **card,
                **verified(
                    folder or entries[0].path,
                    {"format": formats, "size": str(size), "folder": folder if len(entries) > 1 else ""},
                ),
            },
        )
    )
    for entry in entries:
        if len(entries) > 1:
            found.relate(ref, RelationKind.CONTAINS, found.add(file_component(entry)))
