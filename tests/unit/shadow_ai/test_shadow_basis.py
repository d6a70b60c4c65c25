"""What a use rests on decides how severe it is: a package that came along, a declared one, an import, a call."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.finding import Finding, Severity
from secpipe.scan.shadow_ai.allow import ShadowAI
from secpipe.scan.shadow_ai.judge import judge
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LOCK = """version = 1

[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "tool" }]

[[package]]
name = "tool"
version = "1"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "openai" }]

[[package]]
name = "openai"
version = "2.1.0"
source = { registry = "https://index.example/simple" }
"""
PROJECT = '[project]\nname = "app"\nversion = "0"\ndependencies = ["tool"]\n'


def look(folder: Path, **files: str) -> tuple[list[dict[str, Any]], list[Finding]]:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    uses = scan(open_tree(folder)).facts["uses"]
    return uses, judge(uses, ShadowAI(min_confidence="low"), env="", now=NOW)


def test_what_came_along_and_is_not_imported_informs_and_never_blocks(tmp_path: Path) -> None:
    uses, findings = look(tmp_path, pyproject_toml=PROJECT, uv_lock=LOCK, app_py="print(1)\n")
    assert [use["basis"] for use in uses] == ["came along"]
    assert findings == []


def test_what_came_along_and_is_called_is_a_use(tmp_path: Path) -> None:
    code = "import openai\n\nopenai.OpenAI().responses.create(model='gpt-5')\n"
    uses, findings = look(tmp_path, pyproject_toml=PROJECT, uv_lock=LOCK, app_py=code)
    assert {use["basis"] for use in uses if use["path"] == "app.py"} == {"use"}
    assert max(one.severity for one in findings) is Severity.HIGH


def test_what_came_along_and_is_imported_by_a_name_put_together_is_no_mere_dependency(tmp_path: Path) -> None:
    code = "import importlib\n\nclient = importlib.import_module('open' + 'ai')\n"
    _, findings = look(tmp_path, pyproject_toml=PROJECT, uv_lock=LOCK, app_py=code)
    assert [one.path for one in findings if one.severity >= Severity.MEDIUM] == ["app.py"]


@pytest.mark.parametrize(
    ("code", "basis", "severity"),
    [
        ("print(1)\n", "dependency", Severity.LOW),
        ("import openai\n", "import", Severity.MEDIUM),
        ("import openai\n\nclient = openai.OpenAI()\n", "use", Severity.HIGH),
    ],
)
def test_each_basis_has_its_severity(tmp_path: Path, code: str, basis: str, severity: Severity) -> None:
    uses, findings = look(tmp_path, pyproject_toml=PROJECT.replace("tool", "openai"), app_py=code)
    assert basis in {use["basis"] for use in uses}
    assert max(one.severity for one in findings) is severity


@pytest.mark.parametrize(
    ("declared", "said"),
    [("tool", True), ("openai", False), ("OpenAI>=2", False)],
    ids=["another", "it", "it, spelled"],
)
def test_an_import_that_no_manifest_declares_is_said(tmp_path: Path, declared: str, *, said: bool) -> None:
    uses, _ = look(tmp_path, pyproject_toml=PROJECT.replace("tool", declared), app_py="import openai\n")
    evidence = " ".join(line for use in uses if use["path"] == "app.py" for line in use["evidence"])
    assert ("which no manifest declares" in evidence) is said


def test_without_a_manifest_nothing_is_undeclared(tmp_path: Path) -> None:
    uses, _ = look(tmp_path, app_py="import openai\n")
    assert "manifest" not in " ".join(uses[0]["evidence"])
