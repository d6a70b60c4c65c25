"""One client that goes elsewhere takes no other client of its file along: both destinations are named."""

from __future__ import annotations

import pytest

from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.attribute import attribute
from secpipe.scan.shadow_ai.catalogue import read_catalogue

CATALOGUE = read_catalogue()
GO = """package claims
import (
	"context"
	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/bedrock"
)
func cloud(ctx context.Context) { use(anthropic.NewClient(bedrock.WithLoadDefaultConfig(ctx))) }
"""
JAVA = """import com.anthropic.bedrock.backends.BedrockBackend;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
class Claims {
    Object cloud = AnthropicOkHttpClient.builder().backend(BedrockBackend.fromEnv()).build();
    %s
}
"""
TS = """import { GoogleGenAI } from "@google/genai";
const cloud = new GoogleGenAI({ vertexai: true, project: "acme", location: "europe-west1" });
"""
PYTHON = """from google import genai
from google.genai import types
cloud = genai.Client(vertexai=True, project="acme")
cloud.models.generate_content(model="gemini-2.5-flash", config=types.GenerateContentConfig())
"""


def providers(path: str, text: str) -> set[str]:
    reading = readers.read(path, text, text.encode()[:64], CATALOGUE)
    return {use.provider for use in attribute({path: reading}, CATALOGUE)}


@pytest.mark.parametrize(
    ("path", "text", "alone", "direct"),
    [
        ("a.go", GO, "aws-bedrock", "func direct() { use(anthropic.NewClient()) }\n"),
        ("A.java", JAVA % "", "aws-bedrock", JAVA % "Object direct = AnthropicOkHttpClient.fromEnv();"),
        ("a.ts", TS, "google-vertex", "const direct = new GoogleGenAI({ apiKey: key });\n"),
        ("a.py", PYTHON, "google-vertex", "direct = genai.Client(api_key=key)\n"),
    ],
)
def test_a_plain_client_beside_one_that_goes_elsewhere_is_named(path: str, text: str, alone: str, direct: str) -> None:
    assert providers(path, text) == {alone}
    both = direct if path == "A.java" else text + direct
    own = "google-gemini" if "google" in alone else "anthropic"
    assert providers(path, both) == {alone, own}


def test_a_raw_call_beside_a_cloud_is_named() -> None:
    text = 'import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";\nnew AnthropicVertex({});\n'
    raw = 'fetch("https://api.anthropic.com/v1/messages", { body: JSON.stringify({ model: "claude-haiku-4-5" }) });\n'
    assert providers("a.ts", text + raw) == {"google-vertex", "anthropic"}


def test_a_client_handed_to_a_framework_is_its_own_use() -> None:
    text = "from agents import Agent, OpenAIChatCompletionsModel\nfrom openai import AsyncOpenAI\n"
    text += "c = AsyncOpenAI(base_url='https://openrouter.ai/api/v1')\n"
    text += "m = OpenAIChatCompletionsModel(model='x', openai_client=c)\n"
    assert providers("a.py", text) == {"openrouter"}
    assert "openai" in providers("a.py", text + "d = AsyncOpenAI()\n")
