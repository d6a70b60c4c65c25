"""Benchmarks keep their convention: a docstring, a main, ratios as lines, and a page that names no machine."""

from __future__ import annotations

import ast
import re
import socket
from pathlib import Path

import pytest

from bench import run
from bench.measure import claim, interleave, median_ratio, not_measured

BENCH = Path(run.__file__).parent
SCRIPTS = sorted(path for path in BENCH.glob("*.py") if path.stem not in run.NOT_SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_says_its_purpose_and_has_a_main(script: Path) -> None:
    tree = ast.parse(script.read_text())
    assert ast.get_docstring(tree)
    assert any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)


def test_runs_are_interleaved_and_warm_up_is_thrown_away() -> None:
    order: list[str] = []

    def runner(name: str, seconds: float) -> object:
        def run_once() -> float:
            order.append(name)
            return seconds

        return run_once

    ours, rival = interleave([runner("a", 3.0), runner("b", 2.0)], rounds=3, warm_up=1)  # type: ignore[list-item]
    assert "".join(order) == "abababab"
    assert (len(ours), len(rival)) == (3, 3)
    assert median_ratio(ours, rival) == 1.5


def test_a_line_says_whether_the_budget_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    claim("slow", 1.2, 1.1)
    claim("fast", 2.5, 2, at_least=True)
    not_measured("absent", "no rival")
    assert capsys.readouterr().out.splitlines() == [
        "slow | 1.20 | <= 1.1 | no",
        "fast | 2.50 | >= 2 | yes",
        "absent | - | - | not measured: no rival",
    ]


def test_the_page_names_no_machine() -> None:
    text = run.page(["| x | y | 1.00 | <= 2 | yes |"]) + (BENCH / "results.md").read_text()
    assert not re.search(r"(^|\s)/(tmp|home|root|work|Users)/", text)
    assert socket.gethostname() not in text or len(socket.gethostname()) < 4
