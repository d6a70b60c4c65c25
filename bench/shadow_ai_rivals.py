"""Other open scanners on the suites of `shadow_ai_suites.py`: from PATH or a variable, absent ones named.

    SECPIPE_AIROM=... SECPIPE_AI_BOM=... SECPIPE_AIBOM_SCANNER=... python bench/shadow_ai_rivals.py

Counted in the rivals' favour: an evasion counts as *seen* if anything is reported, as *named* if the provider's id,
name or host stands anywhere in what is reported (a quoted source line is enough); a hard negative counts against a tool
if anything is reported.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measure import info, not_measured, rival

SUITES = runpy.run_path(str(Path(__file__).with_name("shadow_ai_suites.py")))


def _ran(argv: list[str]) -> Any:
    done = subprocess.run(argv, capture_output=True, timeout=120, check=False)
    return json.loads(done.stdout or b"{}")


def airom(program: str, folder: str) -> list[Any]:
    """Return airom's components without the root."""
    return [
        item
        for item in _ran([program, "scan", folder, "-o", "json"]).get("components", ())
        if item["kind"] != "application"
    ]


def ai_bom(program: str, folder: str) -> list[Any]:
    """Return ai-bom's components."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out.json"
        subprocess.run(
            [program, "scan", folder, "-f", "json", "-q", "-o", str(out)], capture_output=True, timeout=120, check=False
        )
        return json.loads(out.read_text()).get("components", []) if out.exists() else []


def aibom_scanner(program: str, folder: str) -> list[Any]:
    """Return what aibom-scanner detected."""
    document = _ran([program, "scan", "-p", folder, "-f", "json"])
    keys = ("detections", "dependencies", "dev_tools", "secrets", "mcp_servers")
    return [item for key in keys for item in document.get(key, ())]


RIVALS: dict[str, tuple[str, Callable[[str, str], list[Any]]]] = {
    "airom": ("SECPIPE_AIROM", airom),
    "ai-bom": ("SECPIPE_AI_BOM", ai_bom),
    "aibom-scanner": ("SECPIPE_AIBOM_SCANNER", aibom_scanner),
}


def words_of(case: dict[str, Any]) -> list[str]:
    """Return the words by which a tool may name the provider of a case."""
    from secpipe.scan.shadow_ai.catalogue import read_catalogue

    provider = read_catalogue().providers.get(case["provider"])
    words = [case["provider"], case.get("host", "")]
    if provider:
        words += [provider.name, re.split(r"[ (/]", provider.name)[0]]
    return [word.lower() for word in words if len(word) > 2]


def told(name: str, seen: int, named: int, alarms: int) -> None:
    """Print what one tool came to."""
    evasions, negatives = len(SUITES["cases"]("evasion")), len(SUITES["cases"]("negatives"))
    info(f"{name}: evasions seen, of {evasions}", seen)
    info(f"{name}: evasions whose provider is named, of {evasions}", named)
    info(f"{name}: hard negatives reported, of {negatives}", alarms)


def main() -> int:
    """Print lines for each tool."""
    evasions, negatives = SUITES["cases"]("evasion"), SUITES["cases"]("negatives")
    ours = [SUITES["run"](case) for case in evasions]
    quiet = [SUITES["run"](case) for case in negatives]
    found, alarms = sum(outcome.found for outcome in ours), sum(not outcome.found for outcome in quiet)
    told("secpipe", found, found, alarms)
    for name, (variable, ask) in RIVALS.items():
        program = os.environ.get(variable) or rival(name)
        if not program:
            not_measured(f"{name}: evasions and hard negatives", f"no {name} here (make rivals, or {variable})")
            continue
        seen = named = alarms = 0
        for case in [*evasions, *negatives]:
            with tempfile.TemporaryDirectory() as folder:
                SUITES["lay_out"](case, Path(folder))
                items = ask(program, folder)
                if "provider" not in case:
                    alarms += bool(items)
                    continue
                seen += bool(items)
                said = json.dumps(items).lower().replace(folder.lower(), "")
                named += bool(items) and any(word in said for word in words_of(case))
        told(name, seen, named, alarms)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
