"""Models and data as packagers describe them: spaCy's meta.json, KitOps' Kitfile (ModelPack), DVC's .dvc and dvc.lock.

Sources: spaCy 3.7 "Training pipelines, meta.json"; Kitfile format 1.0.0; DVC 3 ".dvc files" and "dvc.lock".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core import shape
from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref, declared
from secpipe.core.paths import folder_of, is_installed, join
from secpipe.core.text import printable
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.models import file_component

_DESCRIBED = (ComponentKind.MODEL, ComponentKind.DATASET, ComponentKind.PROMPT)
_REFERENCED = "named, not part of this release"


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    name = entry.name
    spacy = name == "meta.json" and b'"lang"' in entry.head  # its first key, as spaCy writes it
    return (spacy or name in ("Kitfile", "dvc.lock") or name.endswith(".dvc")) and not is_installed(entry.path)


def read_all(found: Collector) -> None:
    """Add what these files describe; what they name and the tree does not hold is only *referenced*."""
    for entry in found.files:
        if not takes(entry):
            continue
        try:
            reader = _spacy if entry.name == "meta.json" else _kitfile if entry.name == "Kitfile" else _dvc
            reader(found, entry)
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")


def _spacy(found: Collector, entry: FileEntry) -> None:
    table = shape.mapping(parse_json(found.read(entry), "its description", found.limits))
    if not {"spacy_version", "pipeline"} & set(table):
        return  # another program's description
    words = {key: shape.text(table.get(key)) for key in ("lang", "name", "version", "license", "author", "description")}
    if not words["name"]:
        raise InputError("it names no pipeline")
    sources = [shape.text(row.get("name")) for row in shape.tables(table.get("sources"))]
    scores = shape.mapping(table.get("performance")).items()
    performance = [
        {"type": key, "value": str(value), "dataset": "", "task": ""} for key, value in scores if _is_number(value)
    ]
    folder = folder_of(entry.path)
    files = list(found.tree.below(folder))
    facts = {
        "format": "spacy", "language": words["lang"], "supplier": words["author"], "description": words["description"],
        "license": words["license"], "framework": f"spacy {shape.text(table.get('spacy_version'))}".strip(),
        "task": " ".join(shape.texts(shape.listing(table.get("pipeline")))),
        "datasets": "\n".join(filter(None, sources)),
        "metrics": json.dumps(performance, sort_keys=True) if performance else "", "folder": folder or ".",
    }  # fmt: skip
    ref = found.add(
        Component(
            content_ref(ComponentKind.MODEL, *(f"{file.sha256}  {file.path}" for file in files)), ComponentKind.MODEL,
            "_".join(filter(None, (words["lang"], words["name"]))), words["version"], path=folder or entry.path,
            licenses=tuple(filter(None, [words["license"]])), facts=declared(entry.path, facts),
        )
    )  # fmt: skip
    for file in files:
        found.relate(ref, RelationKind.CONTAINS, found.add(file_component(file)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _yaml(found: Collector, entry: FileEntry) -> Mapping[str, Any]:
    from secpipe.formats.yaml import parse_yaml

    documents = parse_yaml(found.read(entry), entry.name, found.limits)
    if not documents or not isinstance(documents[0], dict):
        raise InputError("it is not a table")
    return documents[0]


def _kitfile(found: Collector, entry: FileEntry) -> None:
    table = _yaml(found, entry)
    model = shape.mapping(table.get("model"))
    package = shape.mapping(table.get("package"))
    parts = [model, *shape.tables(model.get("parts"))] if model else []
    named = [(ComponentKind.MODEL, row) for row in parts]
    named += [(ComponentKind.DATASET, row) for row in shape.tables(table.get("datasets"))]
    named += [(ComponentKind.PROMPT, row) for row in shape.tables(table.get("prompts"))]
    for kind, row in named:
        facts = {
            "framework": shape.text(row.get("framework")),
            "license": shape.text(row.get("license")) or shape.text(package.get("license")),
            "description": shape.text(row.get("description")),
            "supplier": ", ".join(shape.texts(shape.listing(package.get("authors")))),
            "packaged-as": f"{shape.text(package.get('name'))} {shape.text(package.get('version'))}".strip(),
        }
        _place(found, entry, kind, shape.text(row.get("name")), shape.text(row.get("path")), facts)


def _dvc(found: Collector, entry: FileEntry) -> None:
    table = _yaml(found, entry)
    for row, role in _dvc_rows(table):
        facts = {"dvc-role": role, "size": str(row.get("size") or ""), "files": str(row.get("nfiles") or "")}
        digest = shape.text(row.get("md5")).removesuffix(".dir")
        path = shape.text(row.get("path"))
        kind = ComponentKind.MODEL if "model" in path.rpartition("/")[2].lower() else ComponentKind.DATASET
        _place(found, entry, kind, path.rpartition("/")[2], path, facts, digest)


def _dvc_rows(table: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield (output or dependency, its role): of a .dvc file, or of the stages of a dvc.lock; code is none."""
    stages = [table, *shape.tables(list(shape.mapping(table.get("stages")).values()))]
    for stage in stages:
        for role in ("deps", "outs"):
            for row in shape.tables(stage.get(role)):
                if not shape.text(row.get("path")).endswith((".py", ".sh", ".ipynb")):
                    yield row, role


def _place(
    found: Collector, entry: FileEntry, kind: ComponentKind, name: str, path: str, facts: dict[str, str], md5: str = ""
) -> None:
    """Give what is declared to the component that stands at `path`; without one it is only referenced."""
    at = join(folder_of(entry.path), path) if path else None
    here = [item for item in (found.at(at) if at else ()) if item.kind in _DESCRIBED]
    known = declared(entry.path, facts)
    for item in here:
        found.add(Component(item.ref, item.kind, item.name, path=item.path, facts=known,
                            licenses=tuple(filter(None, [facts.get("license", "")]))))  # fmt: skip
    if here or (at and found.tree.find(at) is not None and kind is ComponentKind.PROMPT):
        return
    label = name or path.rstrip("/").rpartition("/")[2]
    if not label:
        return
    digests = (Digest("md5", md5),) if len(md5) == 32 and set(md5) <= set("0123456789abcdef") else ()
    more = declared(entry.path, {"referenced": _REFERENCED, "declared-path": path})
    found.add(
        Component(
            content_ref(kind, "referenced", label, md5), kind, label, path=entry.path, digests=digests, direct=False,
            licenses=tuple(filter(None, [facts.get("license", "")])), facts={**known, **more},
        )
    )  # fmt: skip
