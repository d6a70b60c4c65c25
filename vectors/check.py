"""Hold a verifier against the vectors: `python -m vectors.check [COMMAND ...]`; without a command, secpipe itself.

A command is run as `COMMAND vectors INDEX` and prints one line a case: `{"id", "result", "code"}`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from vectors.judge import HERE, Files, judge


def wanted(case: dict[str, Any], lacks: Sequence[str] = ()) -> dict[str, str]:
    """Return what a verifier that lacks some features must answer."""
    for what, answer in case.get("without", {}).items():
        if what in lacks:
            return dict(answer)
    return dict(case["expect"])


def answers(command: Sequence[str], index: str = "") -> dict[str, dict[str, str]]:
    """Return what a verifier's own command says of every case."""
    done = subprocess.run(
        [*command, "vectors", index or str(HERE / "index.json")], capture_output=True, check=True, text=True
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["id"]: {"result": row["result"], "code": row["code"]} for row in rows}


def main(command: Sequence[str]) -> int:
    cases = json.loads((HERE / "index.json").read_text())["cases"]
    files, lacks = Files(), ("rfc3161",) if command else ()
    said = answers(command) if command else {}
    wrong = 0
    for case in cases:
        got = said.get(case["id"], {}) if command else judge(case, files)
        if got != wanted(case, lacks):
            wrong += 1
            sys.stdout.write(f"{case['id']}: {got}, not {wanted(case, lacks)}\n")
    sys.stdout.write(f"{len(cases) - wrong} of {len(cases)} cases agree\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
