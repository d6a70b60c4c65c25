"""Five projects as people have them, and two of the smallest: `python projects.py NAME` writes ./NAME."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

FASTAPI = """\
from fastapi import FastAPI
from openai import OpenAI
from qdrant_client import QdrantClient

app = FastAPI()
llm = OpenAI()
store = QdrantClient(url="http://qdrant:6333")


@app.post("/ask")
def ask(question: str) -> dict:
    hits = store.search("docs", query_vector=embed(question), limit=4)
    context = "\\n".join(hit.payload["text"] for hit in hits)
    answer = llm.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": f"{context}\\n\\n{question}"}]
    )
    return {"answer": answer.choices[0].message.content}


def embed(text: str) -> list:
    return llm.embeddings.create(model="text-embedding-3-small", input=text).data[0].embedding
"""

TRAIN = """\
import torch
from safetensors.torch import save_file


def train(steps: int = 10) -> dict:
    layer = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        layer(torch.ones(1)).sum().backward()
        optimizer.step()
    return layer.state_dict()


if __name__ == "__main__":
    save_file(train(), "models/ranker/model.safetensors")
"""

CHAT = """\
import Anthropic from "@anthropic-ai/sdk";
import express from "express";

const client = new Anthropic();
const app = express();

app.post("/chat", express.json(), async (request, response) => {
  const message = await client.messages.create({
    model: "claude-sonnet-4-5", max_tokens: 1024, messages: request.body.messages,
  });
  response.json(message.content);
});
app.listen(3000);
"""

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Churn\n", "What makes customers leave?"]},
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": [
                "import pandas as pd\n",
                "from sklearn.linear_model import LogisticRegression\n",
                "rows = pd.read_csv('data/churn.csv')\n",
                "LogisticRegression().fit(rows[['months']], rows['left']).coef_",
            ],
        },
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}

PLANNER = """\
from anthropic import Anthropic

from tools.search import search

client = Anthropic()


def plan(goal: str) -> str:
    reply = client.messages.create(
        model="claude-sonnet-4-5", max_tokens=512, messages=[{"role": "user", "content": goal}], tools=[search.schema]
    )
    return reply.content[0].text
"""

WRITER = """\
from google import genai

client = genai.Client()


def write(outline: str) -> str:
    return client.models.generate_content(model="gemini-2.5-flash", contents=outline).text
"""


def _uv(*packages: tuple[str, str]) -> str:
    rows = [
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://pypi.org/simple" }}\n'
        for name, version in packages
    ]
    return "\n".join(['version = 1\nrequires-python = ">=3.11"\n', *rows])


def _package_lock() -> str:
    packages = {"": {"name": "chat", "version": "1.0.0"}}
    for name, version in (("@anthropic-ai/sdk", "0.65.0"), ("express", "5.1.0")):
        packages[f"node_modules/{name}"] = {"version": version, "integrity": f"sha512-{'A' * 86}=="}
    return json.dumps({"name": "chat", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}, indent=2)


def _safetensors() -> bytes:
    header = json.dumps({"weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


PROJECTS: dict[str, dict[str, str | bytes]] = {
    "rag": {
        "README.md": "# Answers from our handbook\n",
        "requirements.txt": "fastapi==0.121.0\nopenai==2.7.1\nqdrant-client==1.15.1\nuvicorn==0.38.0\n",
        "app/main.py": FASTAPI,
        "prompts/system.txt": "You answer from the context only.\n",
        "Dockerfile": 'FROM python:3.13-slim\nCOPY . .\nCMD ["uvicorn", "app.main:app"]\n',
    },
    "train": {
        "pyproject.toml": '[project]\nname = "ranker"\nversion = "1.0"\ndependencies = ["torch", "safetensors"]\n',
        "uv.lock": _uv(("safetensors", "0.6.2"), ("torch", "2.11.0")),
        "train.py": TRAIN,
        "models/ranker/model.safetensors": _safetensors(),
        "models/ranker/config.json": '{"architectures": ["Linear"]}\n',
        "models/ranker/README.md": "---\nlicense: apache-2.0\n---\n# Ranker\n",
    },
    "chat": {
        "package.json": '{"name": "chat", "dependencies": {"@anthropic-ai/sdk": "0.65.0", "express": "5.1.0"}}\n',
        "package-lock.json": _package_lock(),
        "tsconfig.json": '{"compilerOptions": {"strict": true}}\n',
        "src/server.ts": CHAT,
        ".gitignore": "node_modules/\n",
    },
    "churn": {
        "README.md": "# Why customers leave\n",
        "requirements.txt": "pandas==2.3.3\nscikit-learn==1.7.2\n",
        "notebooks/churn.ipynb": json.dumps(NOTEBOOK, indent=1),
        "data/churn.csv": "months,left\n1,1\n40,0\n",
    },
    "agents": {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        "uv.lock": _uv(("anthropic", "0.72.0"), ("google-genai", "1.48.0")),
        "packages/planner/pyproject.toml": '[project]\nname = "planner"\nversion = "1"\ndependencies = ["anthropic"]\n',
        "packages/planner/planner.py": PLANNER,
        "packages/writer/pyproject.toml": '[project]\nname = "writer"\ndependencies = ["google-genai"]\n',
        "packages/writer/writer.py": WRITER,
        "packages/tools/search.py": "def search(query: str) -> list:\n    return []\n",
    },
    "onefile": {"app.py": "print('hello')\n"},
    "pages": {"index.html": "<!doctype html><title>Us</title><h1>Hello</h1>\n", "style.css": "h1 { color: teal }\n"},
}


def write(name: str, folder: Path) -> None:
    """Write the files of a project into `folder`."""
    for path, content in PROJECTS[name].items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[1]))
