"""The agents wing: CPU of a thousand items, and other open scanners on the same corpora in the same run.

    python -m bench.agents                                      # one result line a claim
    python -m bench.agents --page docs/compare-agents.md        # and the page

Rivals, each where it is installed (`.rivals/NAME` or PATH): agent-bom, cisco-ai-skill-scanner; both offline, without a
model. Every project of `tests/unit/agents/worlds` is laid out; a tool *tells* of one if it reports anything of medium
severity or worse in it. Each tool is started once a tree.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import claim, cpu, info, not_measured, rival

CORPORA = ("first", "second", "third", "fourth")
KINDS = ("hostile", "honest")
ITEMS = 250  # of each of four kinds
WORSE = {"medium", "high", "critical"}
Told = tuple[set[str], float]


def thousand(root: Path) -> None:
    """Lay out 1,000 items: servers started and called, skills with a program, pages of rules."""
    program = "import csv\nimport sys\n\n" + "".join(f"def f{n}(a):\n    return a + {n}\n\n" for n in range(10))
    for nth in range(ITEMS):
        folder = root / f"p{nth}"
        skill = folder / f".claude/skills/s{nth}"
        skill.mkdir(parents=True)
        servers = {
            "a": {"command": "npx", "args": ["-y", f"@acme/x{nth}@1.0.{nth}"]},
            "b": {"type": "http", "url": f"https://h{nth}.example/mcp"},
        }
        (folder / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
        text = "Run `python run.py` and report the result to the user.\n" * 20
        (skill / "SKILL.md").write_text(f"---\nname: s{nth}\ndescription: d\n---\n# Help\n{text}")
        (skill / "run.py").write_text(f"{program}print(sum(1 for _ in csv.reader(sys.stdin)) + {nth})\n")
        (folder / "AGENTS.md").write_text("# Rules\n- Run the tests.\n- Use type hints.\n" * 10)


def lay_out(root: Path) -> dict[str, list[str]]:
    """Write every project of the corpora below ROOT/KIND; return their names by kind."""
    from tests.unit.agents import worlds

    names: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        for corpus in CORPORA:
            for name, files in worlds.read(f"{corpus}_{kind}.txt"):
                place = root / kind / f"{corpus}-{name}"
                place.mkdir(parents=True)
                worlds.write(place, files)
                names[kind].append(place.name)
    return names


def projects(root: Path, places: Iterable[str]) -> set[str]:
    """Return the names of the projects in which places lie."""
    found = set()
    for place in places:
        path = Path(place) if place.startswith("/") else root / place
        if path.is_relative_to(root) and path != root:
            found.add(path.relative_to(root).parts[0])
    return found


def _ran(argv: list[str], out: Path) -> tuple[dict[str, object], float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "HOME": str(out.parent)}
    subprocess.run(argv, capture_output=True, timeout=250, check=False, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(out.read_text()), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def secpipe(root: Path, out: Path, _: str) -> Told:
    """Return the projects that secpipe tells of, and its CPU seconds."""
    argv = [sys.executable, "-m", "secpipe", "scan", "agents", str(root), "-f", "json", "-o", str(out)]
    said, seconds = _ran(argv, out)
    return projects(root, [one["path"] for one in said["findings"] if one["severity"] in WORSE]), seconds


def agent_bom(root: Path, out: Path, program: str) -> Told:
    """Return the same of agent-bom."""
    said, seconds = _ran([program, "skills", "scan", str(root), "-f", "json", "-o", str(out), "-q"], out)
    return projects(
        root, [one["path"] for one in said["files"] if any(f["severity"] in WORSE for f in one["audit"]["findings"])]
    ), seconds


def skill_scanner(root: Path, out: Path, program: str) -> Told:
    """Return the same of cisco-ai-skill-scanner; it reads skills alone."""
    argv = [program, "scan-all", str(root), "--recursive", "--lenient", "--format", "json", "--output-json", str(out)]
    said, seconds = _ran(argv, out)
    bad = [
        one["skill_path"]
        for one in said["results"]
        if any(finding["severity"].lower() in WORSE for finding in one["findings"])
    ]
    return projects(root, bad), seconds


TOOLS: dict[str, tuple[str, Callable[[Path, Path, str], Told]]] = {
    "secpipe": ("", secpipe),
    "agent-bom": ("agent-bom", agent_bom),
    "cisco-ai-skill-scanner": ("skill-scanner", skill_scanner),
}


def compared(root: Path) -> list[tuple[str, dict[str, tuple[int, int]], float]]:
    """Return for each tool that is here: how many projects it told of, of how many, by part; and its CPU seconds."""
    names = lay_out(root)
    rows = []
    for name, (program, run) in TOOLS.items():
        found_program = rival(name, program) if program else ""
        if found_program is None:
            not_measured(f"{name}: hostile projects told of", "it is not installed")
            continue
        parts: dict[str, tuple[int, int]] = {}
        spent = 0.0
        for kind in KINDS:
            told, seconds = run(root / kind, root / f"{name}-{kind}.json", found_program)
            spent += seconds
            skills = {one for one in names[kind] if any((root / kind / one).rglob("SKILL.md"))}
            parts[kind] = (len(told & {*names[kind]}), len(names[kind]))
            parts[f"{kind}, with a skill"] = (len(told & skills), len(skills))
        rows.append((name, parts, spent))
        for part, (told_of, total) in parts.items():
            info(f"{name}: projects told of, {part}, of {total}", told_of)
        info(f"{name}: CPU seconds for all", spent)
    return rows


def page(rows: list[tuple[str, dict[str, tuple[int, int]], float]], thousand_items: float) -> str:
    """Return docs/compare-agents.md."""
    heads = list(rows[0][1])
    lines = [f"| {name} | {' | '.join(f'{a}/{b}' for a, b in parts.values())} | {spent:.1f} |"
             for name, parts, spent in rows]  # fmt: skip
    return f"""# What agents may do: how the open tools compare

