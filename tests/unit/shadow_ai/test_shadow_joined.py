"""A file is read together with what makes up an address, however far; nothing is told where nothing was missed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import pytest

from secpipe.core.evidence import Evidence
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

A, B = "api.dee", "pseek.com"
_SEND = "import requests\nrequests.post(f'https://{A}{B}/v1')\n"


def _scan(place: Path, files: Mapping[str, str]) -> Evidence:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return scan(open_tree(place))


def _told(found: Evidence) -> list[str]:
    assert found.account is not None
    return [f"{skip.path}: {skip.reason}" for skip in (*found.account.shallow, *found.skips)]


def _web(size: int) -> dict[str, str]:
    """A package of which each file imports the next seven, and calls a service that it names itself."""
    return {
        f"app/m{i}.py": "".join(f"from app.m{(i + step) % size} import C{(i + step) % size}\n" for step in range(1, 8))
        + f"import openai\nC{i} = openai.OpenAI(timeout={i})\nKIND = 'api.'\nEND = '.com'\n"
        for i in range(size)
    }


def test_a_large_honest_project_is_read_in_full(tmp_path: Path) -> None:
    found = _scan(tmp_path, _web(60))
    assert len({use["path"] for use in found.facts["uses"]}) == 60
    assert _told(found) == []


@pytest.mark.parametrize("steps", [1, 13, 40])
def test_an_address_from_afar_is_found(steps: int, tmp_path: Path) -> None:
    chain = {f"m{i}.py": f"from m{i + 1} import A, B\n" for i in range(steps)}
    files = {"a.py": "from m0 import A, B\n" + _SEND, **chain, f"m{steps}.py": f"A = '{A}'\nB = '{B}'\n"}
    found = _scan(tmp_path, files | _web(20))
    assert ("deepseek", "a.py") in {(use["provider"], use["path"]) for use in found.facts["uses"]}
    assert _told(found) == []


def test_parts_that_a_file_does_not_use_hide_nothing(tmp_path: Path) -> None:
    """The same parts in the file itself, given to names that nobody reads, are no reason to look no further."""
    files = {"a.py": f"from conf import A, B\nX, Y = '{A}', '{B}'\n" + _SEND, "conf.py": f"A = '{A}'\nB = '{B}'\n"}
    assert ("deepseek", "a.py") in {(use["provider"], use["path"]) for use in _scan(tmp_path, files).facts["uses"]}


def test_an_address_in_a_file_with_long_tables_is_found(tmp_path: Path) -> None:
    """A file that is too long to be read together says so only where it holds a part of an address."""
    table = "ROWS = [\n" + "    'nothing to see',\n" * 20_000 + "]\n"
    files = {"a.py": "from tables import A\nfrom conf import B\n" + _SEND, "conf.py": f"B = '{B}'\n"}
    honest = _scan(tmp_path, {**files, "tables.py": f"{table}A = 'status.co'\n"})
    assert (_told(honest), honest.facts["uses"]) == ([], [])
    hostile = _scan(tmp_path, {**files, "tables.py": f"{table}A = '{A}'\n"})
    assert hostile.facts["uses"] or [line for line in _told(hostile) if line.startswith("a.py")]


def test_what_is_too_long_to_be_read_together_is_told(tmp_path: Path) -> None:
    long = "# nothing\n" * 5_000
    files = {"a.py": "from conf import A, B\n" + _SEND, "conf.py": f"{long}A = '{A}'\nB = '{B}'\n"}
    found = _scan(tmp_path, files)
    assert found.facts["uses"] or [line for line in _told(found) if line.startswith("a.py")]


def _work(place: Path) -> int:
    """Count the calls of a scan."""
    tree, count = open_tree(place), 0

    def tick(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(tick)
    try:
        scan(tree)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("kind", ["go", "python"])
def test_the_work_of_joining_grows_as_the_tree(kind: str, tmp_path: Path) -> None:
    def files(size: int) -> dict[str, str]:
        if kind == "python":
            return _web(size)
        text = 'package p\nimport "github.com/sashabaranov/go-openai"\nvar c%d = openai.NewClient("")\n'
        return {f"p{i}/a{step}.go": text % step for i in range(size // 4) for step in range(4)}

    _scan(tmp_path / "warm", files(8))
    for name, size in (("once", 60), ("twice", 120)):
        for path, text in files(size).items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
    once, twice = _work(tmp_path / "once"), _work(tmp_path / "twice")
    assert twice <= 2.3 * once, f"{once:,} calls, then {twice:,}"
