"""The page for reviewers: a block for each provider, who answers for its files, and nothing that a reader acts out."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secpipe.cli.main import root
from secpipe.report import review as page
from secpipe.scan.shadow_ai.allow import ShadowAI
from secpipe.scan.shadow_ai.nearby import nearby
from secpipe.scan.shadow_ai.review import retired, review
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

CODE = """import openai
import pandas as pd

PROMPT = "Sum up {ticket} for {agent}"
frame = pd.read_csv("data/tickets.csv")
client = openai.OpenAI(base_url="https://api.deepseek.com")
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": frame["text"]}])
"""
POLICY = """schema = "secpipe.policy/1"
name = "p"
owner = "o"
expires = 2027-01-01

[[shadow_ai.allow]]
provider = "deepseek"
owner = "ml@acme.example"
reason = "pilot"
expires = 2026-12-31
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "p"
    (folder / "app").mkdir(parents=True)
    (folder / ".github").mkdir()
    (folder / "app/ask.py").write_text(CODE)
    (folder / "app/cloud.py").write_text(
        'import boto3\n\nboto3.client("bedrock-runtime", endpoint_url="https://bedrock-runtime.eu-central-1.amazonaws.com")\n'
    )
    (folder / ".github/CODEOWNERS").write_text("* @acme/all\n/app/ @acme/ml =cmd\n")
    return folder


def run(project: Path, *more: str) -> str:
    argv = ["scan", "shadow-ai", str(project), "--by-provider", "--at", "2026-11-30", *more]
    return CliRunner().invoke(root, argv, catch_exceptions=False).stdout


def document(project: Path, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(project, "-f", "json", *more))
    return found


def test_a_block_says_who_where_to_from_where_and_how_to_approve_it(project: Path) -> None:
    blocks = {block["provider"]: block for block in document(project)["providers"]}
    block = blocks["deepseek"]
    assert (block["hosts"], block["jurisdiction"], block["state"]) == (["api.deepseek.com"], "CN", "not approved")
    assert block["do"] == "secpipe approve --provider deepseek"
    place = block["places"][0]
    assert (place["path"], place["owners"], place["basis"]) == ("app/ask.py", ["@acme/ml"], "use")
    assert any("api.deepseek.com" in step for step in place["chain"])
    assert {"file data/tickets.csv", "column text", "prompt PROMPT", "placeholder ticket"} <= set(place["seen_nearby"])
    assert blocks["aws-bedrock"]["regions"] == ["eu-central-1"]


def test_what_is_approved_says_by_whom_and_until_when(project: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    blocks = document(project, "--policy", str(tmp_path / "policy.toml"))["providers"]
    states = {block["provider"]: (block["state"], block["approval"], block["do"]) for block in blocks}
    assert states["deepseek"] == ("approved", "by ml@acme.example until 2026-12-31: pilot", "")
    assert states["aws-bedrock"][0] == "not approved"
    assert blocks[0]["provider"] == "aws-bedrock", "what must be looked at comes first"


def test_a_model_that_ends_is_told_with_its_day(project: Path) -> None:
    models = [model for block in document(project)["providers"] for model in block["models"]]
    assert {model["ends"] for model in models if model["name"] == "gpt-4o"} == {"served until 2027-01-14 at openai"}


def test_each_row_of_the_table_of_models_has_a_source_and_a_day() -> None:
    assert all(row["source"].startswith("https://") and row["names"] and row["ends"] for row in retired())


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "csv", "json"])
def test_each_format_names_provider_file_owner_and_command(project: Path, form: str) -> None:
    text = run(project, "-f", form).replace("&#64;", "@").replace("&#8203;", "").replace("&#95;", "_")
    for word in ("DeepSeek", "app/ask.py", "@acme/ml", "api.deepseek.com"):
        assert word in text
    assert form == "csv" or "secpipe approve --provider deepseek" in text


def test_the_matrix_shows_who_is_called_from_where(project: Path) -> None:
    rows = [line for line in run(project, "-f", "markdown").split("\n") if line.startswith("|")]
    names = rows[0].split("|")
    line = next(row for row in rows if "app/ask.py" in row).split("|")
    assert line[names.index(" DeepSeek ")].strip() == "●!"