*Made on {datetime.now(UTC):%Y-%m-%d} by `python -m bench.agents --page docs/compare-agents.md`, on a shared
machine; each tool offline, without a model, with its own defaults, started once a tree. The projects are data
(`tests/unit/agents/worlds`).*

| tool | {" | ".join(heads)} | CPU s |
|---|{"---|" * (len(heads) + 1)}
{chr(10).join(lines)}

A tool *tells* of a project if it reports anything of medium severity or worse in it. Of hostile projects more is
better, of honest ones fewer. The scan of 1,000 items took secpipe {thousand_items:.2f} s of CPU in the same run.

**The corpora are ours, and our rules were mended after each of them**: what secpipe finds of them today is a
regression test. What counts is the first sight of each, before any rule was touched:

| corpus | hostile told of | honest told of |
|---|---|---|
| first | 74.7 % | not kept |
| second | 70.9 % | not kept |
| third | 53 of 63 (84.1 %) | 4 of 64 |
| fourth | 37 of 42 (88.1 %) | 2 of 40 |

What the others do that we do not: agent-bom looks up the vulnerabilities of the packages behind servers and watches
running ones; cisco-ai-skill-scanner can ask a model about prose. It reads skills alone, so the columns *with a skill*
are its own field. Neither holds what it finds against a list of what was approved, by whom, until when.
"""


def main() -> None:
    """Print the claims; with `--page FILE` write the page, too."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve()
        (root / "thousand").mkdir()
        thousand(root / "thousand")
        argv = [sys.executable, "-m", "secpipe", "scan", "agents", str(root / "thousand"), "-f", "json"]
        seconds = min(cpu(argv)() for _ in range(3))
        claim("scan agents of 1,000 items: CPU seconds", seconds, 2.0)
        rows = compared(root / "corpora")
        if "--page" in sys.argv:
            Path(sys.argv[sys.argv.index("--page") + 1]).write_text(page(rows, seconds), "utf-8")


if __name__ == "__main__":
    main()
