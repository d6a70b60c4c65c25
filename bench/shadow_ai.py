"""Speed of the shadow-AI scan on a repository of 5,000 files with few hits, as ratios to rivals in the same run.

    python bench/shadow_ai.py [TREE]

Rivals: semgrep over the whole tree with rules derived from the same catalogue, and airom (`make rivals`, or PATH).
Without TREE the tree is made of the standard library. Wall and CPU seconds are
printed: on a shared machine only the latter compare.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import claim, info, not_measured, note, rival

FILES = 5000
HITS = {
    "services/chat.py": 'from openai import OpenAI\n\nclient = OpenAI(base_url="https://api.deepseek.com/v1")\n',
    "web/ask.ts": 'import Anthropic from "@anthropic-ai/sdk";\nexport const c = new Anthropic();\n',
    "deploy/compose.yaml": "services:\n  llm:\n    image: ollama/ollama:0.3\n",
    "cmd/main.go": 'package main\n\nimport ai "github.com/sashabaranov/go-openai"\n\nvar c = ai.NewClient("")\n',
}


def lay_out(folder: Path) -> None:
    """Copy the standard library's sources, as often as it takes, and add a few hits."""
    sources = sorted(
        path for path in Path(sysconfig.get_path("stdlib")).rglob("*.py") if "site-packages" not in path.parts
    )
    for index in range(FILES - len(HITS)):
        target = folder / f"part{index // 250}" / f"{index:05d}_{sources[index % len(sources)].name}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(sources[index % len(sources)], target)
    for name, content in HITS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def rules(folder: Path) -> Path:
    """Write semgrep rules for the catalogue's Python imports and hosts: the comparable set."""
    from secpipe.scan.shadow_ai.catalogue import read_catalogue

    catalogue = read_catalogue()
    rows = []
    for name in sorted(catalogue.imports["python"])[:100]:
        either = [{"pattern": f"import {name}"}, {"pattern": f"from {name} import $X"}]
        rows.append({"id": f"import-{len(rows)}", "languages": ["python"], "pattern-either": either})
    for host in sorted(catalogue.hosts)[:40]:
        literal = {"metavariable": "$URL", "regex": f".*{re.escape(host)}.*"}
        patterns = [{"pattern": '"$URL"'}, {"metavariable-regex": literal}]
        rows.append({"id": f"host-{len(rows)}", "languages": ["python", "javascript", "go"], "patterns": patterns})
    document = {"rules": [{**row, "severity": "INFO", "message": "found"} for row in rows]}
    path = folder / "rules.json"
    path.write_text(json.dumps(document))
    return path


def clock(work: Callable[[], object], times: int = 1) -> tuple[float, float]:
    """Return the shortest wall time and the least CPU time, children included, of `times` runs, in seconds."""
    walls, loads = [], []
    for _ in range(times):
        before, start = os.times(), time.perf_counter()
        work()
        after = os.times()
        walls.append(time.perf_counter() - start)
        loads.append(sum(after[:4]) - sum(before[:4]))
    return min(walls), min(loads)


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
        os.environ |= {"SECPIPE_HOME": str(Path(name) / "home"), "SECPIPE_CACHE": str(Path(name) / "cache")}
        time.sleep(2.5)  # results of files changed within the last two seconds are not kept
        times = {"secpipe (whole command)": clock(lambda: run([*command, "--no-cache"]), 2)}
        run(command)
        times["secpipe (whole command, tree unchanged)"] = clock(lambda: run(command), 5)
        walked = open_tree(tree)
        evidence = scan(walked)
        times["secpipe (scan of a walked tree, warm)"] = clock(lambda: scan(walked), 3)
        airom = rival("airom")
        if airom:
            times["airom"] = clock(lambda: run([airom, "scan", str(tree)]), 2)
        semgrep = rival("semgrep")
        if semgrep:
            config = rules(Path(name))
            flags = ["--metrics=off", "--disable-version-check", "--quiet", "--json", "--no-git-ignore", "-j", "1"]
            argv = [semgrep, "scan", f"--config={config}", *flags, str(tree)]
            times["semgrep, whole tree"] = clock(lambda: run(argv))
        note(f"{len(walked.files):,} files, {evidence.facts['coverage']}, {len(evidence.facts['uses'])} uses")
        base = times["secpipe (whole command)"]
        for what, (wall, load) in times.items():
            note(f"{what:41} wall {wall:7.2f} s {wall / base[0]:6.2f}x   cpu {load:7.2f} s {load / base[1]:6.2f}x")
        report(times)
    return 0


def report(times: dict[str, tuple[float, float]]) -> None:
    """Print the claims: CPU against semgrep, wall against airom, and what an unchanged tree saves."""
    ours = times["secpipe (whole command)"]
    unchanged = times["secpipe (whole command, tree unchanged)"]
    info("shadow-AI scan of 5,000 files with few hits: CPU of an unchanged tree against afresh", unchanged[1] / ours[1])
    for name, which, budget in (("semgrep, whole tree", 1, 1 / 8), ("airom", 0, 2.5)):
        text = f"shadow-AI scan of 5,000 files with few hits: {('wall', 'CPU')[which]} against {name.partition(',')[0]}"
        if name in times:
            claim(text, ours[which] / times[name][which], budget)
        else:
            not_measured(text, f"no {name.partition(',')[0]} here (make rivals)")


if __name__ == "__main__":
    raise SystemExit(main())
