"""MLflow models: the MLmodel file beside the artifacts."""

from __future__ import annotations

import dataclasses
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref, declared
from secpipe.core.paths import folder_of
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.models import file_component


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return entry.name == "MLmodel"


def read_all(found: Collector) -> None:
    """Add an MLflow model for every folder with an MLmodel file; the weight files in it become its parts."""
    for entry in found.files:
        if takes(entry):
            try:
                _model(found, entry)
            except InputError as error:
                found.skip(entry.path, f"not analysed: {error.message}")


def _model(found: Collector, entry: FileEntry) -> None:
    from secpipe.formats.yaml import parse_yaml

    documents = parse_yaml(found.read(entry), "MLmodel", found.limits)
    table = documents[0] if documents else None
    if not isinstance(table, dict):
        raise InputError("MLmodel is not a table")
    given = table.get("flavors")
    flavors: dict[str, Any] = given if isinstance(given, dict) else {}
    facts = {
        "format": "mlflow",
        "framework": " ".join(sorted(map(str, flavors))),
        "mlflow-version": str(table.get("mlflow_version") or ""),
        "run-id": str(table.get("run_id") or ""),
        "released-at": str(table.get("utc_time_created") or ""),
        "inputs": _signature(table.get("signature"), "inputs"),
        "outputs": _signature(table.get("signature"), "outputs"),
        "loader": _loader(flavors),
    }
    folder = folder_of(entry.path)
    files = list(found.tree.below(folder))
    name = str(table.get("artifact_path") or folder.rpartition("/")[2] or "model")
    model = Component(
        content_ref(ComponentKind.MODEL, *(f"{file.sha256}  {file.path}" for file in files)),
        ComponentKind.MODEL, name, str(table.get("model_uuid") or ""), path=folder or entry.path,
        facts=declared(entry.path, {**facts, "folder": folder or "."}),
    )  # fmt: skip
    ref = found.add(model)
    mine = {file.path for file in files}
    parts = [item for item in found.of_kind(ComponentKind.MODEL) if item.ref != ref and item.path in mine]
    for part in parts:
        found.replace(dataclasses.replace(part, direct=False))
        found.relate(ref, RelationKind.CONTAINS, part.ref)
    held = {part.path for part in parts}
    for file in files:
        if file.path not in held:
            found.relate(ref, RelationKind.CONTAINS, found.add(file_component(file)))


def _signature(value: Any, key: str) -> str:
    text = value.get(key) if isinstance(value, dict) else None
    return text[:1000] if isinstance(text, str) else ""


def _loader(flavors: dict[str, Any]) -> str:
    function = flavors.get("python_function")
    return str(function.get("loader_module") or "") if isinstance(function, dict) else ""
