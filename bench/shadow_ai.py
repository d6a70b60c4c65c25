"""Speed of the shadow-AI scan on a repository of 5,000 files with few hits, as ratios to rivals in the same run.

    python bench/shadow_ai.py [TREE]

Rivals: semgrep (from the environment) over the whole tree with import rules derived from the same catalogue, and airom
(from PATH or $SECPIPE_AIROM). A rival that is absent is left out. Without TREE the tree is made of the standard library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

FILES = 5000
HITS = {
    "services/chat.py": 'from openai import OpenAI\n\nclient = OpenAI(base_url="https://api.deepseek.com/v1")\n',
    "web/ask.ts": 'import Anthropic from "@anthropic-ai/sdk";\nexport const c = new Anthropic();\n',
    "deploy/compose.yaml": "services:\n  llm:\n    image: ollama/ollama:0.3\n",
    "cmd/main.go": 'package main\n\nimport openai "github.com/sashabaranov/go-openai"\n\nvar c = openai.NewClient("")\n',
}


def lay_out(folder: Path) -> None:
    """Copy the standard library's sources, as often as it takes, and add a few hits."""
    sources = sorted(path for path in Path(sysconfig.get_path("stdlib")).rglob("*.py") if "site-packages" not in path.parts)
    for index in range(FILES - len(HITS)):
        target = folder / f"part{index // 250}" / f"{index:05d}_{sources[index % len(sources)].name}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(sources[index % len(sources)], target)
    for name, content in HITS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def rules(folder: Path) -> Path:
    """Write semgrep rules for the catalogue's Python imports and hosts: what our prefilter looks for, the comparable set."""
    from secpipe.scan.shadow_ai.catalogue import read_catalogue

    catalogue = read_catalogue()
    rows = ["rules:"]
    for name in sorted(catalogue.imports["python"])[:100]:
        rows += [f"- id: import-{name.replace('.', '-').replace('_', '-')}", "  languages: [python]", "  severity: INFO", "  message: m",
                 f'  pattern-either: [{{pattern: "import {name}"}}, {{pattern: "from {name} import $X"}}]']  # fmt: skip
    for index, host in enumerate(sorted(catalogue.hosts)[:40]):
        pattern = host.replace(".", "\\\\.")
        rows += [f"- id: host-{index}", "  languages: [python, javascript, go]", "  severity: INFO", "  message: m",
                 f'  patterns: [{{pattern: "\\"$URL\\""}}, {{metavariable-regex: {{metavariable: $URL, regex: ".*{pattern}.*"}}}}]']  # fmt: skip
    path = folder / "rules.yaml"
    path.write_text("\n".join(rows) + "\n")
    return path


def clock(work: Callable[[], object], times: int = 1) -> float:
    """Return the shortest wall time of `times` runs, in seconds."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def run(argv: list[str]) -> None:
    """Run a program, whatever it finds."""
    environment = {**os.environ, "SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"}
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False)


def main() -> int:
    """Print the figures."""
    from secpipe.scan.shadow_ai.scan import scan
    from secpipe.system.tree import open_tree

    with tempfile.TemporaryDirectory() as name:
        tree = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name) / "tree"
        if len(sys.argv) == 1:
            tree.mkdir()
            lay_out(tree)
        command = [sys.executable, "-m", "secpipe", "scan", "shadow-ai", str(tree), "-f", "json"]
        command += ["-o", str(Path(name) / "out.json")]
        times = {"secpipe (whole command)": clock(lambda: run(command), 2)}
        walked = open_tree(tree)
        evidence = scan(walked)
        times["secpipe (scan of a walked tree, warm)"] = clock(lambda: scan(walked), 3)
        airom = os.environ.get("SECPIPE_AIROM") or shutil.which("airom")
        if airom:
            times["airom"] = clock(lambda: run([airom, "scan", str(tree)]), 2)
        semgrep = shutil.which("semgrep")
        if semgrep:
            config = rules(Path(name))
            times["semgrep, whole tree"] = clock(lambda: run([semgrep, "scan", f"--config={config}", "--metrics=off", "--disable-version-check", "--quiet", "--json", "--no-git-ignore", "-j", "1", str(tree)]))
        print(f"{len(walked.files):,} files, {evidence.facts['coverage']}, {len(evidence.facts['uses'])} uses")
        base = times["secpipe (whole command)"]
        for what, seconds in times.items():
            print(f"{what:40} {seconds:7.2f} s   {seconds / base:6.2f}x")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
