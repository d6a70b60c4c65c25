"""One tree, one result: whatever order Python's sets have in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
import json, sys
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree
found = scan(open_tree(sys.argv[1]))
print(json.dumps([found.facts, [one.to_dict() for one in found.findings], [one.to_dict() for one in found.skips]]))
"""
HOSTS = [
    f"https://api.{name}/v1" for name in ("openai.com", "mistral.ai", "deepseek.com", "groq.com", "x.ai", "cohere.com")
]
FILES = {
    "modules.py": "import importlib\n"
    + "\n".join(f"N = 'langchain.{name}'" for name in "abcdefgh")
    + "\nimportlib.import_module(N)\n",
    "clients.py": "from openai import OpenAI\n"
    + "\n".join(f"B = '{host}'" for host in HOSTS)
    + "\nBASE_ADDRESS = B\nOpenAI(base_url=B, model=M)\nrequests.post(B + '/chat/completions', json={})\n"
    + "\n".join(f"M = '{name}'" for name in ("gpt-4o", "claude-3-opus", "gemini-1.5-pro", "mistral-large"))
    + "\nlitellm.completion(model=M)\n",
    "environment.py": "import os\n"
    + "\n".join(f"K = '{name}_BASE_URL'" for name in ("OPENAI", "ANTHROPIC", "MISTRAL", "GROQ"))
    + "\n"
    + "\n".join(f"V = '{host}'" for host in HOSTS)
    + "\nos.environ[K] = V\nos.environ.setdefault(K, V)\n",
    "shell.py": "import subprocess\n"
    + "\n".join(f"C = 'curl {host}/chat/completions'" for host in HOSTS)
    + "\nsubprocess.run(C, shell=True)\n",
    "client.ts": "import OpenAI from 'openai';\nlet base = '';\n"
    + "\n".join(f"base = '{host}';" for host in HOSTS)
    + "\nconst name = pick ? 'openai' : other ? '@anthropic-ai/sdk' : 'cohere-ai';\n"
    "require(name);\nnew OpenAI({ baseURL: base });\n",
}


@pytest.mark.parametrize("file", sorted(FILES))
def test_the_order_of_sets_changes_nothing(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(FILES[file])
    said = set()
    for seed in ("1", "2", "3", "4"):
        done = subprocess.run(
            [sys.executable, "-c", ASK, str(tmp_path)],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        said.add(done.stdout)
    assert len(said) == 1
    assert '"provider"' in said.pop()
