"""Skips have one door, so that CI can fail where a tool is missing and every run can say what it left out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
DOOR = TESTS / "skips.py"


def names(source: str) -> list[str]:
    """Return every attribute or import by which a test may leave itself out."""
    tree = ast.parse(source)
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found += [f"{node.module}.{name.name}" for node in imports for name in node.names]
    ways = ("skip", "skipif", "importorskip", "SkipTest", "skipUnless", "skipIf", "skipTest", "xfail", "collect_ignore")
    return [name for name in found if name.split(".")[0] in {"pytest", "unittest"} and name.split(".")[-1] in ways]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_nothing_is_skipped_but_through_the_one_door(path: Path) -> None:
    found = names(path.read_text())
    assert bool(found) == (path == DOOR), f"{path.name}: {found}: use tests/skips.py"


def test_each_way_around_the_door_is_seen() -> None:
    for line in ("pytest.skip('x')", "@pytest.mark.skipif(1)\ndef f(): ...", "a = pytest.importorskip('x')",
                 "from pytest import skip", "raise unittest.SkipTest", "pytest.mark.xfail",
                 "from pytest import importorskip as i"):  # fmt: skip
        assert names(line), line
    assert not names("found.skip(); tree.skipped; is_a_skip()")


CASES = """
from tests import skips
def test_tool(): skips.missing("the tool x")
def test_module(): skips.module("no_such_module_of_ours")
@skips.unless_installed(None, "the tool y")
def test_marked(): assert False, "ran without its tool"
def test_machine(): skips.cannot("no such device")
"""


@pytest.mark.parametrize("in_ci", [True, False])
def test_in_ci_a_missing_tool_is_a_failure_and_what_is_left_out_is_listed(tmp_path: Path, in_ci: bool) -> None:
    (tmp_path / "test_cases.py").write_text(CASES)
    (tmp_path / "conftest.py").write_text("from tests.conftest import *  # noqa: F403\n")
    environment = {"PYTHONPATH": str(TESTS.parent), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_cases.py"],
        cwd=tmp_path, env=environment | ({"SECPIPE_CI": "1"} if in_ci else {}), capture_output=True, text=True,
    )  # fmt: skip
    assert ("3 failed, 1 skipped" if in_ci else "4 skipped") in done.stdout, done.stdout + done.stderr
    left_out = done.stdout.partition("not run")[2].partition("= short test")[0]
    assert "no such device" in left_out
    assert ("the tool x" in left_out) is not in_ci
