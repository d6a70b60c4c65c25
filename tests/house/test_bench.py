"""Benchmarks keep their convention: a docstring, a main, ratios as lines, and a page that names no machine."""

from __future__ import annotations

import ast
import re
import socket
import sys
from pathlib import Path

import pytest

from bench import run
from bench.measure import ROW, claim, info, interleave, median_ratio, not_measured, note

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
    info("size: MB", 3)
    note("one\ntwo")
    assert capsys.readouterr().out.splitlines() == [
        "slow | 1.20 | <= 1.1 | no",
        "fast | 2.50 | >= 2 | yes",
        "absent | - | - | not measured: no rival",
        "size: MB | 3.00 | - | for information",
        "# one",
        "# two",
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_print_through_measure_alone(script: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.Call)]
    assert not [call for call in calls if ast.unparse(call) in {"print", "sys.stdout.write", "click.echo"}]
    assert "bench.measure" in script.read_text()


def started(code: str) -> tuple[list[str], str]:
    return run.started([sys.executable, "-c", code])


def test_a_line_that_cannot_be_read_is_an_error_and_so_is_silence() -> None:
    good = "a claim | 1.20 | <= 1.1 | no"
    assert started(f"print({good!r}); print('# a note')") == ([good], "")
    for line in (
        "40 rotations: 3 ms (budget 600)",
        "a | 1.0 | <= 2 | maybe",
        "a | b | 1.0 | <= 2 | yes",
        "a | fast | <= 1 | yes",
    ):
        lines, error = started(f"print({good!r}); print({line!r})")
        assert lines == [good]
        assert error.startswith("1 lines are no results")
    assert started("pass") == ([], "it printed no result")
    assert started("print('# only a note')") == ([], "it printed no result")


BROKEN = [
    "open('/tmp/some where/file')",
    "raise RuntimeError('/work/x/.venv/bin/secpipe ended with 3: see /var/log')",
    "raise RuntimeError(r'C:\\Users\\me\\x failed')",
    "raise RuntimeError('file:///home/me/x and ~/y and ../z/w')",
    "print('a path | 1.0 | <= 2 | yes | /tmp/x/y')",
]


@pytest.mark.parametrize("code", BROKEN)
def test_a_broken_script_leaves_no_path_in_the_page(code: str) -> None:
    lines, error = started(code)
    assert error
    row = f"| x | (script) | - | - | broken: {error} |"
    assert not re.search(r"[/\\\\](tmp|work|var|Users|home|me|z)\b", row), row
    run.page([*lines, row])


def test_a_path_in_a_claim_stops_the_page() -> None:
    for text in ("scan of /tmp/x/y against z", "~/models/x read", "in (/work/a/b)", r"C:\\Users\\me"):
        with pytest.raises(ValueError, match="path"):
            run.page([f"| x | {text} | 1.00 | <= 2 | yes |"])
    run.page(["| x | MB/s of and/or `keys/` at 1/8 | 1.00 | <= 2 | yes |"])


def test_a_claim_that_could_not_be_read_back_is_not_printed() -> None:
    with pytest.raises(ValueError, match="no result row"):
        claim("a | b", 1, 2)
    assert ROW.fullmatch("nothing | 0.00 | <= 0 | yes")


def test_the_page_names_no_machine() -> None:
    text = run.page(["| x | y | 1.00 | <= 2 | yes |"]) + (BENCH / "results.md").read_text()
    assert not re.search(r"(^|\s)/(tmp|home|root|work|Users)/", text)
    assert socket.gethostname() not in text or len(socket.gethostname()) < 4
