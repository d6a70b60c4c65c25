"""No module imports another that, by whatever way, imports it back: in a function, for types, or by name in a table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "secpipe"


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules that a module imports, now or later: also for type checkers, and by name in a text.

    The word `secpipe` alone is the name of the program.
    """
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            base = _below(node.module or "")
            names = {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
            found |= (names & known.keys()) or {base}
        elif isinstance(node, ast.Import):
            found |= {_below(alias.name) for alias in node.names if _ours(alias.name)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("secpipe."):
            found.add(_below(node.value.partition(":")[0]))
    return found & known.keys()


def _ours(name: str) -> bool:
    return name == "secpipe" or name.startswith("secpipe.")


def _below(name: str) -> str:
    return name.removeprefix("secpipe").removeprefix(".")


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Return the groups of modules that reach each other."""
    reach = {name: set(below) for name, below in graph.items()}
    changed = True
    while changed:
        changed = False
        for below in reach.values():
            more = set().union(*(reach[name] for name in below)) - below if below else set()
            below |= more
            changed = changed or bool(more)
    return {
        frozenset(other for other in below if name in reach[other]) for name, below in reach.items() if name in below
    }


def test_imports_go_one_way() -> None:
    known = modules()
    graph = {name: imported(path, known) - {name} for name, path in known.items()}
    assert len(graph) > 300
    assert circles(graph) == set()


def test_a_circle_would_be_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {frozenset("abc")}


@pytest.mark.parametrize(
    "text",
    [
        "from secpipe.b import c", "from secpipe import b", "import secpipe.b", "def f():\n    from secpipe.b import c",
        "if TYPE_CHECKING:\n    from secpipe.b import c", 'TABLE = {"x": "secpipe.b:read"}', 'm = load("secpipe.b")',
    ],
)  # fmt: skip
def test_every_way_to_import_counts(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(text + "\n")
    assert imported(tmp_path / "a.py", {"a": tmp_path, "b": tmp_path}) == {"b"}
