"""Models and adapters: weight files grouped as they are shipped, described by their headers, configs and cards."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade, RelationKind, content_ref, declared, verified
from secpipe.core.paths import folder_of, join
from secpipe.core.text import printable
from secpipe.formats import huggingface
from secpipe.formats.packages import purl
from secpipe.formats.problem import Problem
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import prompts, weights
from secpipe.sbom.sources.cards import card_facts

#: Text files that belong to a model folder, and are read for facts.
_SIDE = {"config.json", "adapter_config.json", "tokenizer_config.json", "chat_template.json", "generation_config.json"}
#: Names of files and folders that loaders prescribe.
_SAYS_NOTHING = frozenset(
    {
        "model",
        "models",
        "pytorch",
        "tf",
        "flax",
        "adapter",
        "weights",
        "best",
        "final",
        "checkpoint",
        "onnx",
        "openvino",
        "diffusion",
        "consolidated",
        "saved",
        "export",
        "artifacts",
    }
)
_SNAPSHOT = re.compile(r"(?:^|/)models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})(?:/|$)")


@dataclass(slots=True)
class Unit:
    """Files that are one model: `folder` is where its card and configuration stand."""

    folder: str
    weights: list[tuple[FileEntry, str]]
    whole_folder: bool = False  # every file beside the weights belongs to the model
    sides: dict[str, FileEntry] = field(default_factory=dict)


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return bool(weights.format_of(entry))


def read_all(found: Collector) -> None:
    """Add a component for every model in the tree, its files and its chat templates."""
    folders = {folder_of(entry.path) for entry in found.files if takes(entry)}
    for folder in sorted(folders, key=found.beside):
        entries = [entry for path in found.beside(folder) if (entry := found.tree.find(path)) is not None]
        for unit in _units(folder, entries):
            try:
                _describe(found, unit, _card(found, folder))
            except InputError as error:  # pragma: no cover - every reading below says its own skip
                found.skip(unit.weights[0][0].path, f"not analysed: {printable(error.message, 300)}")


def _units(folder: str, entries: list[FileEntry]) -> Iterable[Unit]:
    sides = {entry.name: entry for entry in entries if entry.name in _SIDE}
    named = [(entry, form) for entry in entries if (form := weights.format_of(entry))]
    is_model = "adapter_config.json" in sides or any(entry.name.endswith(".index.json") for entry in entries)
    is_model |= "config.json" in sides and any(form != "gguf" for _, form in named)
    apart = [item for item in named if item[1] == "gguf" or not is_model]
    together = [item for item in named if item not in apart]
    if together:
        yield Unit(folder, together, True, sides)
    groups: dict[str, list[tuple[FileEntry, str]]] = defaultdict(list)
    for entry, form in apart:
        groups[weights.shard_of(entry.name)[0]].append((entry, form))
    for group in groups.values():
        yield Unit(folder, group, False, {} if together or len(groups) > 1 else sides)


def _card(found: Collector, folder: str) -> tuple[huggingface.Card, str] | None:
    """Return the card of a folder, else that of the folder above it, where it is a card with a head."""
    for place in (folder, folder_of(folder)) if folder else ("",):
        entry = found.tree.find(f"{place}/README.md".lstrip("/"))
        if entry is None:
            continue
        try:
            card = huggingface.read_card(found.read(entry), found.limits)
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")
            continue
        if unread := next((one.message for one in card.problems if one.fatal), ""):
            found.skip(entry.path, f"{printable(unread, 200)}: licence and origin that it names are not known")
        if (card.front or card.problems) and not card.is_dataset:
            return card, entry.path
    return None


def _describe(found: Collector, unit: Unit, card: tuple[huggingface.Card, str] | None) -> None:
    headers = _headers(found, unit)
    facts = _proven(unit, headers)
    templates = {name: (text, entry.path) for entry, header in headers for name, text in header.templates.items()}
    facts |= _configured(found, unit, templates)
    if card is not None:
        problems = "\n".join(problem.message for problem in card[0].problems)
        entry = found.tree.find(card[1])
        proven = verified(card[1], {"card-sha256": entry.sha256 if entry is not None else ""})
        facts = {**declared(card[1], {"card-problems": problems}), **card_facts(*card), **proven, **facts}
    facts = _declared_by_header(headers, facts)
    _shards(found, unit)
    component = _component(unit, facts)
    ref = found.add(component)
    files = [entry for entry, _ in unit.weights]
    if unit.whole_folder:
        files = [entry for entry in found.tree.below(unit.folder) if folder_of(entry.path) == unit.folder]
    files += [entry for entry in _external(found, headers) if entry not in files]
    if len(files) > 1:
        for entry in files:
            found.relate(ref, RelationKind.CONTAINS, found.add(file_component(entry)))
    for name, (text, path) in sorted(templates.items()):
        found.relate(ref, RelationKind.CONTAINS, found.add(prompts.template(name, text, path)))


def _external(found: Collector, headers: list[tuple[FileEntry, weights.Header]]) -> Iterable[FileEntry]:
    """Yield the files beside an ONNX model that hold its weights; one that is not in the tree is a skip."""
    for model, header in headers:
        for location in filter(None, header.facts.get("external-data", "").split("\n")):
            path = join(folder_of(model.path), location)
            entry = found.tree.find(path) if path is not None else None
            if entry is None:
                found.skip(model.path, f"the weights in {printable(location, 200)} are not in the tree and not checked")
            else:
                yield entry


def file_component(entry: FileEntry) -> Component:
    """Return a file of a model or data folder; its ref binds path and content."""
    pointer = weights.is_pointer(entry)
    return Component(
        content_ref(ComponentKind.FILE, entry.path, entry.sha256),
        ComponentKind.FILE,
        entry.name,
        path=entry.path,
        digests=() if pointer else (Digest("sha256", entry.sha256),),
        direct=False,
        facts=verified(entry.path, {"size": str(entry.size)}),
    )


def _headers(found: Collector, unit: Unit) -> list[tuple[FileEntry, weights.Header]]:
    headers = []
    for entry, form in unit.weights:
        if weights.is_pointer(entry):
            headers.append((entry, _pointer(found, entry, form)))
            continue
        try:
            headers.append((entry, weights.read_header(found, entry, form)))
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 300)}")
            headers.append((entry, weights.Header(form, analysed=False)))
            continue
        fatal = next((problem for problem in headers[-1][1].problems if problem.fatal), None)
        if fatal is not None:
            at = f" at byte {fatal.offset:,}" if fatal.offset is not None else ""
            found.skip(entry.path, f"not analysed: {printable(fatal.message, 200)}{at}")
    return headers


def _pointer(found: Collector, entry: FileEntry, form: str) -> weights.Header:
    text = found.tree.read(entry, 4096).decode("utf-8", "replace") if entry.size <= 4096 else ""
    digest = re.search(r"^oid sha256:([0-9a-f]{64})$", text, re.MULTILINE)
    return weights.Header(form, facts={"lfs-digest": f"sha256:{digest[1]}" if digest else ""}, analysed=False)


def _proven(unit: Unit, headers: list[tuple[FileEntry, weights.Header]]) -> dict[str, Fact]:
    """Return what the bytes of the weights prove; where one model comes in several formats, the first is counted."""
    form = headers[0][1].format
    same = [header for _, header in headers if header.format == form and header.analysed]
    elements: Counter[str] = Counter()
    for header in same:
        elements.update(header.elements)
    values = {"format": " ".join(sorted({header.format for _, header in headers}))}
    if same and not any(problem.fatal for header in same for problem in header.problems):
        values["parameters"] = str(sum(header.parameters for header in same))
        values["dtypes"] = " ".join(f"{name}:{count}" for name, count in elements.most_common())
    problems: list[Problem] = [problem for _, header in headers for problem in header.problems]
    values["structure-problems"] = "\n".join(printable(problem.message, 300) for problem in problems[:20])
    if any(problem.fatal for problem in problems) or not all(header.analysed for _, header in headers):
        values["analysis"] = "not analysed"
    merged: dict[str, str] = {}
    for header in same:
        for name, value in header.facts.items():
            if name == "tensors":
                merged[name] = str(int(merged.get(name, "0")) + int(value))
            elif not name.startswith("declared:"):
                merged.setdefault(name, value)
    for _, header in headers:
        if header.facts.get("lfs-digest"):
            merged.setdefault("lfs-digest", header.facts["lfs-digest"])
    return verified(unit.weights[0][0].path, {**merged, **values})


def _declared_by_header(headers: list[tuple[FileEntry, weights.Header]], facts: dict[str, Fact]) -> dict[str, Fact]:
    """A name or licence inside a weight file is its author's word, weaker than nothing but a card's own."""
    for entry, header in headers:
        for name, value in header.facts.items():
            if name.startswith("declared:") and value:
                facts.setdefault(name.removeprefix("declared:"), Fact(value, Grade.DECLARED, entry.path))
    return facts


def _configured(found: Collector, unit: Unit, templates: dict[str, tuple[str, str]]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for name, entry in sorted(unit.sides.items()):
        try:
            facts |= declared(entry.path, _side(found, name, entry, templates))
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")
    return facts


def _side(found: Collector, name: str, entry: FileEntry, templates: dict[str, tuple[str, str]]) -> dict[str, str]:
    data = found.read(entry)
    if name == "config.json":
        config = huggingface.read_config(data, found.limits)
        return {
            "architecture": ", ".join(config.architectures) or config.model_type,
            "model-type": config.model_type,
            "declared-dtype": config.dtype,
            "quantization": config.quantization,
            "context-length": str(config.context_length or ""),
            "vocabulary": str(config.vocabulary or ""),
            "remote-code": ", ".join(config.remote_code),
        }
    if name == "adapter_config.json":
        adapter = huggingface.read_adapter(data, found.limits)
        return {
            "role": "adapter",
            "adapter-type": adapter.kind,
            "adapter-rank": str(adapter.rank or ""),
            "base-model": adapter.base,
            "base-model-revision": adapter.revision,
            "base-model-relation": "adapter",
            "task": adapter.task,
        }
    if name in {"tokenizer_config.json", "chat_template.json"}:
        seen = huggingface.read_templates(data, found.limits)
        templates.update({key: (text, entry.path) for key, text in seen.items()})
    return {}


def _shards(found: Collector, unit: Unit) -> None:
    """Say which shards of a sharded model are not there."""
    groups: dict[tuple[str, int], set[int]] = defaultdict(set)
    for entry, _ in unit.weights:
        stem, index, count = weights.shard_of(entry.name)
        groups[stem, count].add(index)
    for (stem, count), have in groups.items():
        if count > 1 and len(have) < count:
            found.skip(
                unit.weights[0][0].path, f"{count - len(have)} of {count} shards of {printable(stem, 100)} are missing"
            )


def _component(unit: Unit, facts: dict[str, Fact]) -> Component:
    first = unit.weights[0][0]
    real = [entry for entry, _ in unit.weights if not weights.is_pointer(entry)]
    digests = (Digest("sha256", real[0].sha256),) if len(unit.weights) == len(real) == 1 else ()
    ref = (
        f"model:{first.sha256}"
        if len(unit.weights) == 1
        else content_ref(ComponentKind.MODEL, *(f"{entry.sha256}  {entry.path}" for entry, _ in unit.weights))
    )
    package = version = ""
    name = facts["name"].value if "name" in facts else ""
    if snapshot := _SNAPSHOT.search(unit.folder):
        name, version = f"{snapshot[1]}/{snapshot[2]}", snapshot[3]
        package = purl.make("huggingface", snapshot[2], version, snapshot[1])
    else:
        name = _name(unit, name, facts)
    license_fact = facts.get("license")
    if unit.whole_folder:
        facts["folder"] = Fact(unit.folder or ".", Grade.VERIFIED, unit.folder)
    return Component(
        package or ref,
        ComponentKind.MODEL,
        name,
        version or (facts["version"].value if "version" in facts else ""),
        package,
        path=unit.folder if unit.whole_folder and unit.folder else first.path,
        digests=digests,
        licenses=tuple(license_fact.value.split("\n")) if license_fact else (),
        facts={key: fact for key, fact in facts.items() if key not in {"name", "version", "index-name"}},
    )


def _name(unit: Unit, stated: str, facts: dict[str, Fact]) -> str:
    """Return what people call the model: its folder, its own word, or its file where that says something."""
    folders = [part for part in unit.folder.split("/") if part and part.lower() not in _SAYS_NOTHING]
    titles = [facts[key].value for key in ("index-name", "title") if key in facts]
    spoken = [text for text in (stated, *titles) if text and len(text) <= 100]
    stem = weights.shard_of(unit.weights[0][0].name)[0].rpartition(".")[0] or unit.weights[0][0].name
    says = re.split(r"[-_.]", stem)[0].lower() not in _SAYS_NOTHING
    if unit.whole_folder:
        order = [*folders[-1:], *spoken, stem]
    else:
        order = [*([stated] if stated else []), *([stem] if says else []), *folders[-1:], *spoken, stem]
    return next(text for text in order if text)
