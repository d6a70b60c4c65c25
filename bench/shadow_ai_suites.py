"""Precision and recall of the shadow-AI scan on its own suites: `python bench/shadow_ai_suites.py [NAME...]`."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench.measure import claim, info, note  # noqa: E402

CASES = ROOT / "tests/unit/shadow_ai/cases"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Outcome:
    """What the scan said of one case."""

    name: str
    found: bool  # a finding with the right provider (and host, where the case names one)
    wrong: list[str] = field(default_factory=list)  # findings that name another provider in the same file
    said: list[str] = field(default_factory=list)


def cases(prefix: str) -> list[dict[str, Any]]:
    """Return the cases of all files that begin with `prefix`."""
    return [case for path in sorted(CASES.glob(f"{prefix}*.toml")) for case in tomllib.loads(path.read_text())["case"]]


def lay_out(case: dict[str, Any], folder: Path) -> None:
    """Write the files of a case."""
    for name, content in case["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.lstrip("\n").encode(case.get("encoding", "utf-8")))


def run(case: dict[str, Any]) -> Outcome:
    """Scan one case under the default policy."""
    from secpipe.scan.shadow_ai.allow import ShadowAI
    from secpipe.scan.shadow_ai.judge import judge
    from secpipe.scan.shadow_ai.scan import scan
    from secpipe.system.tree import open_tree

    with tempfile.TemporaryDirectory() as folder:
        lay_out(case, Path(folder))
        evidence = scan(open_tree(folder))
    findings = [*evidence.findings, *judge(evidence.facts["uses"], ShadowAI(), env="", now=NOW)]
    said = [f"{finding.rule} {finding.message}" for finding in findings] + [
        f"skipped {s.path}: {s.reason}" for s in evidence.skips
    ]
    provider, host = case.get("provider"), case.get("host")
    matching = [
        finding
        for finding in findings
        if finding.details.get("provider") == provider
        and (host is None or finding.details.get("host") == host)
        and case.get("path") in {None, finding.path}
    ]
    main = case.get("path")
    wrong = [
        f"{finding.details.get('provider')} {finding.details.get('host')}: {finding.message}"
        for finding in findings
        if "host" in finding.details
        and finding.details["provider"] != provider
        and (main is None or finding.path == main)
    ]
    return Outcome(case["name"], bool(matching) if provider else not findings, wrong if provider else [], said)


def main() -> int:
    """Print every miss, then the figures."""
    wanted = sys.argv[1:]
    evasion = [run(case) for case in cases("evasion") if not wanted or any(word in case["name"] for word in wanted)]
    negative = [run(case) for case in cases("negatives") if not wanted or any(word in case["name"] for word in wanted)]
    for outcome in evasion:
        if not outcome.found or outcome.wrong or wanted:
            note(f"{'MISSED' if not outcome.found else 'ALSO' if outcome.wrong else 'ok'}: {outcome.name}")
            for line in outcome.said if not outcome.found or wanted else outcome.wrong:
                note(f"    {line}")
    for outcome in negative:
        if not outcome.found or wanted:
            note(f"FALSE ALARM: {outcome.name}")
            for line in outcome.said:
                note(f"    {line}")
    hits = sum(outcome.found for outcome in evasion)
    alarms = sum(not outcome.found for outcome in negative)
    claim(f"evasions found, of {len(evasion)}", hits, len(evasion), at_least=True)
    info(f"evasions whose provider alone is named, of {len(evasion)}", sum(o.found and not o.wrong for o in evasion))
    claim(f"hard negatives with a finding, of {len(negative)}", alarms, 0)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
