"""What an interpreter runs is a program, whatever it is called; what nobody runs keeps its label."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

_PYTHON = 'import requests\nA = "api.dee"\nrequests.post("https://" + A + "pseek.com/v1")\n'
_SCRIPT = 'const a = "api.dee";\nfetch("https://" + a + "pseek.com/v1")\n'
_SHELL = "A=api.dee\ncurl https://${A}pseek.com/v1/chat\n"
_STEP = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: python x.txt\n"

RUN = {
    "by python": ("run.sh", "#!/bin/sh\npython3 -u ./x.txt\n", _PYTHON),
    "by node": ("run.sh", "#!/bin/sh\nnode x.txt\n", _SCRIPT),
    "by a shell": ("run.sh", "#!/bin/sh\nsh x.txt\n", _SHELL),
    "sourced": ("run.sh", "#!/bin/sh\n. ./x.txt\n", _SHELL),
    "by exec": ("main.py", "exec(open('x.txt').read())\n", _PYTHON),
    "by compile": ("main.py", "import pathlib as p\nexec(compile(p.Path('x.txt').read_text(), '', 'exec'))", _PYTHON),
    "by runpy": ("main.py", "import runpy\nrunpy.run_path('x.txt')\n", _PYTHON),
    "by a process": ("main.py", "import subprocess\nsubprocess.run(['python', 'x.txt'])\n", _PYTHON),
    "by an image": ("Dockerfile", 'FROM scratch\nCOPY . /\nCMD ["python", "x.txt"]\n', _PYTHON),
    "by make": ("Makefile", "run:\n\tpython x.txt\n", _PYTHON),
    "by a workflow": (".github/workflows/a.yml", _STEP, _PYTHON),
    "by npm": ("package.json", '{"name": "a", "version": "1.0.0", "scripts": {"start": "node x.txt"}}', _SCRIPT),
    "by a procfile": ("Procfile", "web: python x.txt\n", _PYTHON),
}  # fmt: skip


def _regions(place: Path, files: dict[str, str]) -> set[tuple[str, str]]:
    for name, text in {"app.py": "print(1)\n", **files}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    uses = scan(open_tree(place)).facts["uses"]
    return {(use["provider"], use["region"]) for use in uses if use["path"].startswith("x.")}


@pytest.mark.parametrize("name", RUN)
def test_a_text_that_something_runs_is_code(name: str, tmp_path: Path) -> None:
    path, text, program = RUN[name]
    assert ("deepseek", "code") in _regions(tmp_path, {path: text, "x.txt": program})


@pytest.mark.parametrize("ending", [".cfg", ".conf", ".dat", ".inc"])
@pytest.mark.parametrize("program", [_PYTHON, _SCRIPT], ids=["python", "script"])
def test_a_program_under_another_ending_is_read_as_one(ending: str, program: str, tmp_path: Path) -> None:
    assert {provider for provider, _ in _regions(tmp_path, {f"x{ending}": program})} == {"deepseek"}


@pytest.mark.parametrize("program", [_PYTHON, _SCRIPT, _SHELL])
def test_a_text_that_nothing_runs_keeps_its_label(program: str, tmp_path: Path) -> None:
    assert {region for _, region in _regions(tmp_path, {"x.txt": program, "run.sh": "echo see x.txt\n"})} == {"docs"}


def test_prose_with_commands_in_it_is_no_program(tmp_path: Path) -> None:
    prose = "To try it, import the package and run:\n\n    const a = 1\n    curl https://status.corp.example/v1\n"
    assert _regions(tmp_path, {"x.txt": prose, "x.md": prose}) == set()
