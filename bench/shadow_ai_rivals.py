"""Other open scanners on the suites of `shadow_ai_suites.py`: from PATH or a variable, absent ones named.

    SECPIPE_AIROM=... SECPIPE_AI_BOM=... SECPIPE_AIBOM_SCANNER=... python bench/shadow_ai_rivals.py [SUITE]

Semgrep's rules for AI are a folder (`ai` of its public rules), named by SECPIPE_SEMGREP_RULES. With SUITE (`seventh`)
only the files `evasion-SUITE*` and `negatives-SUITE*` are asked.

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
import sys
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


def semgrep(program: str, rules: str, all_cases: list[dict[str, Any]]) -> list[list[Any]]:
    """Return what Semgrep's rules matched in each case, with the lines matched; one run, as it starts slowly."""
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place)
        (tree / ".semgrepignore").write_text("")  # its own list leaves out tests and the like
        for number, case in enumerate(all_cases):
            SUITES["lay_out"](case, tree / f"{number:04d}")
        flags = ["--metrics", "off", "--disable-version-check", "--no-git-ignore", "--json", "-j", "1", "-q"]
        argv = [program, "scan", "--config", rules, *flags, "."]
        done = subprocess.run(argv, capture_output=True, cwd=place, timeout=1800, check=False)
        out: list[list[Any]] = [[] for _ in all_cases]
        for match in json.loads(done.stdout)["results"]:
            number, path = int(match["path"].partition("/")[0]), tree / match["path"]
            lines = path.read_text(errors="replace").splitlines()[match["start"]["line"] - 1 : match["end"]["line"]]
            out[number].append([match["check_id"].rpartition(".")[2], match["extra"]["message"], lines])
        return out


def each(program: str, ask: Callable[[str, str], list[Any]], all_cases: list[dict[str, Any]]) -> list[list[Any]]:
    """Return what a tool reports for each case, scanned alone."""
    out = []
    for case in all_cases:
        with tempfile.TemporaryDirectory() as folder:
            SUITES["lay_out"](case, Path(folder))
            out.append(json.loads(json.dumps(ask(program, folder)).replace(folder, "")))
    return out


def told(name: str, seen: int, named: int, alarms: int, of: tuple[int, int]) -> None:
    """Print what one tool came to."""
    info(f"{name}: evasions seen, of {of[0]}", seen)
    info(f"{name}: evasions whose provider is named, of {of[0]}", named)
    info(f"{name}: hard negatives reported, of {of[1]}", alarms)


def counted(name: str, found: list[list[Any]], evasions: list[dict[str, Any]], negatives: int) -> None:
    """Print what one tool came to, of what it reported for each evasion and then for each hard negative."""
    seen, alarms = sum(map(bool, found[: len(evasions)])), sum(map(bool, found[len(evasions) :]))
    said = [json.dumps(items).lower() if items else "" for items in found]
    named = sum(any(word in text for word in words_of(case)) for case, text in zip(evasions, said, strict=False))
    told(name, seen, named, alarms, (len(evasions), negatives))


def main() -> int:
    """Print lines for each tool."""
    suite = f"-{sys.argv[1]}" if len(sys.argv) > 1 else ""
    evasions, negatives = SUITES["cases"](f"evasion{suite}"), SUITES["cases"](f"negatives{suite}")
    ours = [SUITES["run"](case) for case in evasions]
    quiet = [SUITES["run"](case) for case in negatives]
    found, alarms = sum(outcome.found for outcome in ours), sum(not outcome.found for outcome in quiet)
    told("secpipe", found, found, alarms, (len(evasions), len(negatives)))
    for name, (variable, ask) in RIVALS.items():
        program = os.environ.get(variable) or rival(name)
        if program:
            counted(name, each(program, ask, [*evasions, *negatives]), evasions, len(negatives))
        else:
            not_measured(f"{name}: evasions and hard negatives", f"no {name} here (make rivals, or {variable})")
    rules, program = os.environ.get("SECPIPE_SEMGREP_RULES"), rival("semgrep")
    if rules and program:
        counted("semgrep's rules", semgrep(program, rules, [*evasions, *negatives]), evasions, len(negatives))
    else:
        not_measured("semgrep's rules: evasions and hard negatives", "no semgrep, or no SECPIPE_SEMGREP_RULES")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
