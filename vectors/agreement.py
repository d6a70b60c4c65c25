"""Run all verifiers that are here over the vectors and write what came of it: `python -m vectors.agreement DATE`.

The table of docs/verifiers.md is made from `agreement.json`; a test holds its digest of the index.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cryptography

from vectors.check import answers, wanted
from vectors.judge import HERE, Files, judge
from vectors.world import sha256

GO = HERE.parent / "verifiers/go/secpipe-verify"
JS = HERE.parent / "verifiers/js/src/cli.js"
#: verifier -> its command; none where it is not built here.
COMMANDS: dict[str, list[str]] = {
    "Go": [str(GO)] if GO.is_file() else [],
    "JavaScript": ["node", str(JS)] if (JS.parents[1] / "node_modules").is_dir() else [],
}


def counts(cases: list[dict[str, Any]], said: dict[str, dict[str, str]], lacks: tuple[str, ...]) -> dict[str, int]:
    """Return how many cases of each group were answered as they should be, result and code."""
    good = Counter(case["id"].split("/")[0] for case in cases if said.get(case["id"]) == wanted(case, lacks))
    return {group: good[group] for group in dict.fromkeys(case["id"].split("/")[0] for case in cases)}


def versions() -> dict[str, str]:
    node = (
        subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
        if COMMANDS["JavaScript"]
        else ""
    )
    locked = json.loads((JS.parents[1] / "package.json").read_text())["dependencies"]
    noble = ", ".join(f"{name.removeprefix('@noble/')} {number}" for name, number in locked.items())
    built = (HERE.parent / "verifiers/go/go.mod").read_text().split("go ")[-1].strip()
    return {
        "Python": f"Python {platform.python_version()}, cryptography {cryptography.__version__}",
        "Go": f"Go {built}, the standard library",
        "JavaScript": f"Node {node.lstrip('v')}, noble's {noble}",
    }


def main(date: str) -> int:
    data = (HERE / "index.json").read_bytes()
    cases, files = json.loads(data)["cases"], Files()
    said = {"Python": counts(cases, {case["id"]: judge(case, files) for case in cases}, ())}
    said |= {name: counts(cases, answers(command), ("rfc3161",)) for name, command in COMMANDS.items() if command}
    groups = Counter(case["id"].split("/")[0] for case in cases)
    known = versions()
    document = {
        "index": sha256(data),
        "date": date,
        "cases": dict(groups),
        "verifiers": {name: {"with": known[name], "agree": agree} for name, agree in said.items()},
    }
    Path(HERE / "agreement.json").write_text(json.dumps(document, indent=1) + "\n")
    sys.stdout.write("\n".join(f"{name}: {sum(agree.values())} of {len(cases)}" for name, agree in said.items()) + "\n")
    return 0 if all(agree == dict(groups) for agree in said.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