def commit(project: Path, *more: str) -> str:
    """Commit all that is there, as a fixed person on a fixed day; return the commit."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    when = {**os.environ, "GIT_COMMITTER_DATE": "2026-03-04T05:06:07Z", "GIT_AUTHOR_DATE": "2026-03-04T05:06:07Z"}
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(project), *who, *more, *words], check=True, env=when)
    found = subprocess.run(["git", "-C", str(project), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def test_a_place_says_which_commit_wrote_it_where_git_knows(project: Path) -> None:
    said = commit(project)
    file = project / "app/ask.py"
    place = next(b for b in document(project)["providers"] if b["provider"] == "deepseek")["places"][0]
    assert (place["since"], place["commit"]) == ("2026-03-04", said)
    assert "since 2026-03-04" in run(project)
    file.write_text("# moved\n" + file.read_text())
    place = next(b for b in document(project)["providers"] if b["provider"] == "deepseek")["places"][0]
    assert (place["since"], place["commit"]) == ("", ""), "the line that stands there now is in no commit"


def test_a_project_below_the_top_of_its_repository_is_known_too(project: Path) -> None:
    said = commit(project)
    place = next(b for b in document(project / "app")["providers"] if b["provider"] == "deepseek")["places"][0]
    assert place["commit"] == said


def test_no_program_of_the_repository_is_run(project: Path, tmp_path: Path) -> None:
    commit(project)
    (project / ".gitattributes").write_text("* diff=evil filter=evil\n")
    settings = f'[diff "evil"]\n\ttextconv = touch {tmp_path}/run; cat\n[blame]\n\tignoreRevsFile = /no/such/file\n'
    config = project / ".git/config"
    config.write_text(config.read_text() + settings)
    place = next(b for b in document(project)["providers"] if b["provider"] == "deepseek")["places"][0]
    assert place["since"] == "2026-03-04"
    assert not (tmp_path / "run").exists()


def hostile() -> dict[str, Any]:
    word = '=cmd|"/c calc"!A1<script>alert(1)</script>[x](javascript:y)'
    place = {"path": word, "line": 1, "region": "code", "basis": "use", "owners": [word], "denied": True,
             "chain": [word], "seen_nearby": [word]}  # fmt: skip
    block = {"provider": "unlisted", "name": word, "kind": "x", "state": "not approved", "approval": word,
             "hosts": [word], "regions": [], "jurisdiction": "", "means": [word],
             "models": [{"name": word, "ends": "", "source": ""}],
             "places": [place], "do": word}  # fmt: skip
    return {"schema": "secpipe.ai-review/1", "simulated": False, "providers": [block], "not_read": []}


def test_a_hostile_name_stays_text() -> None:
    assert "<script>" not in page.html_of(hostile())
    told = page.markdown_of(hostile())
    assert "<script>" not in told
    assert "](javascript" not in told
    cells = [cell for row in csv.reader(io.StringIO(page.csv_of(hostile()))) for cell in row]
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@"}]


def test_looking_around_a_call_is_bounded() -> None:
    text = "select " + "a, " * 200_000 + "\n" + "{name}" * 100_000
    assert len(nearby(text, 1)) <= 6 * 5


def test_an_unknown_destination_and_a_bare_protocol_have_no_command(project: Path) -> None:
    (project / "app/where.py").write_text("import openai\n\nopenai.OpenAI(base_url=find())\n")
    (project / ".mcp.json").write_text('{"mcpServers": {"notes": {"command": "python", "args": ["-m", "notes"]}}}')
    blocks = {block["provider"]: block["do"] for block in document(project)["providers"]}
    assert blocks["unknown"] == blocks["mcp"] == ""
    for form in ("terminal", "markdown", "html"):
        said = " ".join(run(project, "-f", form).split())
        assert "secpipe scan agents shows what each server is" in said
        assert "What is not known cannot be approved" in said


def looked(folder: Path) -> dict[str, Any]:
    uses, now = scan(open_tree(folder)).facts["uses"], datetime(2026, 11, 30, tzinfo=UTC)
    told = review(uses, ShadowAI(), owners=lambda _: (), near=lambda *_: (), env="", now=now)
    return {**told, "simulated": False, "not_read": []}


def test_what_calls_comes_before_what_names_it_and_no_line_is_told_twice(tmp_path: Path) -> None:
    files = {
        "zeta.py": "from openai import OpenAI\nOpenAI()\n",
        ".env.example": "OPENAI_BASE_URL=https://api.openai.com/v1\n",
        "deploy/app.yaml": "env: [{name: OPENAI_API_KEY}]\n",
        "requirements.in": "openai==1.0\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    block = next(one for one in looked(tmp_path)["providers"] if one["provider"] == "openai")
    assert [place["path"] for place in block["places"]] == list(files)
    assert block["places"][1]["chain"] == ["line 1: OPENAI_BASE_URL is api.openai.com"]
    assert block["means"][0] == "a client library"
    assert block["means"][-1] == "a package"


def test_a_machine_of_ones_own_answers_to_who_runs_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from openai import OpenAI\nOpenAI(base_url='http://localhost:8000/v1')\n")
    assert "answers to   whoever runs this machine or network" in page.terminal_of(looked(tmp_path))
