"""A bound never cuts in silence: what it leaves of a destination is unknown, and the file is named as not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.core.evidence import Evidence
from secpipe.scan.shadow_ai.scan import scan
from secpipe.scan.shadow_ai.values import MAX_VALUES
from secpipe.system.tree import open_tree

PYTHON_CALL = "import openai\n{values}\nopenai.OpenAI(base_url='https://api.' + PART)\n"
SCRIPT_CALL = "import OpenAI from 'openai';\nlet PART;\n{values}\nnew OpenAI({{ baseURL: 'https://api.' + PART }});\n"
ASSIGNED = "PART = 'openai.com/v{n}'"
FAR = "PART = 'deepseek.com/v1'"


def looked(folder: Path, name: str, source: str) -> Evidence:
    (folder / name).write_text(source)
    return scan(open_tree(folder))


def providers(evidence: Evidence) -> set[str]:
    return {use["provider"] for use in evidence.facts["uses"]}


@pytest.mark.parametrize(("name", "call"), [("app.py", PYTHON_CALL), ("app.ts", SCRIPT_CALL)])
@pytest.mark.parametrize("before", [8, 12, 100])
def test_the_value_after_many_is_found(tmp_path: Path, name: str, call: str, before: int) -> None:
    values = "\n".join([*(ASSIGNED.format(n=n) for n in range(before)), FAR])
    assert "deepseek" in providers(looked(tmp_path, name, call.format(values=values)))


@pytest.mark.parametrize(("name", "call"), [("app.py", PYTHON_CALL), ("app.ts", SCRIPT_CALL)])
def test_a_destination_of_too_many_values_is_unknown_and_told(tmp_path: Path, name: str, call: str) -> None:
    values = "\n".join([*(ASSIGNED.format(n=n) for n in range(MAX_VALUES + 5)), FAR])
    evidence = looked(tmp_path, name, call.format(values=values))
    assert "unknown" in providers(evidence)
    assert any("more possible values than are followed" in skip.reason for skip in evidence.skips)


def test_long_lists_that_lead_nowhere_are_no_noise(tmp_path: Path) -> None:
    names = "\n".join(f"NAME = 'city {n}'" for n in range(2000))
    source = f"import openai\n{names}\nprint('go to ' + NAME)\nopenai.OpenAI()\n"
    evidence = looked(tmp_path, "app.py", source)
    assert providers(evidence) == {"openai"}
    assert not evidence.skips


def test_a_list_of_addresses_is_each_of_them(tmp_path: Path) -> None:
    hosts = ", ".join(f"'https://api.openai.com/v{n}'" for n in range(20))
    listed = f"import openai\nALL = [{hosts}, 'https://api.deepseek.com/v1']\n"
    source = f"{listed}openai.OpenAI(base_url=ALL[choose()])\n"
    assert {"openai", "deepseek"} <= providers(looked(tmp_path, "app.py", source))


@pytest.mark.parametrize("count", [65, 300])
def test_the_last_of_many_parts_counts(tmp_path: Path, count: int) -> None:
    parts = ", ".join(["'https://api.'", *(["''"] * count), "'deepseek.com/v1'"])
    source = f"import OpenAI from 'openai';\nnew OpenAI({{ baseURL: [{parts}].join('') }});\n"
    assert "deepseek" in providers(looked(tmp_path, "app.js", source))
    source = f"import openai\nopenai.OpenAI(base_url=''.join([{parts}]))\n"
    assert "deepseek" in providers(looked(tmp_path, "app.py", source))


def test_the_last_of_many_servers_is_named(tmp_path: Path) -> None:
    rows = ", ".join(f'"s{n}": {{"command": "npx", "args": ["-y", "pkg{n}"]}}' for n in range(400))
    far = '"far": {"url": "https://far.example/mcp"}'
    evidence = looked(tmp_path, ".mcp.json", f'{{"mcpServers": {{{far}, {rows}}}}}')
    assert "far.example" in {use["host"] for use in evidence.facts["uses"]}


def test_a_setting_of_many_values_leads_to_each(tmp_path: Path) -> None:
    for n in range(12):
        (tmp_path / f"env{n:02}").mkdir()
        (tmp_path / f"env{n:02}/.env").write_text(f"LLM_BASE_URL=https://h{n}.example.org/v1\n")
    (tmp_path / "zz").mkdir()
    (tmp_path / "zz/.env").write_text("LLM_BASE_URL=https://api.deepseek.com/v1\n")
    source = "import os, openai\nopenai.OpenAI(base_url=os.environ['LLM_BASE_URL'])\n"
    assert "deepseek" in providers(looked(tmp_path, "app.py", source))
