"""Run every benchmark in a process of its own and write bench/results.md."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.measure import NOTE, ROW

HERE = Path(__file__).resolve().parent
NOT_SCRIPTS = {"__init__", "measure", "run", "differential"}  # the last writes pages, of a folder that it is given
VERSIONS = ("click", "cryptography", "semgrep", "pip-audit")
SECONDS = 600
_HOST = platform.node()


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
    """Return the result lines of one script and, if it broke, why: in words that name no place of this machine."""
    return started([sys.executable, "-m", f"bench.{name}"])


def started(argv: list[str]) -> tuple[list[str], str]:
    """Run a script and read its lines; one that is neither a result nor a note is an error, and so are no results."""
    try:
        done = subprocess.run(
            argv,
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return [], f"no end after {SECONDS} s"
    said = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith(NOTE)]
    lines = [line for line in said if ROW.fullmatch(line)]
    unread = [line for line in said if not ROW.fullmatch(line)]
    if done.returncode:
        return lines, placeless((done.stderr.strip().splitlines() or ["no output"])[-1])
    if unread:
        return lines, placeless(f"{len(unread)} lines are no results, the first: {unread[0]}")
    return lines, "" if lines else "it printed no result"


def placeless(text: str) -> str:
    """Return text for a table cell, without paths: they tell where this machine keeps things."""
    text = re.sub(r"(?:[A-Za-z]:)?[~.\w+-]*[/\\][^\s'\"|,;:)\]}>]*", "(path)", text)
    return text.replace("|", "/").replace(_HOST, "(host)")[:300] if len(_HOST) > 3 else text.replace("|", "/")[:300]


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
    for row in rows:
        if place := re.search(r"(?:^|[\s\"'=(])(?:~|[A-Za-z]:)?[/\\]+[\w.-]+[/\\]+\S+", row):
            raise ValueError(f"a path would enter the results: {place[0].strip()!r}")
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
