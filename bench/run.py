"""Run every benchmark in a process of its own and write bench/results.md."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOT_SCRIPTS = {"__init__", "measure", "run"}
VERSIONS = ("click", "cryptography", "semgrep", "pip-audit")
SECONDS = 600


def main() -> int:
    """Run all, or those named on the command line; return 1 if a script broke (a missed budget is no error)."""
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_SCRIPTS)
    rows: list[str] = []
    broken = False
    for name in names:
        print(f"== {name}", flush=True)
        lines, error = run(name)
        broken |= bool(error)
        print("\n".join(lines) + (error and f"\n{error}"), flush=True)
        rows += [f"| {name} | {line} |" for line in lines]
        if error:
            rows.append(f"| {name} | (script) | - | - | broken: {error} |")
    (HERE / "results.md").write_text(page(rows), encoding="utf-8")
    return int(broken)


def run(name: str) -> tuple[list[str], str]:
    """Return the result lines of one script and, if it broke, its last line of error."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"],
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return [], f"no end after {SECONDS} s"
    lines = [line for line in done.stdout.splitlines() if line.count(" | ") == 3]
    if done.returncode == 0:
        return lines, ""
    return lines, (done.stderr.strip().splitlines() or ["no output"])[-1].replace("|", "/")


def page(rows: list[str]) -> str:
    """Return results.md: date, machine class and versions, but no host name and no path."""
    import secpipe

    found = [f"secpipe {secpipe.__version__}", f"Python {platform.python_version()}"]
    for package in VERSIONS:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    return "\n".join(
        [
            "# Benchmark results",
            "",
            f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine}; {', '.join(found)}.",
            "Ratios of medians, ours against the rival, interleaved in one run (`make bench`; see `bench/README.md`).",
            "",
            "| script | claim | ratio | budget | met |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
