"""Programs and settings as people write them: each leads to its provider, or says that where is unknown."""

# ruff: noqa: E501, ISC004

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.attribute import attribute
from secpipe.scan.shadow_ai.catalogue import read_catalogue
from secpipe.scan.shadow_ai.leaks import leaks
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

CATALOGUE = read_catalogue()


def told(path: str, content: str) -> set[str]:
    """The providers (without frameworks) of one file."""
    uses = attribute({path: readers.read(path, content, content.encode()[:64], CATALOGUE)}, CATALOGUE)
    return {use.provider for use in uses if use.kind != "framework" and use.region != "comment"}


DEEPSEEK = {"deepseek"}
FOLDED = {
    "go": ("a.go", 'u := "https://" + strings.Join([]string{"api", "deepseek", "com"}, ".") + "/chat/completions"'),
    "go, named": ("a.go", 'p := []string{"api", "deepseek", "com"}\nu := "https://" + strings.Join(p, ".")'),
    "rust": ("a.rs", 'const U: &str = concat!("https://", "api.", "deepseek", ".com", "/chat/completions");'),
    "ruby": ("a.rb", 'HOST = %w[api deepseek com].join(".")\nget(URI("https://#{HOST}/chat/completions"))'),
    "ruby, brackets": ("a.rb", 'HOST = ["api", "deepseek", "com"].join(".")\nget("https://#{HOST}/chat/completions")'),
    "java": (
        "A.java",
        'String h = new StringBuilder("api.").append("deepseek").append(".com").toString();\nURI u = URI.create("https://" + h);',
    ),
    "java, in steps": (
        "A.java",
        'StringBuilder b = new StringBuilder();\nb.append("api.deep");\nb.append("seek.com");\nString u = "https://" + b;',
    ),
    "java, join": ("A.java", 'String u = "https://" + String.join(".", "api", "deepseek", "com") + "/x";'),
    "c#": ("A.cs", 'var u = "https://" + string.Join(".", new[] { "api", "deepseek", "com" }) + "/x";'),
    "kotlin": ("A.kt", 'val h = listOf("api", "deepseek", "com").joinToString(".")\nval u = "https://$h/x"'),
    "c": ("a.c", '#define SCHEME "https://"\n#define HOST "api." "deepseek" ".com"\nopen(SCHEME HOST "/chat");'),
    "php": ("a.php", "<?php\n$h = implode('.', ['api', 'deepseek', 'com']);\nget(\"https://{$h}/chat/completions\");"),
    "elixir": ("a.ex", '@base "https://api.deepseek.com"\ndef f(b), do: post(@base <> "/chat/completions", b)'),
    "shell": ("a.sh", "H=$(echo YXBpLmRlZXBzZWVrLmNvbQ== | base64 -d)\ncurl https://$H/chat/completions"),
    "shell, a here string": (
        "a.sh",
        'h=$(base64 --decode <<< "YXBpLmRlZXBzZWVrLmNvbQ==")\ncurl https://${h}/chat/completions',
    ),
    "powershell": (
        "a.ps1",
        '$h = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String("YXBpLmRlZXBzZWVrLmNvbQ=="))\n'
        'Invoke-RestMethod "https://$h/chat/completions"',
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_a_host_put_together_is_the_host(name: str) -> None:
    assert told(*FOLDED[name]) == DEEPSEEK


LLM = "from openai import OpenAI\n"
SETS = {
    "enum": (
        "a.py",
        'from enum import Enum\nimport litellm\nclass M(Enum):\n    A = "anthropic/claude-sonnet-4-5"\n    B = "deepseek/x1"\n'
        "def f(m):\n    return litellm.completion(model=m.value, messages=[])\n",
        {"anthropic", "deepseek"},
    ),
    "dataclasses": (
        "a.py",
        LLM + "from dataclasses import dataclass\n@dataclass\nclass V:\n    n: str\n    url: str\n"
        'VS = [V("a", "https://api.x.ai/v1"), V("b", "https://api.deepseek.com")]\n'
        "def f(v):\n    return OpenAI(base_url=v.url)\n",
        {"xai", "deepseek"},
    ),
    "router": (
        "a.py",
        'from litellm import Router\nr = Router(model_list=[{"litellm_params": {"model": "deepseek/deepseek-chat"}},\n'
        '    {"litellm_params": {"model": "bedrock/eu.anthropic.claude-3-haiku"}}])\n',
        {"deepseek", "aws-bedrock"},
    ),
    "match": (
        "a.py",
        LLM + 'def url(p):\n    match p:\n        case "a":\n            return "https://api.x.ai/v1"\n'
        '        case _:\n            return "https://api.deepseek.com"\nc = OpenAI(base_url=url(1))\n',
        {"xai", "deepseek"},
    ),
    "typescript table": (
        "a.ts",
        'import OpenAI from "openai";\nconst U: Record<string, string> = { a: "https://api.x.ai/v1", '
        'b: "https://api.deepseek.com" };\nexport const f = (n: string) => new OpenAI({ baseURL: U[n] });\n',
        {"xai", "deepseek"},
    ),
    "an object that names its provider": (
        "a.py",
        "from pydantic_ai.models.openai import OpenAIChatModel\nfrom pydantic_ai.providers.deepseek import DeepSeekProvider\n"
        'm = OpenAIChatModel("x", provider=DeepSeekProvider())\n',
        {"deepseek"},
    ),
    "a gateway's model": (
        "a.ts",
        'import { streamText } from "ai";\nstreamText({ model: "xai/grok-4", prompt: "x" });\n',
        {"vercel-gateway"},
    ),
    "a class of another provider": (
        "a.ts",
        'import { AzureChatOpenAI } from "@langchain/openai";\nconst m = new AzureChatOpenAI({});\n',
        {"azure-openai"},
    ),
    "vertex by an argument": ("a.py", "from google import genai\nc = genai.Client(vertexai=True)\n", {"google-vertex"}),
    "a versioned module": ("a.py", "from google.cloud import speech_v1 as s\ns.SpeechClient()\n", {"google-cloud-ai"}),
    "settings": ("m.yaml", "llm:\n  provider: groq\n  config:\n    model: llama-3.1-70b\n", {"groq"}),
    "labels of a host": ("c.json", '{"url": {"host": ["api", "deepseek", "com"]}}', {"deepseek"}),
    "one line of a table": ("c.yaml", "- litellm_params: {model: deepseek/deepseek-chat}\n", {"deepseek"}),
    "a port that goes without saying": ("n.conf", "upstream a { server api.deepseek.com:443; }", {"deepseek"}),
}


@pytest.mark.parametrize("name", SETS)
def test_each_member_of_a_set_is_told_and_no_other(name: str) -> None:
    path, content, expected = SETS[name]
    assert told(path, content) == expected


OPEN = {
    "python": (
        "a.py",
        "import os, httpx\nhttpx.post(os.environ['X_URL'].rstrip('/') + '/v1/chat/completions', json=b)",
    ),
    "go": ("a.go", 'http.Post(os.Getenv("X_URL")+"/v1/chat/completions", "application/json", nil)'),
    "a form": ("a.go", 'http.Post(fmt.Sprintf("%s/v1/chat/completions", os.Getenv("X_URL")), "x", nil)'),
}


@pytest.mark.parametrize("name", OPEN)
def test_an_address_from_outside_is_unknown(name: str) -> None:
    assert told(*OPEN[name]) == {"unknown"}


MIXED = {
    "python": ("a.py", LLM + 'U = {"a": "https://api.deepseek.com", "b": load()}\nc = OpenAI(base_url=U[name])\n'),
    "typescript": (
        "a.ts",
        'import OpenAI from "openai";\nconst U = { a: "https://api.deepseek.com", b: load() };\nnew OpenAI({ baseURL: U[name] });\n',
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_member_that_cannot_be_told_makes_the_destination_unknown_as_well(name: str) -> None:
    assert told(*MIXED[name]) == {"unknown", "deepseek"}


def test_a_router_with_an_open_model_keeps_both_the_unknown_and_the_models_it_lists() -> None:
    source = 'import litellm\nNAMES = ["deepseek/deepseek-chat"]\ndef f(m):\n    return litellm.completion(model=m)\n'
    assert told("a.py", source) == {"unknown", "deepseek"}


HONEST = {
    "a builder": ("A.java", 'StringBuilder b = new StringBuilder(); b.append("a."); b.append("b"); return b;'),
    "joined": ("a.go", 'http.Get("https://" + strings.Join([]string{"api", "acme", "example"}, ".") + "/orders")'),
    "decoded": ("a.sh", "H=$(echo YXBpLmFjbWUuZXhhbXBsZQ== | base64 -d)\ncurl https://$H/orders"),
    "a provider of something else": ("a.yml", "provider: github\nauth: {provider: google, name: login2}\n"),
    "models of a warehouse": ("schema.yml", "version: 2\nmodels:\n  - name: orders\n    model: ref\n"),
    "an own Agent": ("a.py", "from agents import Agent, Environment\nclass Police(Agent): ...\n"),
    "a graph": ("g.json", '{"nodes": [{"name": "Paris", "parameters": {"x": 1}}], "edges": []}'),
    "labels": ("c.json", '{"url": {"host": ["api", "acme", "example"]}}'),
    "packages": ("mix.exs", 'defp deps, do: [{:phoenix, "~> 1.7"}]'),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_no_ai_stays_silent(name: str) -> None:
    assert not told(*HONEST[name])


KEYS = {
    "together": ("cfg.py", 'TOGETHER_API_KEY = "' + "a3f5c9d1e7b2468b" * 4 + '"'),
    "zhipu": (".env", "ZHIPUAI_API_KEY=3f9c2d7a5b1e4860a9d3c7f1e5b82640.Qw8eRt5yUi2oPa9s"),
    "iflytek-spark": (".env", "SPARK_API_SECRET=MzY5YTBmNzE4ZDIyNGUxZmFlYzE4MzJh"),
    "google-gemini": ("c.py", 'GEMINI_API_KEY = "AIzaSyB1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"'),
}


@pytest.mark.parametrize("provider", KEYS)
def test_a_key_is_known_by_its_name_and_shape(provider: str) -> None:
    path, text = KEYS[provider]
    found = leaks(text, path, "code", CATALOGUE, other_signs=False, tell=lambda _: None)
    assert [finding.details["provider"] for finding in found] == [provider]


def test_the_same_shape_under_another_name_is_no_key() -> None:
    text = 'DIGEST = "' + "a3f5c9d1e7b2468b" * 4 + '"\nAPI_KEY = "3f9c2d7a5b1e4860a9d3c7f1e5b82640"\n'
    assert not leaks(text, "a.py", "code", CATALOGUE, other_signs=False, tell=lambda _: None)


def test_the_search_for_terms_lets_each_of_these_files_through(tmp_path: Path) -> None:
    rows = {**FOLDED, **{name: row[:2] for name, row in SETS.items()}, **OPEN}
    for index, (path, content) in enumerate(rows.values()):
        (tmp_path / str(index)).mkdir()
        (tmp_path / str(index) / path).write_text(content)
    facts = scan(open_tree(tmp_path)).facts
    found = {use["path"].partition("/")[0] for use in facts["uses"]}
    assert {name for index, name in enumerate(rows) if str(index) not in found} == set()
