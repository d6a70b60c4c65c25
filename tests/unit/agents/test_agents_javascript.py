"""Agents in JavaScript and TypeScript: what each is handed, by table; spellings of the same; text that only looks so."""

# ruff: noqa: E501  # one program a line

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.agents import javascript
from secpipe.scan.agents.item import Item
from secpipe.scan.agents.scan import scan
from secpipe.system.tree import walk

EXEC = 'import { execSync } from "node:child_process";\n'
SHELL = 'const shell = tool({ description: "r", execute: async ({ c }) => execSync(c).toString() });\n'
LETHAL = {
    "openai": 'import { Agent, webSearchTool, tool } from "@openai/agents";\n' + EXEC + SHELL
    + 'new Agent({ name: "Ops", tools: [webSearchTool(), shell] });',
    "openai-create": 'import { Agent, webSearchTool, tool } from "@openai/agents";\n' + EXEC + SHELL
    + 'const all = [webSearchTool(), shell];\nexport const a = Agent.create({ name: "Ops", tools: all });',
    "generic": 'import { Agent, webSearchTool, tool } from "@openai/agents";\n' + EXEC + SHELL
    + 'new Agent<Context>({\n  name: "Ops", // }) not the end\n  tools: [\n webSearchTool(), shell ] });',
    "vercel": 'import { generateText, tool } from "ai"; import { openai } from "@ai-sdk/openai";\n' + EXEC + SHELL
    + 'await generateText({ model: openai("x"), prompt: "a, b: [c", tools: { search: openai.tools.webSearchPreview({}), shell } });',
    "vercel-inline": 'import { ToolLoopAgent, tool } from "ai"; import { anthropic } from "@ai-sdk/anthropic";\n'
     'new ToolLoopAgent({ tools: { bash: anthropic.tools.bash_20250124({}), web: anthropic.tools.webSearch_20250305({}) } });',
    "langgraph": 'import { createReactAgent } from "@langchain/langgraph/prebuilt";\n' + EXEC + SHELL
    + 'const tools = [new TavilySearch({}), shell];\ncreateReactAgent({ llm, tools });',
    "langgraph-node": 'const { ToolNode } = require("@langchain/langgraph/prebuilt");\n' + EXEC + SHELL
    + 'const node = new ToolNode([new TavilySearch({}), shell]);',
    "mastra": 'import { Agent } from "@mastra/core/agent";\n' + EXEC + SHELL
    + 'const kit = { shell, web: tavilySearch };\nexport const a = new Agent({ name: "Ops", tools: { ...kit } });',
    "helper": 'import { Agent, webSearchTool, tool } from "@openai/agents";\n' + EXEC
    + 'function run(c) {\n  return execSync(c).toString();\n}\nconst shell = tool({ execute: async ({ c }) => run(c) });\n'
    + 'new Agent({ name: "Ops", tools: [webSearchTool(), shell] });',
}  # fmt: skip
HONEST = {
    "sums": 'import { Agent, tool } from "@openai/agents";\nconst add = tool({ execute: async ({ a, b }) => a + b });\nnew Agent({ name: "Sums", tools: [add] });',
    "search-only": 'import { Agent, webSearchTool } from "@openai/agents";\nnew Agent({ name: "S", tools: [webSearchTool()] });',
    "commented": 'import { Agent, webSearchTool } from "@openai/agents";\nnew Agent({ name: "S", tools: [webSearchTool() /* , shellTool() */] }); // tools: [shellTool()]',
    "said": 'import { Agent, webSearchTool } from "@openai/agents";\nnew Agent({ name: "S", instructions: "tools: [shellTool()]", tools: [webSearchTool()] });',
    "other-module": 'import { Agent } from "https";\nimport x from "./agents";\nnew Agent({ tools: [webSearchTool(), shellTool()] });',
    "apart": 'import { Agent, webSearchTool } from "@openai/agents";\nnew Agent({ name: "A", tools: [webSearchTool()] });\nnew Agent({ name: "B", tools: [shellTool()] });',
}  # fmt: skip


def _found(tmp_path: Path, text: str, name: str = "agent.ts") -> list[str]:
    (tmp_path / name).write_text(text)
    return [one.rule for one in scan(walk(tmp_path)).findings]


@pytest.mark.parametrize("case", LETHAL)
def test_an_agent_with_all_three_is_told(tmp_path: Path, case: str) -> None:
    assert "agents/lethal-combination" in _found(tmp_path, LETHAL[case])


@pytest.mark.parametrize("case", HONEST)
def test_what_only_looks_so_is_left_alone(tmp_path: Path, case: str) -> None:
    assert "agents/lethal-combination" not in _found(tmp_path, HONEST[case])


def test_each_agent_is_an_item_with_what_it_can_do() -> None:
    text = (
        'import { Agent, tool } from "@openai/agents";\nconst rates = tool({ execute: async () => '
        'fetch("https://rates.example/v1", { headers: { a: process.env.RATES_TOKEN } }) });\n'
        'export const a = new Agent({ name: "Money", tools: [rates] });\n'
    )
    items = [one for one in javascript.agents(text, "a.ts") if isinstance(one, Item)]
    assert [(one.name, one.line, one.client) for one in items] == [("Money", 3, "openai-agents")]
    assert {"net:rates.example", "secret:RATES_TOKEN"} <= set(items[0].capabilities)


def test_an_answer_without_tools_is_no_agent() -> None:
    assert list(javascript.agents('import { generateText } from "ai";\ngenerateText({ prompt: "x" });', "a.ts")) == []


@pytest.mark.parametrize("text", [
    "new Agent({ tools: [" + "[" * 20_000, "new Agent({" * 2_000, "`" * 9_999, "new Agent({ tools: " + "a, " * 30_000,
    "const a = b;\nconst b = a;\nnew Agent({ tools: a })", "/*" * 30_000, 'new Agent({ tools: { ...{ ...{ ...x } } } })',
    "new Agent({ tools: [\u2028\0\ud800] })", "const " * 20_000,
])  # fmt: skip
def test_broken_and_endless_programs_end(text: str) -> None:
    found = list(javascript.agents(f'import {{ Agent }} from "@openai/agents";\n{text}', "a.ts"))
    assert len(found) <= 200
