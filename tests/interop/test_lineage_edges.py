"""Two hundred lineage edges by the real libraries, half of them tampered: all found, no honest one contradicted."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from tests import skips

skips.module("numpy")
skips.module("gguf")

PYTHON = os.environ.get("SECPIPE_WEIGHTS_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    skips.unless_possible(
        PYTHON, "SECPIPE_WEIGHTS_PYTHON names no Python with torch, safetensors, gguf, ggml-python, peft, transformers"
    ),
]


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    folder, before = tmp_path_factory.mktemp("edges"), Path.cwd()
    script = Path(__file__).with_name("make_edges.py")
    subprocess.run([PYTHON, str(script), str(folder)], check=True, capture_output=True, timeout=1800)
    os.chdir(folder)
    yield json.loads((folder / "edges.json").read_text())
    os.chdir(before)


def proof(edge: dict[str, Any], output: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    words = ["lineage", "record", output, "--operation", edge["operation"]]
    words += [word for one in edge["parents"] for word in ("--from", one)]
    words += [word for one in edge["adapters"] for word in ("--adapter", one)]
    words += [word for one in edge["bases"] for word in ("--input", f"{one}:base")]
    words += ["--param", f"method={edge['method']}"] if edge["method"] else []
    assert run(words) == 0
    capsys.readouterr()
    code = run(["lineage", "prove", output, "-f", "json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {"grade": "", "said": said.err}


def test_no_honest_edge_is_contradicted_and_each_tampered_one_is(
    edges: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(edges) >= 100
    wrong, grades = [], Counter[str]()
    for edge in edges:
        code, honest = proof(edge, edge["output"], capsys)
        grades[honest["grade"]] += 1
        wanted = {"re-derived"} if edge["exact"] else {"re-derived", "bounded"}
        if code or honest["grade"] not in wanted:
            wrong.append(f"honest {edge['output']} {edge['operation']}: {honest['grade']} {honest['said']}")
        code, twin = proof(edge, edge["twin"], capsys)
        if code != 1 or edge["tensor"] not in twin["said"]:
            wrong.append(
                f"tampered {edge['twin']} {edge['operation']} {edge['tensor']}: {twin['grade']} {twin['said']}"
            )
    assert not wrong, "\n".join(wrong)
    assert set(grades) == {"re-derived", "bounded"}
