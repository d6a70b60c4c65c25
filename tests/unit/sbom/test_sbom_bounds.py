"""What an SBOM or an audit reads up to a bound: the rest is told, or there is no bound any more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.inventory import ComponentKind
from secpipe.core.limits import DEFAULT
from secpipe.formats import huggingface, metadata
from secpipe.formats.imports import imported_modules
from secpipe.sbom.collect import collect
from secpipe.system.tree import walk
from tests.unit.sbom.test_images import save, tar


def test_a_database_of_packages_too_large_to_read_is_told(tmp_path: Path) -> None:
    status = b"".join(b"Package: a%d\nVersion: 1\nStatus: ok\n\n" % n for n in range(500))
    (tmp_path / "image.tar").write_bytes(save(tar({"var/lib/dpkg/status": status})))
    assert not collect(walk(tmp_path)).skipped
    seen = collect(walk(tmp_path), limits=replace(DEFAULT, text_bytes=5000))
    assert any("dpkg/status" in skip.reason for skip in seen.skipped)


def test_each_of_many_base_models_counts(tmp_path: Path) -> None:
    names = [f"acme/m{n}" for n in range(40)]
    (tmp_path / "README.md").write_text("---\nbase_model:\n" + "".join(f"- {name}\n" for name in names) + "---\n# A\n")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    seen = collect(walk(tmp_path))
    assert {item.name for item in seen.of_kind(ComponentKind.MODEL)} >= set(names)


@pytest.mark.parametrize("name", ["a.py", "a.ipynb"])
def test_imports_of_a_file_of_any_size_are_known(tmp_path: Path, name: str) -> None:
    lines = ["x = 1"] * 250_000 + ["import aaa, " + ", ".join(f"b{n}" for n in range(200)) + ", jinja2", "x = 1"] * 2
    text = "\n".join(lines)
    (tmp_path / name).write_text(text if name == "a.py" else json.dumps({"cells": [{"source": lines}]}))
    assert {"aaa", "jinja2"} <= imported_modules(walk(tmp_path))


def test_a_name_behind_many_headers_is_read() -> None:
    read = metadata.parse(b"Classifier: a\n" * 30_000 + b"Name: jinja2\n")
    assert read.first("Name") == "jinja2"


def test_each_of_many_metrics_counts() -> None:
    rows = "".join(f"    - type: m{n}\n      value: 1\n" for n in range(300))
    card = "---\nmodel-index:\n- name: a\n  results:\n  - task: {type: t}\n    dataset: {name: d}\n    metrics:\n"
    assert len(huggingface.read_card(f"{card}{rows}---\n".encode()).metrics) == 300
