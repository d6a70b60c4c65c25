"""Labels: they are counted, and exempt nothing that ships."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from secpipe.core.evidence import Evidence
from secpipe.scan.shadow_ai.regions import region_of
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

CLIENT = 'from openai import OpenAI\n\nc = OpenAI(base_url="https://api.deepseek.com/v1")\n'
SCRIPT = 'export const ask = () => fetch("https://api.deepseek.com/v1/chat/completions", {method: "POST"});\n'


def tree(folder: Path, files: dict[str, str]) -> Evidence:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return scan(open_tree(folder))


def region(evidence: Evidence, path: str) -> set[str]:
    return {use["region"] for use in evidence.facts["uses"] if use["path"] == path}


@pytest.mark.parametrize(
    "path",
    ["src/AUDIT.py", "src/CREDIT.py", "src/JobSpec.py", "src/ModelSpec.kt", "src/AgentSpec.ts", "src/ABTest.java",
     "src/security.py", "src/history.ts", "app/news.py", "app/changes.go", "src/Latest.cs", "license.js"],
)  # fmt: skip
def test_an_ordinary_name_is_code(path: str) -> None:
    assert region_of(path) == "code"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("SECURITY.md", "docs"), ("LICENSE", "docs"), ("LICENSE-MIT", "docs"), ("tests/a.py", "test"),
     ("a_test.go", "test"),
     ("src/UserServiceTest.java", "test"), ("vendor/a.go", "vendored"), ("docs/a.yaml", "docs")],
)  # fmt: skip
def test_a_label_stays_where_it_belongs(path: str, wanted: str) -> None:
    assert region_of(path) == wanted


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": "from tests.helper import c\n", "tests/helper.py": CLIENT},
        {"app.py": "from tests import helper\n", "tests/helper.py": CLIENT},
        {"pkg/app.py": "from .testing import helper as h\n", "pkg/testing/helper.py": CLIENT},
        {"pkg/app.py": "from .testing.helper import *\n", "pkg/testing/helper.py": CLIENT},
        {"app.py": "import tests\n", "tests/__init__.py": "from .helper import c\n", "tests/helper.py": CLIENT},
        {"app.py": "import importlib\nimportlib.import_module('tests.helper')\n", "tests/helper.py": CLIENT},
        {"app.py": "import runpy\nrunpy.run_path('tests/helper.py')\n", "tests/helper.py": CLIENT},
        {"app.py": "import vendor.llm.helper\n", "vendor/llm/helper.py": CLIENT},
        {"src/main.py": "import mid\n", "src/mid.py": "import fixtures.helper\n", "src/fixtures/helper.py": CLIENT},
        {"app.py": "print(1)\n", "Dockerfile": "FROM x\nCOPY tests/helper.py /app/\n",
         "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "Dockerfile": 'FROM x\nADD ["tests/", "/app/"]\n', "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "Dockerfile": "FROM x\nCOPY . .\nCMD python tests/helper.py\n",
         "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "Dockerfile": 'FROM x\nENTRYPOINT ["python", "-m", "tests.helper"]\n',
         "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "Procfile": "web: uvicorn tests.helper:app\n", "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "compose.yaml": "services: {a: {}}\nx:\n  command: tests/helper.py\n",
         "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "pyproject.toml": '[project.scripts]\nrun = "tests.helper:main"\n',
         "tests/helper.py": CLIENT},
    ],
)  # fmt: skip
def test_what_shipped_code_reaches_is_code(tmp_path: Path, files: dict[str, str]) -> None:
    evidence = tree(tmp_path, files)
    path = next(name for name in files if name.endswith("helper.py"))
    assert region(evidence, path) == {"code"}


@pytest.mark.parametrize(
    "files",
    [
        {"src/a.ts": "import { ask } from './testing/helper';\n", "src/testing/helper.ts": SCRIPT},
        {"src/a.js": "const x = require('../mocks/helper.js');\n", "mocks/helper.js": SCRIPT},
        {"src/a.ts": "const x = await import('@/testing/helper');\n", "src/testing/helper.ts": SCRIPT},
        {"a.js": "1\n", "package.json": '{"name": "a", "main": "./tests/helper.js"}', "tests/helper.js": SCRIPT},
        {"a.js": "1\n", "package.json": '{"name": "a", "scripts": {"start": "node tests/helper.js"}}',
         "tests/helper.js": SCRIPT},
        {"a.js": "import 'helper';\n", "node_modules/helper/index.js": SCRIPT},
    ],
)  # fmt: skip
def test_what_a_shipped_script_reaches_is_code(tmp_path: Path, files: dict[str, str]) -> None:
    evidence = tree(tmp_path, files)
    path = next(name for name in files if "helper" in name)
    assert region(evidence, path) == {"code"}


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": "print(1)\n", "tests/helper.py": CLIENT},
        {"app.py": "import os, sys\n", "tests/test_app.py": f"import app\n{CLIENT}", "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "Dockerfile": "FROM x\nCOPY . .\nCMD python app.py\n", "tests/helper.py": CLIENT},
        {"app.py": "print(1)\n", "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
         "tests/helper.py": CLIENT},
        {"app.py": "import helper_lib\n", "pkg/tests/helper.py": CLIENT},
    ],
)  # fmt: skip
def test_tests_that_nothing_reaches_keep_their_label_and_are_counted(tmp_path: Path, files: dict[str, str]) -> None:
    evidence = tree(tmp_path, files)
    path = next(name for name in files if name.endswith("helper.py"))
    assert region(evidence, path) == {"test"}
    assert evidence.facts["left_to_labels"]["test"]["files"] >= 1


def test_a_tree_of_tests_alone_exempts_nothing(tmp_path: Path) -> None:
    assert region(tree(tmp_path, {"tests/helper.py": CLIENT}), "tests/helper.py") == {"code"}


def test_a_page_with_a_script_is_code_and_what_it_tells_is_prose(tmp_path: Path) -> None:
    page = "<!doctype html><p>\n<pre>curl https://api.openai.com/v1/models</pre>\n<script>\n{}</script>\n"
    evidence = tree(tmp_path, {"docs/index.html": page.format(SCRIPT), "app.py": "1\n"})
    assert {(use["provider"], use["region"]) for use in evidence.facts["uses"]} == {
        ("deepseek", "code"),
        ("openai", "docs"),
    }
    honest = tree(tmp_path / "b", {"docs/index.html": page.format("menu.open();\n"), "app.py": "1\n"})
    assert {use["region"] for use in honest.facts["uses"]} == {"docs"}


def test_an_installed_file_that_its_record_settles_is_a_component(tmp_path: Path) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(CLIENT.encode()).digest()).decode().rstrip("=")
    base = "venv/lib/python3.11/site-packages"
    files = {
        "app.py": "import lib.site\nimport venv.lib\nimport helper\n",
        f"{base}/helper.py": CLIENT,
        f"{base}/helper-1.0.dist-info/RECORD": f"helper.py,sha256={digest},{len(CLIENT)}\n",
        "Dockerfile": "FROM x\nCOPY venv /venv\n",
    }
    assert region(tree(tmp_path / "a", files), f"{base}/helper.py") == {"vendored"}
    changed = {**files, f"{base}/helper.py": CLIENT + "# changed\n"}
    assert region(tree(tmp_path / "b", changed), f"{base}/helper.py") == {"code"}


def test_a_package_that_the_lock_names_is_a_component(tmp_path: Path) -> None:
    lock = json.dumps({"lockfileVersion": 3, "packages": {"": {}, "node_modules/helper": {"version": "1.0.0"}}})
    files = {"a.js": "import 'helper';\n", "node_modules/helper/index.js": SCRIPT, "package-lock.json": lock}
    assert region(tree(tmp_path, files), "node_modules/helper/index.js") == {"vendored"}


def test_what_is_left_to_a_label_is_told_in_the_verdict() -> None:
    from dataclasses import replace as changed

    from secpipe.gate.rules.shadow_ai import shadow_ai
    from tests.unit.gate_builders import clean, ok, situation

    use = {
        "id": "1", "provider": "anthropic", "name": "Anthropic", "kind": "model-api", "host": "api.anthropic.com",
        "mechanism": "sdk", "model": "", "path": "tests/x.py", "line": 2, "region": "test", "confidence": "high",
        "evidence": [], "jurisdiction": "", "sdk": "", "local": False, "context": False,
    }  # fmt: skip
    evidence = changed(ok("shadow-ai"), facts={"uses": [use]})
    said = shadow_ai(situation(clean(**{"shadow-ai": evidence}))).result.summary
    assert said == "1 use; 1 unapproved destination in test: not judged"


CALL = 'import anthropic\nanthropic.Anthropic().messages.create(model="claude-3", max_tokens=1, messages=[])\n'


@pytest.mark.parametrize(
    "code",
    [
        'exec(open("x.txt").read())\n',
        "exec(compile(open('x.txt').read(), 'x', 'exec'))\n",
        'import runpy\nrunpy.run_path("x.txt")\n',
        'text = open("x.txt").read()\nexec(text)\n',
        'with open("x.txt") as file:\n    exec(file.read())\n',
        'NAME = "x.txt"\ncode = open(NAME).read()\nmade = compile(code, NAME, "exec")\nexec(made)\n',
        'from pathlib import Path\neval(Path("x.txt").read_text())\n',
        'import importlib.util\nimportlib.util.spec_from_file_location("x", "x.txt")\n',
    ],
)
@pytest.mark.parametrize("folder", ["", "app/"])
def test_a_text_that_is_run_is_code(code: str, folder: str, tmp_path: Path) -> None:
    evidence = tree(tmp_path, {f"{folder}main.py": code, f"{folder}x.txt": CALL})
    assert region(evidence, f"{folder}x.txt") == {"code"}


@pytest.mark.parametrize(
    "code",
    [
        'exec(open("version.py").read())\nlong = open("x.txt").read()\n',
        'model.eval()\nprint(open("x.txt").read())\n',
        'import re\nre.compile("x.txt")\n',
        'text = open("x.txt").read()\nprint(text)\nexec("1")\n',
    ],
)
def test_a_text_that_is_only_shown_is_prose(code: str, tmp_path: Path) -> None:
    evidence = tree(tmp_path, {"main.py": code, "version.py": "v = 1\n", "x.txt": CALL})
    assert region(evidence, "x.txt") <= {"docs"}


@pytest.mark.parametrize("text", ["exec(" * 20_000, "a = a\n" * 20_000 + "exec(a)", "with " * 40_000 + "\nexec(x)"])
def test_what_is_run_is_followed_in_bounded_time(text: str, tmp_path: Path) -> None:
    assert tree(tmp_path, {"main.py": text + "\nimport openai\n", "x.txt": CALL}).facts["coverage"]["files"] == 2
