"""The destination is a set of values: every member counts, an unknown member is unknown, none is stamped on another."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree


def uses(folder: Path, files: dict[str, str]) -> set[tuple[str, str]]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    found = scan(open_tree(folder)).facts["uses"]
    return {
        (use["provider"], use["model"]) for use in found if use["confidence"] != "low" and use["kind"] != "framework"
    }


def providers(folder: Path, files: dict[str, str]) -> set[str]:
    return {provider for provider, _ in uses(folder, files)}


MODELS = """MODELS = {
    "small": "anthropic:claude-haiku-4-5",
    "cheap": "deepseek:deepseek-chat",
    "fast": "google_genai:gemini-2.5-flash",
}
"""
FACTORY = "from langchain.chat_models import init_chat_model\n"


def test_a_table_of_models_is_each_of_its_providers(tmp_path: Path) -> None:
    source = f"{FACTORY}{MODELS}\ndef model(name):\n    return init_chat_model(MODELS[name])\n"
    assert providers(tmp_path, {"app.py": source}) == {"anthropic", "deepseek", "google-gemini"}


def test_one_entry_of_a_table_is_one_provider_and_the_rest_is_told_apart(tmp_path: Path) -> None:
    source = f'{FACTORY}m = init_chat_model("anthropic:claude-haiku-4-5")\nother = "deepseek:deepseek-chat"\n'
    assert ("anthropic", "deepseek:deepseek-chat") not in uses(tmp_path, {"app.py": source})


@pytest.mark.parametrize(
    "call",
    [
        "import litellm\nlitellm.completion(model=M[n], messages=[])\n",
        "from litellm import completion\ncompletion(M[n], [])\n",
    ],
)
def test_a_router_goes_to_each_model_it_may_be_given(tmp_path: Path, call: str) -> None:
    table = 'M = {"a": "anthropic/claude-sonnet-4-0", "b": "groq/llama-3.3-70b-versatile"}\n'
    assert {"anthropic", "groq"} <= providers(tmp_path, {"app.py": table + call})


def test_a_framework_is_no_destination(tmp_path: Path) -> None:
    source = (
        "from google.adk.agents import LlmAgent\nfrom google.adk.models.lite_llm import LiteLlm\n"
        'a = LlmAgent(name="w", model=LiteLlm(model="anthropic/claude-sonnet-4-0"))\n'
    )
    assert providers(tmp_path / "a", {"a.py": source}) == {"anthropic"}
    plain = 'from google.adk.agents import LlmAgent\na = LlmAgent(name="w", model="gemini-2.5-flash")\n'
    assert providers(tmp_path / "b", {"a.py": plain}) == {"google-gemini"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.sh", 'curl -s "https://$HOST/v1/chat/completions" -d @q.json\n'),
        ("a.sh", 'curl -s "$U/v1/chat/completions" -d "{}"\n'),
        ("a.sh", 'curl "${LLM_BASE:-}/v1/chat/completions"\n'),
        ("Makefile", "ask:\n\tcurl https://$(HOST)/v1/chat/completions -d @q.json\n"),
        (
            ".github/workflows/a.yml",
            "jobs:\n  a:\n    steps:\n      - run: curl ${{ secrets.LLM }}/v1/chat/completions\n",
        ),
        ("a.ps1", 'Invoke-RestMethod "$env:LLM_HOST/v1/chat/completions"\n'),
    ],
)
def test_an_open_host_is_unknown_and_not_local(tmp_path: Path, name: str, content: str) -> None:
    assert providers(tmp_path, {name: content}) == {"unknown"}


def test_an_open_host_that_the_tree_sets_is_where_it_leads(tmp_path: Path) -> None:
    files = {"a.sh": 'curl "$LLM_URL/v1/chat/completions"\n', ".env": "LLM_URL=https://api.deepseek.com\n"}
    assert providers(tmp_path, files) == {"deepseek"}


def test_a_variable_in_an_ordinary_address_is_no_sign(tmp_path: Path) -> None:
    content = 'curl "https://$HOST/health"\nwget "$BASE/download/file.tgz"\n'
    assert not providers(tmp_path, {"a.sh": content})


def test_azure_by_environment_is_azure(tmp_path: Path) -> None:
    source = 'import os, openai\nc = openai.AzureOpenAI(azure_endpoint=os.environ["AZURE_OPENAI_ENDPOINT"])\n'
    assert providers(tmp_path / "a", {"a.py": source}) == {"azure-openai"}
    elsewhere = {"a.py": source, ".env": "AZURE_OPENAI_ENDPOINT=https://api.deepseek.com\n"}
    assert "deepseek" in providers(tmp_path / "b", elsewhere)


CALL = 'import os, requests\nrequests.post(os.environ["LLM_URL"] + "/v1/chat/completions", json={"messages": []})\n'


def test_settings_of_another_project_prove_nothing(tmp_path: Path) -> None:
    files = {"svc-a/main.py": CALL, "svc-b/dev/.env.sample": "LLM_URL=http://localhost:8080\n"}
    assert "unknown" in providers(tmp_path, files)


@pytest.mark.parametrize("place", [".env", "svc-a/.env", "svc-a/dev/.env", "deploy/.env", "config/prod.env"])
def test_settings_of_its_own_or_of_the_whole_tree_lead(tmp_path: Path, place: str) -> None:
    files = {"svc-a/main.py": CALL, place: "LLM_URL=https://api.deepseek.com\n"}
    assert providers(tmp_path, files) == {"deepseek"}
