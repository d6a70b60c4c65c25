"""The examples of docs/api.md, run in order as a reader would: in a project, with keys, in a notebook, in workers."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e import projects

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/api.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

POLICY = """\
schema = "secpipe.policy/1"
name = "acme"
owner = "security@acme.example"
expires = 2099-01-01
profile = "baseline"
"""


def secpipe(folder: Path, *words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "secpipe", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    model = folder / "acme/models/tiny"
    model.mkdir(parents=True)
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    (folder / "acme/app.py").write_text(projects.FASTAPI)
    (folder / "acme/requirements.txt").write_text("requests==2.32.4\n")
    (folder / "policy.toml").write_text(POLICY)
    (folder / "passphrase.txt").write_text("correct horse battery staple")
    (folder / "passphrase.txt").chmod(0o600)
    secpipe(folder, "keys", "init", "--passphrase-file", "passphrase.txt")
    return folder


def run(place: Path, program: str) -> subprocess.CompletedProcess[str]:
    (place / "page.py").write_text(program)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "page.py"], cwd=place, capture_output=True, text=True, env=env)


def test_every_example_of_the_page_runs(place: Path) -> None:
    *_, worker = EXAMPLES
    done = run(place, "\n".join(EXAMPLES[:-1]))
    assert done.returncode == 0, done.stderr
    assert "an answer has no truth value" in done.stdout
    assert "['model.sig', 'model.pqc.sig']" in done.stdout
    assert "shadow-ai/" in done.stdout
    # workers are spawned: they import the program anew, and must find nothing to run in it
    done = run(place, f"import secpipe\n{worker}")
    assert done.returncode == 0, done.stderr


def test_the_page_has_a_notebook_cell_that_shows_a_verdict(place: Path) -> None:
    cells = [code for code in EXAMPLES if isinstance(ast.parse(code).body[-1], ast.Expr)]
    cell = next(code for code in cells if code.strip() == "verdict")
    first = f'import secpipe\nverdict = secpipe.check("acme", env="dev")\nshown = {cell.strip()}._repr_html_()\n'
    done = run(place, first + "print(shown)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<p><b>")
    assert '<iframe sandbox="" srcdoc="&lt;!doctype html' in done.stdout
